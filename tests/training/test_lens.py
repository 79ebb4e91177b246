"""--lens adds lines about gradients, parameters and updates, and changes nothing else."""

import os
import signal

import pytest
import torch
from tests.training.tiny import Notes, TinyTask, fit, go_on, plain, weights_of

from unrolled.errors import ForeignStateError
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.checkpoint_names import move_pointer
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.updates import sizes, updates_from_json


class Seen(TinyTask):
    """Its inspection says how often it was asked."""

    asked = 0

    def inspect(self):
        assert not self.model.training
        self.asked += 1
        return {"layers": {"h": {"horizon": None, "norms": [0.5, 0.25]}}, "asked": self.asked}


def lens_lines(path):
    return [line for line in read_metrics(path) if line["kind"] == "lens"]


def test_each_evaluation_has_a_line_and_without_the_lens_nobody_asks(tmp_path):
    task, blind = Seen(), Seen()
    fit(task, plain(steps=5, evaluate_every=2, lens=True), tmp_path / "run")
    fit(blind, plain(steps=5, evaluate_every=2), tmp_path / "blind")
    lines = lens_lines(tmp_path / "run")
    assert [(line["step"], line["asked"]) for line in lines] == [(2, 1), (4, 2), (5, 3)]
    assert lines[0]["layers"] == {"h": {"horizon": None, "norms": [0.5, 0.25]}}
    assert (blind.asked, lens_lines(tmp_path / "blind")) == (0, [])


def test_a_parameters_norm_and_its_last_update_are_those_of_the_checkpoints(tmp_path):
    settings = plain(steps=5, evaluate_every=2, save_seconds=0, keep=9, lens=True)
    task = TinyTask()
    fit(task, settings, tmp_path / "run")
    for line in lens_lines(tmp_path / "run"):
        after, before = (
            load_checkpoint(tmp_path / "run", line["step"] - back).weights for back in (0, 1)
        )
        assert line["parameters"].keys() == after.keys()
        for name, seen in line["parameters"].items():
            norm = float(after[name].norm())
            assert seen["norm"] == pytest.approx(norm)
            assert seen["update"] == pytest.approx(
                float((after[name] - before[name]).norm()) / norm
            )


def test_where_a_clock_ends_the_training_the_last_update_is_not_known(tmp_path, monkeypatch):
    notes = Notes()
    monkeypatch.setattr("time.monotonic", lambda: 3.0 * len(notes.steps))  # seconds a step
    settings = plain(steps=None, minutes=0.5, evaluate_every=8, lens=True)
    fit(TinyTask(), settings, tmp_path / "run", notes)
    at_turn, last = lens_lines(tmp_path / "run")
    assert (at_turn["step"], last["step"]) == (8, 10)
    assert all(seen["update"] > 0 for seen in at_turn["parameters"].values())
    assert all(seen["update"] is None for seen in last["parameters"].values())
    assert all(seen["norm"] > 0 for seen in last["parameters"].values())


@pytest.mark.parametrize("cell", ["lstm", "gru+zoneout:0.2"])
def test_the_weights_are_those_of_a_run_without_it(cell, tmp_path):
    for lens in (True, False):
        task = TinyTask(cell, layers=2, dropout=0.3)
        fit(task, plain(steps=9, evaluate_every=2, lens=lens), tmp_path / f"{lens}")
    ours, theirs = (load_checkpoint(tmp_path / f"{lens}") for lens in (True, False))
    for kind in ("weights", "optimizer", "carried"):
        saved = getattr(theirs, kind)
        assert all(torch.equal(getattr(ours, kind)[name], saved[name]) for name in saved)
    others = [line for line in read_metrics(tmp_path / "True") if line["kind"] != "lens"]
    without = list(read_metrics(tmp_path / "False"))
    assert [line | {"seconds": 0} for line in others] == [line | {"seconds": 0} for line in without]


def test_a_run_stopped_just_before_its_evaluation_has_the_same_line(tmp_path):
    """The norms of the update are in the checkpoint, since the weights before it are not."""
    settings, task = plain(steps=6, evaluate_every=3, lens=True), TinyTask()
    fit(TinyTask(), settings, tmp_path / "whole")
    task.on_step = lambda now: os.kill(os.getpid(), signal.SIGTERM) if now == 3 else None
    assert fit(task, settings, tmp_path / "run").step == 3
    assert lens_lines(tmp_path / "run") == []
    go_on(TinyTask(), settings, tmp_path / "run")
    assert lens_lines(tmp_path / "run") == lens_lines(tmp_path / "whole")


def test_lines_of_later_steps_go_when_an_earlier_checkpoint_is_taken_up(tmp_path):
    settings = plain(steps=4, evaluate_every=2, save_seconds=0, keep=9, lens=True)
    fit(TinyTask(), settings, tmp_path / "run")
    before = lens_lines(tmp_path / "run")
    move_pointer(tmp_path / "run", "last", "000000003")
    go_on(TinyTask(), settings, tmp_path / "run")
    assert [line["step"] for line in lens_lines(tmp_path / "run")] == [2, 4]
    assert lens_lines(tmp_path / "run") == before


def test_a_parameter_of_zeros_has_no_share():
    model = torch.nn.Linear(2, 1)
    with torch.no_grad():
        model.weight.zero_()
    found = sizes(model, {"weight": 0.0, "bias": 0.5})
    assert found["weight"] == {"norm": 0.0, "update": None}
    assert found["bias"]["update"] == pytest.approx(0.5 / abs(float(weights_of(model)[1][0])))


@pytest.mark.parametrize("stored", [None, [], "x", {"a": "b"}, {"a": True}])
def test_norms_that_are_none_are_refused(stored):
    with pytest.raises(ForeignStateError, match="holds .* for the norms of updates"):
        updates_from_json(stored)
