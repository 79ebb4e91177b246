"""Each picture shows the numbers that were seen, for one run and for several."""

from dataclasses import replace

import numpy as np
import pytest
import vl_convert
from tests.probe.report.examined import examined

from unrolled.probe.oracles import ORDER
from unrolled.probe.report.charts import PICTURES
from unrolled.probe.taps import Source

NAMES = [picture.name for picture in PICTURES]


def draw(name, seen):
    return next(picture for picture in PICTURES if picture.name == name).draw(seen)


def rows(name, **changes):
    made = draw(name, {"one": replace(examined(), **changes)}).to_dict()
    data = made.get("data") or made["spec"]["data"]
    return data["values"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2])
def test_every_picture_can_be_drawn(name, count):
    seen = {f"run {seed}": examined(seed) for seed in range(count)}
    svg = vl_convert.vegalite_to_svg(draw(name, seen).to_json())
    assert svg.count("<path") > 3
    assert ("run 1" in svg) == (count == 2)


def test_scores_are_those_of_the_finder_and_the_probe():
    shown = rows("scores")
    seen = examined()
    for found, readable in zip(seen.finding.best, seen.readable, strict=True):
        of_track = {row["by"]: row["score"] for row in shown if row["track"] == found.track.name}
        assert of_track["best unit"] == pytest.approx(found.score, rel=1e-3)
        assert of_track["all units, linearly"] == pytest.approx(readable.score, rel=1e-3)


def test_gates_have_a_point_for_each_unit():
    shown = {(row["gate"], row["unit"]): (row["low"], row["high"]) for row in rows("gates")}
    for found in examined().saturations:
        for unit in range(12):
            wanted = found.low[unit], found.high[unit]
            assert shown[found.source.name, unit] == pytest.approx(wanted, rel=1e-3, abs=1e-9)


def test_peeled_errors_sum_to_all():
    assert sum(row["errors"] for row in rows("peeled")) == examined().peeling.errors
    assert sum(row["share"] for row in rows("peeled")) == pytest.approx(1, abs=1e-3)
    by_order = [row["errors"] for row in rows("n-grams")]
    taken = [row.removed for row in examined().peeling.rows if row.oracle == "n-gram"]
    assert (len(by_order), by_order) == (ORDER, taken)


def test_the_map_is_the_mean_of_its_cells():
    shown = [row for row in rows("gradient-maps") if row["state"] == "c, layer 0"]
    norms = examined().maps[Source("recurrent", 0, "c")].norms
    assert len(norms) == 24  # so that each cell is one number
    for row in shown:
        assert row["norm"] == pytest.approx(norms[row["t"], row["k"]], rel=1e-3)
    floor = np.nanmax(norms) * 1e-6
    assert len(shown) == (norms > floor).sum()


def test_curves_are_means_over_enough_steps():
    shown = [r for r in rows("lags") if (r["state"], r["path"]) == ("h", "c alone")]
    curve = examined().paths["c"][Source("recurrent", 0, "h")].by_lag
    assert max(row["lag"] for row in rows("lags")) <= 18  # a quarter of 24 steps reach it
    for row in shown:
        assert row["norm"] == pytest.approx(curve[row["lag"]], rel=1e-3)


def test_steps_that_were_clipped_are_counted_between_two_lines():
    shown = [(row["step"], row["clipped"]) for row in rows("clipping")]
    assert shown == [(20, 0.5), (40, 0.5), (60, 0.5)]
    parts = [(row["part"], row["step"]) for row in rows("losses")]
    assert parts == [("training", s) for s in (20, 40, 60)] + [("held out", 0), ("held out", 60)]


def test_the_lens_of_training_is_drawn_where_there_is_something():
    shown = [(row["state"], row["step"], row["horizon"]) for row in rows("horizons")]
    assert shown == [("h (recurrent, layer 0)", 30, 10), ("h (recurrent, layer 0)", 60, 20)]
    values = [(row["step"], row["what"][:4], row["value"]) for row in rows("updates")]
    assert values == [
        (30, "norm", 2),
        (30, "norm", 0.03333),
        (60, "norm", 2),
        (60, "norm", 0.01667),
    ]


def test_where_nothing_was_seen_nothing_is_drawn():
    seen = examined()
    empty = replace(
        seen, subject=replace(seen.subject, history=()), finding=None, effects=[], readable=[],
        saturations=[], peeling=None, closings=[], maps={}, paths={}, jacobians=[],
    )  # fmt: skip
    assert [picture.name for picture in PICTURES if picture.draw({"one": empty})] == []


def test_layers_of_several_modules_are_drawn_apart():
    seen = examined()
    top = {replace_module(source, "top"): found for source, found in seen.maps.items()}
    values = {replace_module(source, "top"): v for source, v in seen.tape.values.items()}
    tape = replace(seen.tape, values={**seen.tape.values, **values})
    both = {"maps": {**seen.maps, **top}, "tape": tape}
    modules = {"recurrent", "top"}
    states = {row["state"] for row in rows("gradient-maps", **both)}
    assert states == {f"{state}, {module}, layer 0" for state in "hc" for module in modules}
    assert {row["layer"] for row in rows("lags", **both)} == {f"{m}, layer 0" for m in modules}


def replace_module(source, module):
    return Source(module, source.layer, source.name)
