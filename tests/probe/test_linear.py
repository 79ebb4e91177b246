"""The probe on all units reads what they hold together, and is judged where it did not learn."""

import numpy as np
import pytest
from tests.probe.tapes import tape_of

from unrolled.probe import linear
from unrolled.probe.linear import linear_probes
from unrolled.probe.scores import auc, r_squared
from unrolled.probe.taps import Source
from unrolled.probe.tracks import track

N = 4_000


def layers_of(*rows):
    return tape_of({Source("", i, "h"): row.astype(np.float32) for i, row in enumerate(rows)})


def test_what_no_single_unit_says_the_probe_reads():
    random = np.random.default_rng(0)
    hidden, noise = random.normal(size=(2, N)), random.normal(size=(3, N))
    tape = layers_of(np.stack([hidden[0] + 3 * noise[0], noise[0]]), hidden[1:] * 100 + 5)
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
    (found,) = linear_probes(layers_of(units), [track("lost", "", values)])
    assert found.score == pytest.approx(-1, abs=0.2)  # twice the variance is missed


def test_a_number_is_read_with_its_height():
    hidden = np.random.default_rng(0).normal(size=(1, N))
    (found,) = linear_probes(layers_of(hidden), [track("number", "", 7 + hidden[0])])
    assert found.score > 0.99


def test_a_unit_that_runs_off_in_the_second_half_does_not_drown_the_others():
    random = np.random.default_rng(0)
    hidden, other = random.normal(size=(2, N))
    other[N // 2 :] *= 1e4
    units = np.stack([hidden, other])
    (found,) = linear_probes(layers_of(units), [track("number", "", hidden + 0.1 * units[1] / 1e4)])
    assert found.score > 0.9


@pytest.mark.parametrize("rarely", [1, 0])
def test_a_track_that_hardly_ever_changes_is_not_missed(rarely, monkeypatch):
    monkeypatch.setattr(linear, "PLACES", 50)  # 0, 40, 80 ..., which do not see it
    values = np.full(N, 1.0 - rarely)
    values[[11, 501, 1503, 2013, 3337, 3999]] = rarely
    units = np.random.default_rng(0).normal(size=(1, N)) + 9 * values
    (found,) = linear_probes(layers_of(units), [track("rare", "", values)])
    assert found.score > 0.99


def test_every_place_of_the_second_half_is_judged(monkeypatch):
    monkeypatch.setattr(linear, "PLACES", 50)
    random = np.random.default_rng(0)
    units = random.normal(size=(1, N))
    lost = (np.arange(N) >= N // 2) & (np.arange(N) % 40 > 0)
    values = np.where(lost, random.normal(size=N), units[0])
    (found,) = linear_probes(layers_of(units), [track("lost", "", values)])
    assert found.score == pytest.approx(-1, abs=0.2)


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
