"""The finder names the units that were planted, and nothing where there is nothing to find."""

import numpy as np
import pytest
from tests.probe.planted import ALPHABET, BRACKETS, LATCH, LINE, make_text, planted_network

from unrolled.probe.recorder import record
from unrolled.probe.tracks import text_tracks
from unrolled.probe.units import find_units, significant

PLANTED = (LATCH, LINE, BRACKETS)


def tracks_of(text):
    return [track for track in text_tracks(text) if track.name in PLANTED]


@pytest.mark.parametrize("seed", range(20))
def test_planted_units_are_found_first(seed):
    model, units = planted_network(seed)
    text = make_text(seed)
    finding = find_units(record(model, ALPHABET.encode(text)), tracks_of(text))
    assert {found.track.name: found.unit.index for found in finding.best} == units
    for found in finding.best:
        assert found.p < 0.01, found
        assert found.score > (0.95 if found.track.name == LATCH else 0.9), found


@pytest.mark.parametrize(("texts", "most"), [(20, 1), pytest.param(100, 3, marks=pytest.mark.slow)])
def test_tracks_of_other_texts_are_followed_by_no_unit(texts, most):
    model, _ = planted_network(0, hidden=12)
    tape = record(model, ALPHABET.encode(make_text(0)))
    wrong = 0
    for seed in range(1, texts + 1):
        other = tracks_of(make_text(seed, len(tape)))
        for track in other:
            object.__setattr__(track, "values", track.values[: len(tape)])
        wrong += any(True for _ in significant(find_units(tape, other)))
    assert wrong <= most


def test_the_planted_units_are_what_they_are_said_to_be():
    model, units = planted_network(3)
    text = make_text(3)
    tape = record(model, ALPHABET.encode(text))
    (source,) = [source for source in tape.values if source.name == "c"]
    courses = {name: tape.values[source][unit] for name, unit in units.items()}
    tracks = {track.name: track.values for track in tracks_of(text)}
    settled = np.flatnonzero(np.cumsum(np.array(list(text)) == '"') > 2)
    np.testing.assert_array_equal(courses[LATCH][settled] > 0, tracks[LATCH][settled] > 0)
    assert np.corrcoef(courses[LINE], tracks[LINE])[0, 1] > 0.99
    assert np.corrcoef(courses[BRACKETS], tracks[BRACKETS])[0, 1] > 0.99
