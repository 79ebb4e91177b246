"""The sentences say what was seen, and what was not."""

from dataclasses import replace

import numpy as np
import pytest
from tests.probe.planted import LATCH
from tests.probe.report.examined import examined

from unrolled.probe.distances import Bin, Closing
from unrolled.probe.effects import Change, Effect, Held
from unrolled.probe.gradients import GradientMap
from unrolled.probe.linear import Readable
from unrolled.probe.oracles import Peeling, Row
from unrolled.probe.report.words import is_good, summary
from unrolled.probe.taps import Source
from unrolled.probe.tracks import track
from unrolled.probe.units import Found, Unit

N = 6_000
CHANGE = Change(-0.5, -0.6, -0.4)
UNIT = Unit(Source("recurrent", 0, "h"), 7)
HALF_ON = np.arange(N) % 2


def said(seen):
    return [str(sentence) for sentence in summary(seen)]


def about(seen, lead):
    return next(sentence.text for sentence in summary(seen) if sentence.lead.startswith(lead))


def test_the_first_sentence_says_what_read_what():
    seen = examined()
    bits = -np.nanmean(seen.tape.log_likelihood) / np.log(2)
    wanted = f"planted-0 (cell lstm, units 12) read 6,000 characters, at {bits:.3f} bits each."
    assert said(seen)[0] == wanted
    assert said(seen)[1] == (
        "Of units and tracks that change slowly, over thousands of characters, p is a little too "
        "small, the more so in so short a text (fewer than 20,000 characters)."
    )
    assert said(replace(seen, text=seen.text * 4))[1].startswith("Tracks that a unit follows")


def test_each_good_unit_is_named_with_its_figures():
    seen = examined()
    good = [found for found in seen.finding.best if is_good(found)]
    assert LATCH in [found.track.name for found in good]
    for found in good:
        text = about(seen, found.track.name)
        assert text.startswith(str(found.unit))
        assert f"{found.measure} {found.score:.3f} (p = {found.p:.3f}" in text
    how_many, tracks = about(seen, "Tracks that a unit follows"), len(seen.finding.tracks)
    assert how_many.startswith(f"{len(good)} of {len(seen.finding.best)} (AUC 0.9 or R² 0.8 on")
    assert f"the 24 x {tracks} pairs that were tried" in how_many


@pytest.mark.parametrize(
    ("score", "threshold", "p", "good"),
    [
        (0.9, 0.5, 0.009, True),
        (0.89, 0.5, 0.009, False),
        (0.8, None, 0.009, True),
        (0.79, None, 0.009, False),
        (0.99, 0.5, 0.01, False),
        (0.99, None, 0.5, False),
    ],
)
def test_a_good_unit_is_close_and_not_by_chance(score, threshold, p, good):
    assert is_good(Found(track("some", "", np.arange(3)), UNIT, score, True, threshold, p)) == good


def test_what_a_held_unit_does_is_said_by_the_difference():
    seen = examined()
    of_latch = next(e for e in seen.effects if e.found.track.name == LATCH)

    def with_difference(difference, like="low"):
        held = Held(0.25, like, Change(-0.5, -0.6, -0.4), Change(-0.01, -0.02, 0), difference)
        effects = [Effect(of_latch.found, held, held) if e is of_latch else e for e in seen.effects]
        return about(replace(seen, effects=effects), LATCH)

    assert with_difference(Change(-0.49, -0.59, -0.39)).endswith(
        "Held at +0.25, its mean where the track is off, it changes the log-likelihood of a "
        "character by -0.500 nats where the track is on, -0.010 where it is off: a difference of "
        "-0.490 [-0.590, -0.390]."
    )
    for nothing in (Change(-0.1, -0.3, 0.2), Change(0.1, 0.05, 0.2)):
        assert with_difference(nothing, "high").endswith("], which shows nothing.")
    assert "by -0.500 nats where the track is off" in with_difference(CHANGE, "high")
    assert "does not change there" in with_difference(Change(np.nan, np.nan, np.nan))


def test_tracks_without_a_unit_and_silent_ones_are_named():
    seen = examined()
    poor = [found for found in seen.finding.best if not is_good(found)]
    text = about(seen, "No single unit is enough")
    assert all(f"{found.track.name} ({found.measure} {found.score:.2f}" in text for found in poor)
    never = track("never", "", np.zeros(len(seen.text)))
    silent = replace(seen, finding=replace(seen.finding, silent=[never]))
    assert "Of never nothing can be said: in a half of the text they never change" in "\n".join(
        said(silent)
    )


def test_a_short_text_is_said_to_be_too_short():
    seen = replace(examined(), finding=None, effects=[], readable=[], notes=("It is too short.",))
    assert said(seen)[-1] == "It is too short."
    assert "a unit follows" not in "\n".join(said(seen))


def told_of(values=HALF_ON, *, score=0.95, p=0.004, together=0.97):
    """What is said of one track that a unit follows so closely."""
    marks, seen = track("speech", "", values), examined()
    found = Found(marks, UNIT, score, True, 0.5, p)
    held = Held(0.25, "low", CHANGE, CHANGE, CHANGE)
    finding = replace(seen.finding, best=[found], silent=[])
    effects, readable = [Effect(found, held, held)], [Readable(marks, together)]
    return said(replace(seen, finding=finding, effects=effects, readable=readable))[3]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"p": 1 / 4097}, "follows it, AUC 0.950 (p < 0.001; all units together 0.970). Held"),
        ({"p": 1 / 1001}, "follows it, AUC 0.950 (p = 0.001; all units together 0.970). Held"),
        ({"together": np.nan}, "follows it, AUC 0.950 (p = 0.004). Held"),
        ({"score": 0.5, "p": 1 / 4097}, "speech (AUC 0.50, p < 0.001, unit 7 of h; all units"),
        ({"score": 0.5, "together": np.nan}, "speech (AUC 0.50, p = 0.004, unit 7 of h)."),
        ({"score": np.nan, "p": 1.0}, "speech (no AUC, p = 1.000, unit 7 of h; all units"),
    ],
)
def test_no_p_is_said_to_be_zero_and_what_is_not_known_is_not_said(changes, wanted):
    text = told_of(**changes)
    assert wanted in text.replace(" (recurrent, layer 0)", "")
    assert "nan" not in text


@pytest.mark.parametrize("side", ["on", "off"])
@pytest.mark.parametrize(
    ("count", "wanted"), [(1, "1 character)"), (99, "99 characters)"), (100, None)]
)
def test_a_track_that_is_hardly_ever_on_or_off_where_it_is_judged_says_so(side, count, wanted):
    values = HALF_ON.copy()  # in the first half
    values[N // 2 :] = np.arange(N // 2) < count
    texts = [told_of(values if side == "on" else 1 - values, score=score) for score in (0.95, 0.5)]
    for text in texts:
        assert "at only" not in text if wanted is None else f"; {side} at only {wanted}" in text


def test_the_horizon_is_said_as_far_as_steps_reach():
    seen = examined()
    h, c = seen.maps.values()
    assert h.horizon is not None and c.horizon is None
    assert about(seen, "Memory horizon") == (
        f"{h.horizon} for h (recurrent, layer 0), more than {c.reach - 1} for c (recurrent, "
        "layer 0): so many characters back the gradient of a loss is below 1 % of what it is at "
        "lag 0."
    )


def test_a_state_on_which_no_loss_depends_has_no_horizon():
    seen = examined()
    h, c = seen.maps
    nothing, later = np.tril(np.zeros((9, 9))), np.tril(np.ones((9, 9)))
    later[:, 0] = 0
    maps = {h: GradientMap(h, nothing), c: GradientMap(c, later)}
    text = "\n".join(said(replace(seen, maps=maps)))
    assert f"No loss depends on {h} at any lag: it has no memory horizon." in text
    assert f"No loss depends on {c} at lag 0: it has no memory horizon." in text
    assert "Memory horizon" not in text
    assert about(replace(seen, maps={**maps, c: seen.maps[c]}), "Memory horizon").startswith("more")


def test_errors_are_shared_out():
    rows = (
        Row("n-gram", "order 1", "", 30),
        Row("memory", "100", "", 120),
        Row("left", "", "", 50),
    )
    peeling = Peeling(5_999, 200, rows, np.zeros(6_000, dtype=np.int8))
    assert about(replace(examined(), peeling=peeling), "Errors") == (
        "to 3% of the characters it gave less than a half. Who would have known better, one after "
        "another: n-gram 15%, memory 60%, left 25%."
    )


def test_near_and_far_signs_are_told_apart():
    near, far = Bin(1, 1, 20, 0.9, 0.1, 0.8, 0.1), Bin(8, 15, 40, 0.25, 0.1, 0.2, 0.1)
    few = Bin(64, 127, 19, 0.5, 0.1, 0.4, 0.1)
    seen = replace(examined(), closings=[Closing("quotes", "", (near, far, few))])
    assert about(seen, "Closing quotes") == (
        "90% right where they opened 1 character before, 25% where they opened 8 to 15 characters "
        "before."
    )
