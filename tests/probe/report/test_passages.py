"""Passages are coloured as the unit goes, and begin where a line does."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from tests.probe.planted import LATCH
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
    course = np.concatenate([np.zeros(50), np.linspace(-1, 3, 50)])
    middle, span = scale_of(course)
    assert middle == pytest.approx(0, abs=0.02)
    assert span == pytest.approx(np.quantile(course, 0.99) - middle)
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
