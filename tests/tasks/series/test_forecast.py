"""Series that are forecast: learned, measured beside baselines, gone on with, written on."""

import json
import math
import signal
from pathlib import Path

import numpy as np
import pytest
from tests.tasks.series.small import train, wave, write_table
from tests.tasks.tiny_text import Samples, kept, stopping

import unrolled
from unrolled.data.series.panel import Series
from unrolled.errors import (
    ColumnError,
    DamagedFileError,
    DataChangedError,
    SeriesFileError,
    SeriesTooShortError,
    SettingError,
    SplitError,
    StoredSettingsError,
)
from unrolled.tasks.series.baselines import find_season, last_values, season_ago
from unrolled.tasks.series.coder import Coder
from unrolled.tasks.series.figures import Errors, season_error
from unrolled.tasks.series.reading import columns_of, targets_named
from unrolled.tasks.series.settings import SeriesSettings
from unrolled.tasks.series.windows import part_windows
from unrolled.tasks.stored_settings import settings_from_json, settings_to_json
from unrolled.training.storage.json_text import read_json, write_json

WINDOW = {"window": 24, "validation": 0.1, "test": 0.1}
SHORT = {**WINDOW, "steps": 4}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    data = write_table(folder / "wave.csv", day=range(600), level=wave(600), flat=[7] * 600)
    return train(data, folder / "run", **WINDOW, horizon=2, columns=["level", "flat"],
                 target=["level"])  # fmt: skip


def test_it_forecasts_a_wave_far_better_than_the_last_value(trained):
    figures = trained.evaluate()
    assert (figures.seasons, figures.forecasts, [*figures.errors]) == ({"level": 12}, 59, ["level"])
    rows = figures.errors["level"]
    assert [*rows] == ["lstm 1 x 16", "linear autoregression", "one season ago", "last value"]
    model, linear, season, last = rows.values()
    assert max(model.mae, linear.mae, season.mae) < last.mae / 3
    assert model.mae < 1.2  # of a noise whose mean size is 0.8
    assert model.mase == pytest.approx(model.mae / season.mae * season.mase)
    assert np.mean(model.mae_by_step) == pytest.approx(model.mae)


def test_the_figures_are_told_with_their_units(trained):
    first, column, *lines = trained.tell(trained.evaluate())
    assert first == "the test part of wave.csv, 59 forecasts of 2 steps from 24:"
    assert column == "  level, season 12" and len(lines) == 8
    assert lines[0].startswith("    lstm 1 x 16            MAE ") and " MASE 0." in lines[0]
    assert "MAE by step: " in lines[1]


def test_what_comes_after_the_last_row_is_written_as_csv(trained):
    head, *rows = "".join(trained.generate()).splitlines()
    assert head == "step,level" and [row.split(",")[0] for row in rows] == ["1", "2"]
    came = wave(602, noise=0)[600:]
    assert [float(row.split(",")[1]) for row in rows] == pytest.approx(came.tolist(), abs=3)
    assert trained.advice("RUN")[0].startswith("unrolled generate RUN")


def test_other_series_are_measured_from_their_first_full_window(trained, tmp_path):
    other = write_table(tmp_path / "other.csv", flat=[8] * 100, level=wave(100, seed=1))
    figures = trained.evaluate(other)
    assert (figures.data, figures.forecasts) == ("other.csv", 100 - 24 - 1)
    model, *_, last = figures.errors["level"].values()
    assert model.mae < last.mae / 2
    with pytest.raises(ColumnError, match="no column 'flat'"):
        trained.evaluate(write_table(tmp_path / "lacking.csv", level=[1, 2]))
    with pytest.raises(SeriesTooShortError, match="The series has 25 rows, which leaves no forec"):
        trained.evaluate(write_table(tmp_path / "b.csv", flat=range(25), level=range(25)))


def test_a_run_that_is_stopped_goes_on_bit_for_bit(tmp_path):
    data = write_table(tmp_path / "a.csv", a=wave(120))
    changes = {**WINDOW, "window": 8, "steps": 9, "evaluate_every": 4, "dropout": 0.3,
               "batch_size": 16}  # fmt: skip
    train(data, tmp_path / "whole", **changes)
    part = train(data, tmp_path / "part", **changes, watcher=stopping(7))
    assert (part.ending.step, part.ending.signal) == (7, signal.SIGTERM)
    assert unrolled.resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")
    write_table(data, a=wave(121))
    with pytest.raises(DataChangedError, match="has changed since this run began"):
        unrolled.resume(part.path, steps=12)


def test_parts_follow_each_other_in_time_and_look_back_only():
    settings = SeriesSettings(window=4, horizon=2, validation=0.2, test=0.2)
    series = [Series("x", np.arange(20.0)[:, None]), Series("y", 100 + np.arange(20.0)[:, None])]
    parts = part_windows(series, settings, reach=4)
    seen = {
        name: (part.before(np.arange(len(part))), part.after(np.arange(len(part)), [0]))
        for name, part in parts._asdict().items()
    }
    told = {name: sorted({*after.ravel() % 100}) for name, (_, after) in seen.items()}
    assert told["train"] == [*range(4, 12)] and told["validation"] == [*range(12, 16)]
    assert told["test"] == [*range(16, 20)]
    for before, after in seen.values():
        both = np.concatenate([before, after], axis=1)[..., 0]
        assert (np.diff(both, axis=1) == 1).all()  # within one series, each step after the other
    assert seen["test"][0].min() == 12 and len(parts.test) == 2 * 3


def test_several_series_are_forecast_together_and_written_by_name(tmp_path):
    steps = np.concatenate([wave(90), wave(80, seed=2)])
    stores = ["x"] * 90 + ["y, z"] * 80
    data = write_table(tmp_path / "a.csv", s=[f'"{name}"' for name in stores], a=steps)
    run = train(data, tmp_path / "run", **SHORT, series_column="s", season=12)
    head, *rows = "".join(run.generate()).splitlines()
    assert head == "s,step,a" and [row.rpartition(",")[0] for row in rows] == ["x,1", '"y, z",1']
    assert run.evaluate().forecasts == 9 + 8


def test_baselines_say_what_they_are_called_for():
    settings = SeriesSettings(window=4, horizon=3, validation=0.3, test=0.3)
    parts = part_windows([Series("", np.arange(40.0)[:, None])], settings, reach=4)
    assert last_values(parts.test, [0])[0].ravel().tolist() == [27, 27, 27]
    assert season_ago(parts.test, [0], [2])[0].ravel().tolist() == [26, 27, 26]
    assert season_ago(parts.test, [0], [5])[0].ravel().tolist() == [23, 24, 25]
    assert season_error([np.arange(9.0), np.zeros(2)], 3) == 3
    assert season_error([np.zeros(2)], 3) == 0
    assert Errors.of(np.zeros((2, 1)), np.array([[3.0], [4.0]]), 7.0) == Errors(
        3.5, np.sqrt(12.5), 0.5, [3.5]
    )


@pytest.mark.parametrize("period", [7, 12, 25])
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_the_season_is_found_under_a_trend_and_noise(period, noise):
    trend = np.linspace(0, 40, 400)
    found = find_season([wave(400, period=period, noise=noise) + trend])
    assert abs(found - period) <= (1 if noise and period > 12 else 0)


def test_where_nothing_comes_again_there_is_no_season():
    draws = np.random.default_rng(0)
    assert find_season([draws.standard_normal(300)]) == 1
    assert find_season([np.ones(300)]) == find_season([np.ones(4)]) == 1


def test_a_constant_column_is_learned_without_a_division_by_zero(tmp_path):
    run = train(write_table(tmp_path / "a.csv", a=[3] * 99), tmp_path / "run", **SHORT)
    (row, *others) = run.evaluate().errors["a"].values()
    assert np.isfinite(row.mae) and row.mase is None and others[-1].mae == 0
    assert "MASE none" in run.tell(run.evaluate())[2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"window": 0}, "window=0 cannot be; wanted more than 0"),
        ({"horizon": 0}, "horizon=0 cannot be; wanted more than 0"),
        ({"season": -1}, r"season=-1 cannot be; wanted 0 \(found\) or more"),
        ({"dropout": 1.0}, "dropout=1.0 cannot be; wanted 0 or more, below 1"),
        ({"bidirectional": True}, "bidirectional=True cannot be; wanted none: --predict forecast"),
        ({"label_column": "a"}, "label_column=a cannot be; wanted none: --predict forecast has no"),
        ({"predict": "class", "target": ("a",)}, "target=.*; wanted none: --predict class has no"),
        ({"predict": "class", "window": 24}, "window=24 cannot be; wanted none: --predict class"),
        ({"predict": "class", "horizon": 2}, "horizon=2 cannot be; wanted none: --predict class"),
        ({"predict": "class", "season": 7}, "season=7 cannot be; wanted none: --predict class ha"),
        ({"predict": "klass"}, "predict=klass cannot be; wanted one of forecast, class"),
        ({"missing": "drop"}, "missing=drop cannot be; wanted one of error, hold"),
        ({"window": "24"}, r"window='24' cannot be; wanted a whole number \(int\)"),
        ({"target": "price"}, "target=price cannot be; wanted a list of names"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, said):
    with pytest.raises(SettingError, match=said):
        SeriesSettings(**changes)


def test_settings_with_lists_of_names_come_back_as_they_were():
    settings = SeriesSettings(columns=("a", "b"), predict="class")
    kept_as = read_json(write_json(settings_to_json(settings), place="test"))
    assert settings_from_json(SeriesSettings, kept_as, Path("run")) == settings
    for odd in ("a", ["a", 3], None):
        with pytest.raises(StoredSettingsError, match="columns=.* is of the wrong type"):
            settings_from_json(SeriesSettings, {**kept_as, "columns": odd}, Path("run"))


def test_a_named_set_knows_what_of_it_is_read_and_forecast():
    assert targets_named(SeriesSettings()) == ("births",)
    assert targets_named(SeriesSettings(target=("month",))) == ("month",)
    assert targets_named(SeriesSettings(data="a.csv")) == ()
    read = ("month", "date_of_month", "day_of_week", "births")
    assert columns_of(SeriesSettings()) == read
    assert columns_of(SeriesSettings(columns=("year",))) == ("year", "births")
    assert columns_of(SeriesSettings(data="a.csv", target=("a",))) == ()


def test_data_that_does_not_serve_is_refused(tmp_path):
    data = write_table(tmp_path / "a.csv", a=range(40), b=range(40))
    with pytest.raises(ColumnError, match=r"has no column 'c'.* Its columns: a, b"):
        train(data, tmp_path / "run", target=["c"], columns=["a"])
    with pytest.raises(
        SeriesTooShortError, match="40 rows, .* its train part: each reads 64 steps"
    ):
        train(data, tmp_path / "run")
    with pytest.raises(
        SeriesTooShortError, match="its validation part: each reads 8 steps and say"
    ):
        train(data, tmp_path / "run", window=8, horizon=5)
    with pytest.raises(SeriesTooShortError, match="its test part: each reads 40 steps"):
        train(data, tmp_path / "run", window=8, season=40)
    with pytest.raises(SplitError, match="validation=0.5 and test=0.5 are no shares"):
        train(data, tmp_path / "run", validation=0.5, test=0.5)
    write_table(tmp_path / "b.csv", a=range(40))
    with pytest.raises(SeriesFileError, match="holds 2 files. Wanted: one file, with all series"):
        train(tmp_path, tmp_path / "run")


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("scaling", {"a": [0.0, 0.0]}, "lacks the scaling of its columns"),
        ("scaling", {"b": [0.0, 1.0]}, "lacks the scaling of its columns"),
        ("targets", ["b"], "names targets that are none of its columns"),
        ("columns", None, "lacks the columns of its data"),
        ("columns", ["a", "a"], "has no columns, or one of them twice"),
        ("targets", ["a", "a"], "keeps codes of no run that predicts forecast"),
        ("labels", ["x", "y"], "keeps codes of no run that predicts forecast"),
    ],
)
def test_what_a_run_keeps_of_its_columns_is_checked(tmp_path, part, value, said):
    run = train(write_table(tmp_path / "a.csv", a=wave(99)), tmp_path / "run", **SHORT)
    config = json.loads((run.path / "config.json").read_text())
    config["config"]["codes"][part] = value
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DamagedFileError, match=rf"config\.json {said}"):
        unrolled.open_run(run.path)


ODD = [None, True, -1, 2**70, 0.5, math.nan, "a", "", [], [""], [1], [[]], ["a", "a"], {}, {"a": 1}]
ODD += [{"a": [1.0]}, {"a": [0.0, -1.0]}, {"a": [math.nan, 1.0]}, {"a": [0, 1]}, ["\ud800"]]
CODES = {
    "forecast": {"columns": ["a"], "targets": ["a"], "labels": [], "scaling": {"a": [0.0, 1.0]}},
    "class": {"columns": ["a"], "targets": [], "labels": ["x", "y"], "scaling": {"a": [0.0, 1.0]}},
}


@pytest.mark.parametrize("predict", CODES)
@pytest.mark.parametrize("part", CODES["class"])
def test_odd_values_in_place_of_any_code_are_refused(predict, part):
    codes = CODES[predict]
    assert Coder.from_json(codes, predict, Path("run")).to_json() == codes
    odd = [value for value in ODD if value != codes[part]]
    assert len(odd) >= len(ODD) - 1
    for value in odd:
        with pytest.raises(DamagedFileError, match="run/config.json "):
            Coder.from_json({**codes, part: value}, predict, Path("run"))
    others = {name: value for name, value in codes.items() if name != part}
    with pytest.raises(DamagedFileError, match=f"lacks the {part} of its data"):
        Coder.from_json(others, predict, Path("run"))


def test_what_is_not_read_is_told_before_training(tmp_path):
    told = Samples()
    data = write_table(tmp_path / "a.csv", day=["mon"] * 99, a=wave(99))
    run = train(data, tmp_path / "run", **SHORT, watcher=told)
    assert "columns left out, as they are no numbers: day" in told.lines
    config = json.loads((run.path / "config.json").read_text())
    del config["config"]["data"]["name"]
    (run.path / "config.json").write_text(json.dumps(config))
    assert unrolled.open_run(run.path).evaluate().data == "the test part of None"
