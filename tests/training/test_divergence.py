"""Training that diverges stops, says at which step, and leaves a good checkpoint."""

import math

import pytest
import torch
from tests.training.tiny import Scripted, TinyTask, fit, go_on, plain, weights_of

from unrolled.errors import DivergedError
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics


class NanAt(TinyTask):
    """Its loss is no number at one step."""

    def __init__(self, at, value=math.nan):
        super().__init__()
        self.at, self.value = at, value

    def forward(self, chunk, carried):
        step = super().forward(chunk, carried)
        if len(self.given) == self.at:
            return step._replace(loss=step.loss * self.value)
        return step


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_stops_the_training_and_names_the_step(value, tmp_path):
    task, start = NanAt(6, value), []
    task.on_step = lambda step: start.append(weights_of(task.model))
    with pytest.raises(DivergedError, match="diverged at step 6: loss (nan|-?inf), gradient norm"):
        fit(task, plain(steps=9, evaluate_every=4), tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").step == 4
    assert all(map(torch.equal, start[5], weights_of(task.model))), "the bad step was not made"
    ending = go_on(TinyTask(), plain(steps=9, evaluate_every=4), tmp_path / "run")
    assert ending.step == 9


def test_a_gradient_that_is_no_number_stops_the_training(tmp_path):
    class BadGradient(TinyTask):
        def forward(self, chunk, carried):
            step = super().forward(chunk, carried)
            return step._replace(loss=step.loss + torch.sqrt(step.loss * 0))

    with pytest.raises(DivergedError, match="at step 1: loss 2.27.*, gradient norm nan"):
        fit(BadGradient(), plain(), tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").step == 0


def test_an_evaluation_that_is_no_number_is_not_saved(tmp_path):
    task = Scripted([1.0, math.nan])
    with pytest.raises(DivergedError, match="at step 6: loss nan"):
        fit(task, plain(steps=9, evaluate_every=3), tmp_path / "run")
    assert [load_checkpoint(tmp_path / "run", which).step for which in ("last", "best")] == [3, 3]
    assert [line["step"] for line in read_metrics(tmp_path / "run") if "best" in line] == [3]


def test_weights_that_overflow_are_never_saved(tmp_path):
    """The update itself can be what breaks the weights, after a loss that was a number."""
    settings = plain(steps=50, save_seconds=0, optimizer="sgd", learning_rate=3e38, momentum=0.0)
    with pytest.raises(DivergedError, match="training diverged at step"):
        fit(TinyTask(), settings, tmp_path / "run")
    last = load_checkpoint(tmp_path / "run")
    assert all(bool(weight.isfinite().all()) for weight in last.weights.values())


def test_the_message_says_where_the_good_checkpoint_is_and_what_to_try(tmp_path):
    with pytest.raises(DivergedError) as raised:
        fit(NanAt(1), plain(), tmp_path / "run")
    assert f"checkpoint is kept in {tmp_path / 'run'}. Try a smaller --learning-rate" in str(
        raised.value
    )
