"""Each picture shows the numbers that were seen, for one run and for several."""

import json
from dataclasses import replace

import altair as alt
import numpy as np
import pytest
import vl_convert
from tests.probe.report.examined import examined

from unrolled.probe.distances import Bin, Closing
from unrolled.probe.gradients import GradientMap
from unrolled.probe.oracles import ORDER
from unrolled.probe.report.charts import PICTURES, units
from unrolled.probe.report.charts.drawing import GREY
from unrolled.probe.saturation import GATE, Saturation
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


def test_effects_have_what_a_held_unit_does_where_it_should_matter_and_elsewhere():
    shown = {(row["track"], row["where"]): row for row in rows("effects")}
    for effect in examined().effects:
        places = {"where it should matter": effect.strongest.where_it_matters,
                  "elsewhere": effect.strongest.elsewhere}  # fmt: skip
        for where, change in places.items():
            row = shown[effect.found.track.name, where]
            wanted = change.mean, change.low, change.high
            assert (row["change"], row["low"], row["high"]) == pytest.approx(wanted, rel=1e-3)


def test_closings_have_the_share_that_was_right_and_two_standard_errors():
    near = Bin(1, 1, 25, 0.5, 0.125, 0.25, 0.0625)
    far, lone = Bin(8, 15, 40, 0.875, 0.125, 0.5, 0.25), Bin(16, 31, 1, 1.0, np.nan, 0.75, np.nan)
    shown = rows("closings", closings=[Closing("quotes", "", (near, far, lone))])
    figures = [tuple(row[name] for name in ("right", "low", "high", "given")) for row in shown]
    assert figures == [(0.5, 0.25, 0.75, 0.25), (0.875, 0.625, 1, 0.5), (1, None, None, 0.75)]
    assert [(row["distance"], row["to"], row["signs"]) for row in shown] == [
        (1, 1, 25), (8, 15, 40), (16, 31, 1),
    ]  # fmt: skip


def test_steps_have_both_numbers_of_their_jacobians():
    (found,) = examined().jacobians
    values = {what: [row["value"] for row in rows("jacobians") if row["what"] == what]
              for what in ("largest singular value", "spectral radius")}  # fmt: skip
    largest, radii = values.values()
    assert largest == pytest.approx(found.largest_singular_values, rel=1e-3)
    assert radii == pytest.approx(found.spectral_radii, rel=1e-3)
    assert max(radii) < min(largest)


def test_the_line_at_one_is_to_be_seen_on_light_and_on_dark():
    (line,) = (
        layer for layer in draw("jacobians", {"one": examined()}).to_dict()["spec"]["layer"]
        if layer["mark"]["type"] == "rule"
    )  # fmt: skip
    assert line["mark"]["color"] == GREY
    brightness = int(GREY[1:3], 16) / 255
    assert 0.4 < brightness < 0.6


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


def test_lines_of_metrics_that_lack_something_are_passed_over():
    seen = examined()
    odd = [{"kind": kind, "step": 90} for kind in ("train", "validation", "lens")]
    more = replace(seen, subject=replace(seen.subject, history=[*seen.subject.history, *odd]))
    for name in ("losses", "clipping", "horizons", "updates"):
        (picture,) = (each for each in PICTURES if each.name == name)
        assert picture.draw({"one": more}).to_dict() == picture.draw({"one": seen}).to_dict()


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


def large():
    """What is seen of two layers of 256 units that were trained for long."""
    random, seen = np.random.default_rng(0), examined()
    norms = np.where(np.tri(256, dtype=bool), random.random((256, 256)), np.nan)
    maps = {s: GradientMap(s, norms) for s in (Source("r", n, h) for n in (0, 1) for h in "hc")}
    gates = [Saturation(Source("r", n, gate), GATE, *random.random((2, 256)))
             for n in (0, 1) for gate in "ifgo"]  # fmt: skip
    lines = [{"kind": kind, "step": step, "loss": 2.5, "gradient_norm": 1.5, "clipped": step}
             for step in range(1000) for kind in ("train", "validation")]  # fmt: skip
    subject = replace(seen.subject, history=lines)
    paths = {"h": maps, "c": maps}
    return replace(seen, subject=subject, maps=maps, paths=paths, saturations=gates)


def test_the_charts_of_six_runs_are_as_large_as_of_a_few_and_each_is_thinned_alike(monkeypatch):
    drawn, make = [], alt.Data

    def keep(values):
        drawn.append(values)
        return make(values=values[:1])  # altair looks at each, which takes long

    def rows_of_runs(name, count):
        drawn.clear()
        draw(name, dict.fromkeys("abcdef"[:count], run))
        return max(drawn, key=len)

    monkeypatch.setattr(alt, "Data", keep)
    monkeypatch.setattr(units, "POINTS", 2_000)  # fewer than one run has
    run, size = large(), 0
    each = {"gates": (2_048, 296), "lags": (888, 312), "gradient-maps": (3_784, 840),
            "losses": (668, 134), "clipping": (334, 67)}  # fmt: skip
    for name, (alone, among_six) in each.items():
        assert len(rows_of_runs(name, 1)) == alone, name
        rows = rows_of_runs(name, 6)
        assert [[row["run"] for row in rows].count(of) for of in "abcdef"] == [among_six] * 6, name
        size += len(json.dumps(rows))
    assert size < 1.4e6


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
