"""The finder on made-up units: it finds those that were made to follow, and no others."""

import numpy as np
import pytest
from scipy.signal import lfilter
from tests.probe.tapes import tape_of

from unrolled.errors import TextTooShortError
from unrolled.probe.taps import Source
from unrolled.probe.tracks import track
from unrolled.probe.units import Unit, best_threshold, find_units, significant

N = 12_000
LOW, HIGH = Source("recurrent", 0, "h"), Source("recurrent", 1, "h")


def slow(random, rows, length=N):
    """Courses that remember some thirty steps, as units and tracks of a text do."""
    noise = random.normal(size=(rows, length))
    return lfilter([1], [1, -0.97], noise, axis=-1).astype(np.float32)


def made_up(seed, length=N):
    """Twelve units in two layers, and three tracks that nothing ties to them."""
    random = np.random.default_rng(seed)
    values = {source: np.tanh(slow(random, 6, length)) for source in (LOW, HIGH)}
    courses = slow(random, 3, length)
    tracks = [
        track("quotes", "", courses[0] > 0),
        track("column", "", np.round(courses[1])),
        track("rare", "", courses[2] > 9),
    ]
    return values, tracks


@pytest.mark.parametrize("seed", range(20))
def test_units_that_follow_tracks_are_found(seed):
    values, tracks = made_up(seed)
    noise = np.random.default_rng(seed).normal(size=(3, N)) / 4
    values[HIGH][4] = np.tanh(2 * tracks[0].values - 1 + noise[0])
    values[LOW][2] = -np.tanh(tracks[1].values / 20 + noise[1] / 4)
    finding = find_units(tape_of(values), tracks)
    quotes, column, _ = finding.best
    assert (quotes.unit, quotes.rises, quotes.measure) == (Unit(HIGH, 4), True, "AUC")
    assert (column.unit, column.rises, column.measure) == (Unit(LOW, 2), False, "R²")
    assert quotes.score > 0.95
    assert quotes.threshold == pytest.approx(0, abs=0.3)
    assert column.score > 0.8
    assert column.threshold is None
    assert max(quotes.p, column.p) < 0.01
    assert {(u, t.name) for u, t, _ in significant(finding)} >= {
        (quotes.unit, "quotes"), (column.unit, "column")
    }  # fmt: skip
    assert str(quotes.unit) == "unit 4 of h (recurrent, layer 1)"


def test_where_nothing_follows_nothing_is_found():
    found = [any(significant(find_units(tape_of(made_up(seed)[0]), made_up(seed)[1])))
             for seed in range(100)]  # fmt: skip
    assert sum(found) <= 3


def test_a_falling_unit_is_scored_as_one_that_rises():
    values, tracks = made_up(0)
    up = find_units(tape_of({LOW: tracks[0].values[None] * 0.5}), tracks[:1]).best[0]
    down = find_units(tape_of({LOW: tracks[0].values[None] * -0.5}), tracks[:1]).best[0]
    assert (up.score, up.rises, up.threshold) == (1, True, 0.25)
    assert (down.score, down.rises, down.threshold) == (1, False, -0.25)


def test_figures_are_of_the_part_on_which_nothing_was_chosen():
    values, tracks = made_up(0)
    values[LOW][1, : N // 2] = tracks[0].values[: N // 2]  # follows in the first half alone
    found = find_units(tape_of(values), tracks).best[0]
    assert found.unit == Unit(LOW, 1)
    assert found.score < 0.7
    assert found.p > 0.01


def test_a_drift_that_goes_along_for_half_a_text_is_not_preferred():
    values, tracks = made_up(0)
    drift = np.arange(N) / N
    slow_track = track("drifting", "", drift + np.sin(np.arange(N) / 7) / 20)
    values[HIGH][0] = drift  # correlates at 0.97, and says nothing
    values[LOW][3] = np.sin(np.arange(N) / 7) + np.random.default_rng(0).normal(size=N) / 2
    assert find_units(tape_of(values), [slow_track]).best[0].unit == Unit(LOW, 3)


def test_tracks_that_never_change_are_named_and_have_no_figures():
    values, tracks = made_up(0)
    never = track("never", "", np.zeros(N))
    once = track("in the first half alone", "", np.arange(N) == 5)
    finding = find_units(tape_of(values), [never, *tracks, once])
    assert [t.name for t in finding.silent] == [never.name, once.name]
    assert [found.track.name for found in finding.best] == ["quotes", "column", "rare"]
    alone = find_units(tape_of(values), [never])
    assert (alone.best, alone.silent, [*significant(alone)]) == ([], [never], [])


def test_a_threshold_hits_both_sides_best():
    random = np.random.default_rng(0)
    course = np.round(random.normal(size=300), 1)
    on = course + random.normal(size=300) > 0.7
    sides = [
        ((course > t)[on].mean() + (course < t)[~on].mean(), t)
        for t in np.arange(-3.05, 3, 0.1)
    ]  # fmt: skip
    got = best_threshold(course, on)
    hits = (course > got)[on].mean() + (course < got)[~on].mean()
    assert hits == pytest.approx(max(sides)[0])


def test_a_text_too_short_is_refused():
    values, tracks = made_up(0, 399)
    with pytest.raises(TextTooShortError, match="the cell finder needs at least 400"):
        find_units(tape_of(values), tracks)


def test_direction_line_and_threshold_are_of_the_first_half():
    values, tracks = made_up(0)
    turn = np.where(np.arange(N) < N // 2, 1, -1)
    values[LOW][1] = (tracks[0].values - 0.5) * turn + (turn < 0) * 3
    values[HIGH][2] = tracks[1].values / 20 * turn
    mark, number, _ = find_units(tape_of(values), tracks).best
    assert (mark.unit, mark.rises, mark.score < 1e-3) == (Unit(LOW, 1), True, True)
    assert mark.threshold == 0
    assert (number.unit, number.rises) == (Unit(HIGH, 2), True)
    assert number.score < -1


def test_a_track_of_large_numbers_is_followed_as_well():
    values, tracks = made_up(0)
    values[LOW][1] = np.tanh(tracks[1].values / 20)
    far = track("far", "", tracks[1].values + 100_000)
    near, away = (find_units(tape_of(values), [each]).best[0] for each in (tracks[1], far))
    assert (away.unit, away.p) == (near.unit, near.p)
    assert away.score == pytest.approx(near.score, rel=1e-3)
