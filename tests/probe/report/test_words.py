"""The sentences say what was seen, and what was not."""

from dataclasses import replace

import numpy as np
from tests.probe.planted import LATCH
from tests.probe.report.examined import examined

from unrolled.probe.effects import Change, Effect, Held
from unrolled.probe.report.words import is_good, summary
from unrolled.probe.tracks import track

CHANGE = Change(-0.5, -0.6, -0.4)


def said(seen):
    return [str(sentence) for sentence in summary(seen)]


def about(seen, lead):
    return next(sentence.text for sentence in summary(seen) if sentence.lead.startswith(lead))


def test_the_first_sentence_says_what_read_what():
    seen = examined()
    bits = -np.nanmean(seen.tape.log_likelihood) / np.log(2)
    wanted = f"planted-0 (cell lstm, units 12) read 6,000 characters, at {bits:.3f} bits each."
    assert said(seen)[0] == wanted
    assert said(seen)[1].startswith("The text is short: with fewer than 20,000 characters")


def test_each_good_unit_is_named_with_its_figures():
    seen = examined()
    good = [found for found in seen.finding.best if is_good(found)]
    assert LATCH in [found.track.name for found in good]
    for found in good:
        text = about(seen, found.track.name)
        assert text.startswith(str(found.unit))
        assert f"{found.measure} {found.score:.3f} (p = {found.p:.3f}" in text
    pairs = 24 * len(seen.finding.tracks)
    assert f"{len(good)} of {len(seen.finding.best)} tracks are followed by a unit" in said(seen)[2]
    assert f"the {pairs:,} pairs" in said(seen)[2]


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
    assert "followed by a unit" not in "\n".join(said(seen))
