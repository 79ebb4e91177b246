"""Measurements are whole lines, cut back to the step from which a run goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from unrolled.errors import DamagedFileError, MetricsStepError, NotJsonError
from unrolled.training.storage import metrics_log
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.storage.run_folder import RunFolder, create_run, open_run


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    with create_run(tmp_path / "run", {}) as run:
        yield run


def steps(run: RunFolder) -> list[int]:
    return [line["step"] for line in read_metrics(run.path)]


def test_a_line_comes_back_as_it_was_with_what_json_lacks(run: RunFolder):
    line = {"step": 3, "loss": 0.1 + 0.2, "norm": float("inf"), "low": float("-inf"), "text": "é\n"}
    run.append_metrics(line)
    run.append_metrics({"step": 4, "loss": float("nan")})
    first, second = read_metrics(run.path)
    assert first == line
    assert second["loss"] != second["loss"]
    text = (run.path / "metrics.jsonl").read_text().splitlines()
    assert text[1] == '{"step": 4, "loss": "NaN"}'
    assert '"norm": "Infinity", "low": "-Infinity"' in text[0]
    assert float("Infinity") == first["norm"]


def test_a_run_without_measurements_has_none(tmp_path: Path):
    assert list(read_metrics(tmp_path)) == []


def test_lines_of_later_steps_are_dropped(run: RunFolder):
    for step in (10, 20, 20, 30, 40):
        run.append_metrics({"step": step})
    run.truncate_metrics(20)
    run.append_metrics({"step": 25})
    assert steps(run) == [10, 20, 20, 25]


@pytest.mark.parametrize("half", ['{"st', '{"step": 7}', "\0\0\0\0", "x" * 200_000])
def test_a_half_written_last_line_is_not_read_and_goes_at_the_start(tmp_path: Path, half: str):
    path = tmp_path / "run" / "metrics.jsonl"
    with create_run(tmp_path / "run", {}) as run:
        run.append_metrics({"step": 1})
    with path.open("a") as file:
        file.write(half)
    assert steps(run) == [1]
    with open_run(tmp_path / "run") as run:
        run.append_metrics({"step": 2})
        assert path.read_text() == '{"step": 1}\n{"step": 2}\n'


def test_nothing_but_half_a_line_leaves_nothing(tmp_path: Path):
    create_run(tmp_path / "run", {}).close()
    (tmp_path / "run" / "metrics.jsonl").write_text("{")
    with open_run(tmp_path / "run") as run:
        assert (run.path / "metrics.jsonl").read_text() == ""


@pytest.mark.parametrize("step", [None, -1, 1.0, "1", True])
def test_a_line_needs_its_step(run: RunFolder, step: object):
    with pytest.raises(MetricsStepError, match=r"needs \"step\", a whole number from 0; got step="):
        run.append_metrics({"step": step, "loss": 1.0})
    assert steps(run) == []


def test_a_value_that_json_cannot_hold_is_named(run: RunFolder):
    with pytest.raises(
        NotJsonError, match=r"metrics\['loss'\] is a Tensor, which JSON cannot hold"
    ):
        run.append_metrics({"step": 1, "loss": torch.tensor(1.0)})
    assert steps(run) == []


@pytest.mark.parametrize("bad", ["half a li\n", "[]\n", '{"loss": 1}\n'])
def test_a_damaged_line_in_the_middle_is_named_and_nothing_is_dropped(run: RunFolder, bad: str):
    path = run.path / "metrics.jsonl"
    text = '{"step": 1}\n' + bad + '{"step": 3}\n'
    path.write_text(text)
    with pytest.raises(DamagedFileError, match=r"metrics\.jsonl, line 2, "):
        run.truncate_metrics(1)
    assert path.read_text() == text
    assert [found.name for found in run.path.glob(".tmp-*")] == []


def test_a_line_without_end_is_not_read_to_its_end(run: RunFolder, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics_log, "JSON_LIMIT", 1000)
    (run.path / "metrics.jsonl").write_text('{"step": 1}\n' + "x" * 2000 + "\n")
    with pytest.raises(DamagedFileError, match="line 2, has no end"):
        list(read_metrics(run.path))
