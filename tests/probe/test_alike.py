"""Where a unit is highest, and which units go together."""

import numpy as np
import pytest
from tests.probe.tapes import tape_of

from unrolled.probe.alike import clusters, strongest_places
from unrolled.probe.taps import Source
from unrolled.probe.units import Unit

N = 3_000
H = Source("", 0, "h")


def test_places_are_the_highest_that_are_apart():
    random = np.random.default_rng(0)
    course = random.normal(size=N)
    course[[100, 110, 700, 1500]] = 9, 8, 7, 6
    assert strongest_places(course, 3) == [100, 700, 1500]
    assert strongest_places(course, 4, apart=5) == [100, 110, 700, 1500]
    assert strongest_places(np.zeros(10), 5) == [strongest_places(np.zeros(10), 1)[0]]


def test_units_that_go_together_or_against_each_other_are_one_group():
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, N))
    noise = random.normal(size=(7, N)) / 4
    rows = [a, b, -a, random.normal(size=N), a, b, np.zeros(N) - noise[6]]
    values = np.stack([row + n for row, n in zip(rows, noise, strict=True)]).astype(np.float32)
    values[6] = 1  # never changes
    tape = tape_of({H: values})
    units = [Unit(H, index) for index in range(7)]
    found = [[unit.index for unit in group] for group in clusters(tape, units)]
    assert found == [[0, 2, 4], [1, 5]]
    assert clusters(tape, units[6:]) == []


@pytest.mark.parametrize(("alike", "count"), [(0.9, 0), (0.5, 1)])
def test_a_group_is_as_alike_as_is_asked(alike, count):
    random = np.random.default_rng(1)
    shared = random.normal(size=N)
    values = np.stack([shared + random.normal(size=N) * 0.6 for _ in range(3)])  # r = 0.74
    tape = tape_of({H: values})
    assert len(clusters(tape, [Unit(H, index) for index in range(3)], alike=alike)) == count


def test_two_units_are_one_group_up_to_their_correlation_and_no_further():
    random = np.random.default_rng(2)
    first, noise = random.normal(size=(2, N))
    tape = tape_of({H: np.stack([first, noise - first])})
    r = abs(np.corrcoef(*tape.values[H])[0, 1])
    units = [Unit(H, 0), Unit(H, 1)]
    assert clusters(tape, units, alike=r - 1e-3) == [units]
    assert clusters(tape, units, alike=r + 1e-3) == []
