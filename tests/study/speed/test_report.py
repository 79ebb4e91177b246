"""The JSON holds every figure, and what each depends on."""

import json

import pytest
from tests.study.speed.conftest import SMALL

from unrolled import __version__
from unrolled.study.speed.layers import contests_in, measure_layers
from unrolled.study.speed.report import headline, to_json, write_json


@pytest.fixture(scope="module")
def report():
    measured = list(measure_layers(SMALL, lambda doing: None))
    return to_json(SMALL, measured, complete=True)


def test_it_names_machine_threads_and_versions(report):
    assert report["versions"]["unrolled"] == __version__
    assert set(report["versions"]) >= {"python", "torch", "numpy", "jax", "torchrecurrent"}
    assert report["machine"]["cores"] >= 1
    assert report["settings"]["points"] == ("2x3",)
    assert report["complete"] is True
    assert str(report["machine"]["processor"]) in headline()


def test_it_holds_each_contenders_times_and_ratios(report):
    assert [m["mode"] for m in report["measurements"]] == ["forward", "forward+backward"]
    for measurement in report["measurements"]:
        assert (measurement["batch"], measurement["hidden_size"], measurement["threads"]) == (
            2,
            3,
            1,
        )
        assert measurement["operations"] % (2 * 8 * 2 * 9) == 0
        ours = measurement["contenders"]["eager"]
        theirs = measurement["contenders"]["torch.nn"]
        assert ours["status"] == theirs["status"] == "timed"
        assert len(theirs["seconds"]) == 2
        assert min(theirs["seconds"]) == pytest.approx(theirs["minimum_seconds"], rel=1e-4)
        reference = measurement["contenders"][measurement["ours"]]
        ratio = theirs["minimum_seconds"] / reference["minimum_seconds"]
        assert theirs["ratio_of_minima"] == pytest.approx(ratio)
        assert 0 < ours["matrix_rate_share"] < 1
        assert measurement["contenders"]["torchrecurrent"]["status"] == "skipped"


def test_it_has_the_means_of_each_table(report):
    [forward, both] = report["geometric_means"]
    measured = report["measurements"][1]["contenders"]["torch.nn"]
    assert (forward["mode"], both["mode"], both["points"]) == ("forward", "forward+backward", 1)
    assert both["ratios"]["torch.nn"] == pytest.approx(measured["ratio_of_minima"])


def test_it_is_json_and_replaces_the_file(report, tmp_path):
    path = tmp_path / "bench.json"
    path.write_text("old" * 10**5)
    write_json(path, report)
    assert json.loads(path.read_text())["measurements"] == report["measurements"]


def test_measurements_are_counted_before_they_are_made():
    assert contests_in(SMALL) == 2
