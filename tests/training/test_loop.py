"""The loop ends where its budget says, evaluates in turn, and keeps the best and the last."""

import pytest
import torch
from tests.training.tiny import (
    Notes,
    Scripted,
    TinyTask,
    fit,
    go_on,
    kept,
    plain,
    weights_of,
)

from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.checkpoint_names import list_names, read_pointer
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.storage.run_folder import create_run
from unrolled.training.task import Measured
from unrolled.training.watchers import Silent


def steps_of(kind, path):
    return [line["step"] for line in read_metrics(path) if line["kind"] == kind]


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        ({"steps": 7}, 7),
        ({"steps": None, "epochs": 2}, 8),
        ({"steps": None, "epochs": 1.5}, 6),
        ({"steps": None, "epochs": 0.1}, 1),
        ({"steps": 5, "epochs": 2}, 5),
        ({"steps": 50, "epochs": 1}, 4),
        ({"steps": 50, "epochs": 100, "minutes": 0.5}, 10),
        ({"steps": None, "minutes": 0.5}, 10),
    ],
    ids=str,
)
def test_the_nearest_limit_ends_the_training(budget, steps, tmp_path, monkeypatch):
    task = TinyTask(chunks=4)
    monkeypatch.setattr("time.monotonic", lambda: 3.0 * len(task.given))  # seconds a step
    ending = fit(task, plain(**budget), tmp_path / "run")
    assert (ending.step, ending.reason, ending.signal) == (steps, "budget used", None)
    assert load_checkpoint(tmp_path / "run").step == steps


def test_without_any_budget_it_is_five_minutes():
    assert plain(steps=None).budget() == {"minutes": 5.0}
    assert plain(steps=3, minutes=1).budget() == {"minutes": 1, "steps": 3}


def test_evaluations_come_in_turn_and_once_at_the_end(tmp_path):
    task = TinyTask()
    fit(task, plain(steps=10, evaluate_every=4), tmp_path / "a")
    assert steps_of("validation", tmp_path / "a") == [4, 8, 10]
    fit(TinyTask(), plain(steps=8, evaluate_every=4), tmp_path / "b")
    assert steps_of("validation", tmp_path / "b") == [4, 8]
    assert sorted(list_names(tmp_path / "b")) == ["000000004", "000000008"], "saved once a step"


def test_patience_counts_evaluations_since_the_best(tmp_path):
    task = Scripted([3.0, 2.0, 2.5, 2.0, 9.9])
    ending = fit(task, plain(steps=99, evaluate_every=2, patience=2), tmp_path / "run")
    assert (ending.step, ending.reason) == (8, "no better for a while")
    assert task.losses == [9.9]
    assert read_pointer(tmp_path / "run", "best") == "000000004"
    assert read_pointer(tmp_path / "run", "last") == "000000008"


class Solvable(TinyTask):
    """At its evaluations the errors of a list are found; below a tenth it is solved."""

    def __init__(self, *errors):
        super().__init__()
        self.errors = list(errors)

    def validate(self):
        error = self.errors.pop(0)
        return Measured(error + (error < 0.1), error, solved=error < 0.1)


def test_a_task_that_is_solved_ends_the_training_with_what_solved_it_as_the_best(tmp_path):
    task, notes = Solvable(0.5, 0.25, 0.01, 0.75), Notes()
    settings = plain(steps=99, evaluate_every=2)
    ending = fit(task, settings, tmp_path / "run", notes)
    assert (ending.step, ending.reason, task.errors) == (6, "solved", [0.75])
    assert read_pointer(tmp_path / "run", "best") == "000000006"
    lines = [line for line in read_metrics(tmp_path / "run") if line["kind"] == "validation"]
    assert [line["error"] for line in lines] == [0.5, 0.25, 0.01]
    assert [line["items"] for line in lines] == [20, 40, 60]
    assert notes.lines[1] == "step 4: held-out 0.500 half, 25.0% wrong, after 40 points (best)"
    again = go_on(Solvable(), plain(steps=500), tmp_path / "run")
    assert (again.step, again.reason) == (6, "solved")


def test_a_task_that_is_solved_at_the_end_of_its_budget_is_solved(tmp_path):
    ending = fit(Solvable(0.05), plain(steps=3), tmp_path / "run")
    assert (ending.step, ending.reason) == (3, "solved")


def test_best_holds_the_weights_that_had_the_least_loss(tmp_path):
    class Remembering(Scripted):
        weights = []

        def validate(self):
            self.weights.append(weights_of(self.model))
            return super().validate()

    task = Remembering([3.0, 1.0, 2.0, 1.5, 2.0])
    fit(task, plain(steps=5, evaluate_every=1, keep=1), tmp_path / "run")
    best, last = (load_checkpoint(tmp_path / "run", which) for which in ("best", "last"))
    assert (best.step, last.step) == (2, 5)
    for found, index in ((best, 1), (last, 4)):
        saved = [found.weights[name] for name, _ in task.model.named_parameters()]
        assert all(map(torch.equal, saved, task.weights[index]))
    assert sorted(list_names(tmp_path / "run")) == ["000000002", "000000005"]


def test_a_run_has_a_checkpoint_before_its_first_step(tmp_path):
    def look(step):
        found.append(load_checkpoint(tmp_path / "run").step)

    found, task = [], TinyTask()
    task.on_step = look
    fit(task, plain(steps=2), tmp_path / "run")
    assert found == [0, 0]


def test_saves_in_between_come_by_the_clock(tmp_path):
    often = plain(steps=6, save_seconds=0, keep=9, evaluate_every=2)
    fit(TinyTask(), often, tmp_path / "often")
    names = [f"{step:09d}" for step in range(7)]
    assert sorted(list_names(tmp_path / "often")) == names, "an evaluation saves, so once a step"
    fit(TinyTask(), plain(steps=5, save_seconds=1e9, keep=9), tmp_path / "seldom")
    assert sorted(list_names(tmp_path / "seldom")) == ["000000000", "000000005"]


@pytest.mark.parametrize("cell", ["lstm", "gru+zoneout:0.2"])
def test_evaluating_often_changes_no_weight(cell, tmp_path):
    finals = []
    for every in (1, 3, 1000):
        task = TinyTask(cell, layers=2, dropout=0.3)
        fit(task, plain(steps=9, evaluate_every=every), tmp_path / f"{every}")
        everything = kept(tmp_path / f"{every}")
        everything["progress"]["progress"] = None
        finals.append(everything)
    assert finals[0] == finals[1] == finals[2]


def test_an_evaluation_leaves_the_model_in_training(tmp_path):
    task, modes = TinyTask(), []
    task.on_step = lambda step: modes.append(task.model.training)
    fit(task, plain(steps=3, evaluate_every=1), tmp_path / "run")
    assert modes == [True] * 3


def test_metrics_tell_the_mean_loss_since_the_last_line_in_the_tasks_unit(tmp_path):
    task, losses = TinyTask(), []
    inner = task.forward

    def forward(chunk, carried):
        step = inner(chunk, carried)
        losses.append(float(step.loss.detach()))
        return step

    task.forward = forward
    fit(task, plain(steps=7, log_every=3, evaluate_every=5, learning_rate=0.25), tmp_path / "run")
    lines = list(read_metrics(tmp_path / "run"))
    assert [(line["kind"], line["step"]) for line in lines] == [
        ("train", 3),
        ("validation", 5),
        ("train", 6),
        ("validation", 7),
    ]
    assert lines[0]["loss"] == pytest.approx(2 * sum(losses[:3]) / 3)
    assert lines[2]["loss"] == pytest.approx(2 * sum(losses[3:6]) / 3)
    assert [lines[i]["loss"] for i in (1, 3)] == [2 * loss for loss in task.validations]
    assert lines[1]["best"] is True
    assert lines[0].keys() == {
        *("kind", "step", "loss", "learning_rate", "gradient_norm", "clipped", "seconds")
    }
    assert lines[0]["learning_rate"] == 0.25


def test_the_watcher_is_told_steps_evaluations_and_samples(tmp_path):
    class Talking(TinyTask):
        def sample(self):
            return "sample"

    notes = Notes()
    fit(Talking(), plain(steps=4, evaluate_every=3), tmp_path / "run", notes)
    assert notes.steps == [1, 2, 3, 4]
    assert notes.samples == ["sample", "sample"]
    assert [line.partition(":")[0] for line in notes.lines] == ["step 3", "step 4"]
    assert "held-out" in notes.lines[0]
    assert "half (best)" in notes.lines[0]


def test_a_task_without_samples_shows_none(tmp_path):
    notes = Notes()
    fit(TinyTask(), plain(steps=2), tmp_path / "run", notes)
    assert notes.samples == []


def test_going_on_with_a_run_that_is_done_changes_nothing(tmp_path):
    fit(TinyTask(), plain(steps=4), tmp_path / "run")
    before = kept(tmp_path / "run"), sorted(list_names(tmp_path / "run"))
    ending = go_on(TinyTask(), plain(steps=4), tmp_path / "run")
    assert (ending.step, ending.reason) == (4, "budget used")
    assert (kept(tmp_path / "run"), sorted(list_names(tmp_path / "run"))) == before


def test_the_time_left_is_not_told_before_it_is_known(tmp_path):
    class Lines(Silent):
        def __init__(self):
            self.lines = []

        def step(self, standing):
            self.lines.append(standing.line())

    watcher = Lines()
    fit(TinyTask(), plain(steps=3), tmp_path / "run", watcher)
    assert [line.endswith(" left") for line in watcher.lines] == [False, True, True]
    with create_run(tmp_path / "other", {}):
        assert watcher.lines[0].startswith("step 1    0%  train ")
