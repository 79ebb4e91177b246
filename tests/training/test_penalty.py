"""A penalty's gradient joins the loss's after backward and before clipping; its value is logged."""

from contextlib import contextmanager

import pytest
import torch
from tests.training.tiny import Notes, TinyTask, plain, weights_of

from unrolled.probe.omega import Omega
from unrolled.training.loop import Trainer
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.storage.run_folder import create_run


class Push:
    """Adds the same number to each gradient, and notes in which order it is asked."""

    name = "push"

    def __init__(self, parameters, size):
        self.parameters, self.size, self.asked = parameters, size, []

    @contextmanager
    def listening(self):
        self.asked.append("open")
        yield
        self.asked.append("closed")

    def add_gradient(self):
        self.asked.append("add")
        for parameter in self.parameters:
            parameter.grad.add_(self.size)
        return 7.5


class Lines(Notes):
    def step(self, standing):
        self.lines.append(standing.line())


def fit(task, settings, path, penalty, watcher=None):
    with create_run(path, {}) as run:
        return Trainer(task, settings, run, watcher or Notes(), penalty).fit()


SGD = {"optimizer": "sgd", "momentum": 0.0, "learning_rate": 0.5, "steps": 1}


def test_its_gradient_is_added_to_that_of_the_loss(tmp_path):
    task, alone, lines = TinyTask(), TinyTask(), Lines()
    push = Push(list(task.model.parameters()), 0.25)
    fit(task, plain(**SGD), tmp_path / "run", push, lines)
    fit(alone, plain(**SGD), tmp_path / "alone", None)
    for ours, without in zip(weights_of(task.model), weights_of(alone.model), strict=True):
        torch.testing.assert_close(ours, without - 0.5 * 0.25)
    assert push.asked == ["open", "closed", "add"]
    assert next(read_metrics(tmp_path / "run"))["push"] == 7.5
    assert "push" not in next(read_metrics(tmp_path / "alone"))
    assert "  push 7.5  " in lines.lines[0]


def test_clipping_comes_after_it(tmp_path):
    task = TinyTask()
    before = weights_of(task.model)
    push = Push(list(task.model.parameters()), 100.0)
    fit(task, plain(**SGD, clip_norm=1.0), tmp_path / "run", push)
    moved = [now - old for now, old in zip(weights_of(task.model), before, strict=True)]
    length = torch.cat([part.flatten() for part in moved]).norm()
    assert float(length) == pytest.approx(0.5, rel=1e-4)
    line = next(read_metrics(tmp_path / "run"))
    assert (line["gradient_norm"] > 100, line["clipped"]) == (True, 1)


def test_omega_pulls_the_recurrent_matrix_and_nothing_else(tmp_path):
    task, alone = TinyTask("rnn", layers=2), TinyTask("rnn", layers=2)
    omega = Omega(task.model, 0.1)
    fit(task, plain(**SGD), tmp_path / "run", omega)
    fit(alone, plain(**SGD), tmp_path / "alone", None)
    theirs = dict(alone.model.named_parameters())
    pulled = [n for n, p in task.model.named_parameters() if not torch.equal(p, theirs[n])]
    assert pulled == ["recurrent.weight_h_l0", "recurrent.weight_h_l1"]
    assert next(read_metrics(tmp_path / "run"))["omega"] > 0
