"""Passages are coloured as the unit goes, and begin where a line does."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.probe.planted import BRACKETS, LATCH, LINE
from tests.probe.report.examined import examined

from unrolled.probe.report.passages import ground, passages, picture, scale_of, scaled
from unrolled.probe.tracks import track


def test_a_passage_is_of_the_half_that_was_judged_and_the_track_changes_in_it():
    seen = examined()
    for passage in passages(seen):
        assert passage.start >= len(seen.text) // 2
        assert seen.text[passage.start :].startswith(passage.text)
        assert passage.start == 0 or seen.text[passage.start - 1] == "\n"
        assert passage.text.count("\n") <= 8
        assert 0 < passage.on.mean() < 1


def test_colours_go_from_the_median_to_either_side():
    judged = np.concatenate([np.zeros(50), np.linspace(-1, 3, 50)])
    middle, span = scale_of(np.concatenate([np.full(100, 7.0), judged]))
    assert middle == pytest.approx(0, abs=0.02)
    assert span == pytest.approx(np.quantile(judged, 0.99) - middle)
    levels = scaled(np.array([middle, middle + span / 2, 99, -99]), (middle, span))
    np.testing.assert_allclose(levels, [0, 0.5, 1, -1])
    assert (ground(0), ground(1), ground(-1)) == ("#ffffff", "#efb459", "#59a3cd")


def test_the_picture_has_a_box_of_each_colour_and_a_line_where_the_track_is_on():
    (latch,) = [p for p in passages(examined()) if p.found.track.name == LATCH]
    root = ElementTree.fromstring(picture([latch]))
    boxes = root.findall("{*}rect")[1:]
    grounds = [box.get("fill") for box in boxes if box.get("fill")]
    assert grounds == [ground(float(level)) for level in latch.level]
    assert len(boxes) - len(grounds) == latch.on.sum()
    title, *letters = ["".join(text.itertext()) for text in root.findall("{*}text")]
    assert title.startswith(f"{LATCH}: unit")
    assert "".join(letters) == "".join(latch.text.split())


def test_a_rare_track_is_shown_where_it_is_on():
    seen = examined()
    rare = track("rare", "", np.arange(len(seen.text)) == 4321)
    found = replace(seen.finding.best[0], track=rare)
    (shown,) = passages(replace(seen, finding=replace(seen.finding, best=[found])))
    assert shown.on.sum() == 1
    assert shown.on[4321 - shown.start]


def test_a_track_of_numbers_is_underlined_above_its_mean():
    seen = examined()
    numbers = [passage for passage in passages(seen) if passage.found.track.is_number]
    assert {passage.found.track.name for passage in numbers} >= {LINE, BRACKETS}
    for passage in numbers:
        values = passage.found.track.values
        here = values[passage.start : passage.start + len(passage.text)]
        np.testing.assert_array_equal(passage.on, here > values.mean())
