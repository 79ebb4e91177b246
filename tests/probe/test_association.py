"""Units against tracks: known figures by other ways, and chance that is called chance."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import mannwhitneyu, spearmanr

from unrolled.errors import TextTooShortError
from unrolled.probe import association
from unrolled.probe.association import FINEST, _Ring, associate

N = 3000


def slow(random, rows, length=N):
    """Courses that remember some thirty steps, as units and tracks of a text do."""
    noise = random.normal(size=(rows, length))
    return lfilter([1], [1, -0.97], noise, axis=-1).astype(np.float32)


def slow_tracks(random, rows, length=N):
    return (slow(random, rows, length) > 0).astype(np.float32)


def test_figures_are_those_of_mann_whitney_and_spearman_ties_and_all():
    random = np.random.default_rng(0)
    units = np.round(slow(random, 4), 0)
    units[1] = -np.abs(units[1])
    tracks = np.stack([*slow_tracks(random, 2), np.round(slow(random, 1)[0])])
    found = associate(units, tracks)
    for u, k in np.ndindex(4, 3):
        wanted = spearmanr(units[u], tracks[k]).statistic
        assert found.correlation[u, k] == pytest.approx(wanted, abs=1e-5)
    for u, k in np.ndindex(4, 2):
        on, off = units[u][tracks[k] == 1], units[u][tracks[k] == 0]
        wanted = mannwhitneyu(on, off).statistic / (len(on) * len(off))
        assert found.auc[u, k] == pytest.approx(wanted, abs=1e-5)
    assert np.isnan(found.auc[:, 2]).all()


@pytest.mark.parametrize("block", [1, 4])
def test_all_shifts_at_once_are_what_each_is_alone(block):
    random = np.random.default_rng(0)
    ring = _Ring(slow_tracks(random, 3, 400), block)
    courses = slow(random, 2, 400)
    found = ring.correlations(courses)
    for shift in range(400 // block):
        turned = np.roll(courses, shift * block, axis=-1)
        np.testing.assert_allclose(found[..., shift], turned @ ring.tracks.T / 400, atol=1e-4)


def test_a_unit_that_follows_a_track_is_found_and_no_other():
    random = np.random.default_rng(0)
    units, tracks = np.tanh(slow(random, 40)), slow_tracks(random, 6)
    tracks[4] = units[17] + random.normal(size=N) / 2 > 0
    found = associate(units, tracks, shifts=999)
    assert found.shifts == 999
    assert np.argwhere(found.p < 0.05).tolist() == [[17, 4]]
    assert found.p[17, 4] == 1 / 1000
    assert found.auc[17, 4] > 0.9


def test_the_text_is_cut_into_blocks_if_it_is_long():
    random = np.random.default_rng(0)
    length = 3 * FINEST + 100
    units, tracks = np.tanh(slow(random, 3, length)), slow_tracks(random, 2, length)
    tracks[1] = units[2] > 0
    found = associate(units, tracks)
    assert found.p[2, 1] == 1 / 1001
    assert (np.delete(found.p.ravel(), 5) > 0.01).all()


def test_chance_is_called_chance():
    least = []
    for seed in range(100):
        random = np.random.default_rng(seed)
        units, tracks = np.tanh(slow(random, 10, 20_000)), slow_tracks(random, 4, 20_000)
        least.append(associate(units, tracks, shifts=199, seed=seed).p.min())
    assert np.mean(np.array(least) <= 0.01) <= 0.04
    assert np.mean(np.array(least) <= 0.2) <= 0.32
    assert np.mean(np.array(least) <= 0.5) == pytest.approx(0.5, abs=0.17)


def test_what_never_changes_follows_nothing():
    random = np.random.default_rng(0)
    units, tracks = slow(random, 3), slow_tracks(random, 3)
    units[1], tracks[2] = 0.25, 1
    found = associate(units, tracks)
    never = np.zeros((3, 3), dtype=bool)
    never[1] = never[:, 2] = True
    for figures in (found.correlation, found.auc):
        assert (np.isnan(figures) == never).all()
    assert (found.p[never] == 1).all()


def test_the_same_seed_draws_the_same_shifts():
    random = np.random.default_rng(0)
    units, tracks = slow(random, 3), slow_tracks(random, 3)
    one, same, other = (associate(units, tracks, shifts=300, seed=s).p for s in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_a_text_too_short_for_statistics_is_refused():
    with pytest.raises(TextTooShortError, match="199 characters, but statistics needs at least 20"):
        associate(np.zeros((1, 199)), np.zeros((1, 199)))


def test_the_best_of_all_units_counts_however_many_are_in_memory(monkeypatch):
    random = np.random.default_rng(0)
    units, tracks = random.normal(size=(40, 600)).cumsum(1), random.normal(size=(1, 600)).cumsum(1)
    few = associate(units, tracks)
    monkeypatch.setattr(association, "TOGETHER", 64)
    np.testing.assert_array_equal(few.p, associate(units, tracks).p)
    alone = np.concatenate([associate(units[i : i + 1], tracks).p for i in range(40)])
    assert (few.p >= alone).all()
    assert (few.p > alone).mean() > 0.5


def test_the_text_as_it_stands_is_none_of_its_shifts():
    track = (np.random.default_rng(0).random(500) < 0.3).astype(np.float32)[None]
    found = associate(track, track, shifts=10_000)
    assert found.shifts == 499
    assert found.p[0, 0] == 1 / 500
