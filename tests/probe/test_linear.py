"""The probe on all units reads what they hold together, and is judged where it did not learn."""

from pathlib import Path

import numpy as np
import pytest

from unrolled.probe.linear import linear_probes
from unrolled.probe.recorder import Tape
from unrolled.probe.scores import auc, r_squared
from unrolled.probe.taps import Source
from unrolled.probe.tracks import track

N = 4_000


def tape_of(*rows):
    values = {Source("", i, "h"): row.astype(np.float32) for i, row in enumerate(rows)}
    nothing = np.zeros(N)
    return Tape(nothing, values, nothing, nothing, nothing, Path())


def test_what_no_single_unit_says_the_probe_reads():
    random = np.random.default_rng(0)
    hidden, noise = random.normal(size=(2, N)), random.normal(size=(3, N))
    tape = tape_of(np.stack([hidden[0] + 3 * noise[0], noise[0]]), hidden[1:] * 100 + 5)
    number = track("number", "", hidden[0])
    mark = track("mark", "", hidden[1] + hidden[0] > 0)
    free = track("free", "", noise[2])
    of_number, of_mark, of_free = linear_probes(tape, [number, mark, free])
    assert of_number.score > 0.97
    assert of_mark.score > 0.99
    assert of_free.score == pytest.approx(0, abs=0.02)


def test_it_is_judged_on_the_second_half():
    random = np.random.default_rng(0)
    units = random.normal(size=(1, N))
    values = units[0].copy()
    values[N // 2 :] = random.normal(size=N // 2)
    (found,) = linear_probes(tape_of(units), [track("lost", "", values)])
    assert found.score == pytest.approx(-1, abs=0.2)  # twice the variance is missed


def test_auc_and_r_squared_are_what_their_definitions_say():
    random = np.random.default_rng(0)
    score = np.round(random.normal(size=300), 1)
    on = random.random(300) < 0.3
    pairs = score[on][:, None] - score[~on]
    assert auc(score, on) == pytest.approx(((pairs > 0) + (pairs == 0) / 2).mean())
    wanted = random.normal(size=50)
    assert r_squared(wanted, wanted) == 1
    assert r_squared(np.full(50, wanted.mean()), wanted) == pytest.approx(0)
    assert r_squared(wanted / 2, wanted) == pytest.approx(
        1 - (wanted**2).sum() / 4 / ((wanted - wanted.mean()) ** 2).sum()
    )
