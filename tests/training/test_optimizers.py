"""The update rules are torch's, and the learning rate takes the course that the settings say."""

import math

import pytest
import torch
from tests.training.tiny import TinyTask, fit, plain, weights_of
from torch import nn, optim

from unrolled.training.optimizers import learning_rate, make_optimizer, set_learning_rate
from unrolled.training.settings import TrainSettings

BY_HAND = {
    "adam": lambda p: optim.Adam(p, lr=0.02),
    "adamw": lambda p: optim.AdamW(p, lr=0.02, weight_decay=0.3),
    "sgd": lambda p: optim.SGD(p, lr=0.02, momentum=0.7, weight_decay=0.3),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.02, momentum=0.7),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.02, initial_accumulator_value=1e-8, eps=0.0),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_each_optimizer_makes_the_steps_of_torchs_own(name, tmp_path):
    ours, theirs = (TinyTask(chunks=3, dtype=torch.float64) for _ in range(2))
    chosen = plain(
        optimizer=name, learning_rate=0.02, weight_decay=0.3, momentum=0.7, steps=9, seed=0
    )
    fit(ours, chosen, tmp_path / "run")
    by_hand, state = BY_HAND[name](theirs.model.parameters()), None
    for step in range(9):
        loss, state = theirs.loss(step % 3, None if step % 3 == 0 else state)
        state = tuple(part.detach() for part in state)
        by_hand.zero_grad()
        loss.backward()
        by_hand.step()
    for a, b in zip(weights_of(ours.model), weights_of(theirs.model), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_adagrad_has_its_1e_8_inside_the_root():
    weight = nn.Parameter(torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64))
    optimizer = make_optimizer([weight], TrainSettings(optimizer="adagrad", learning_rate=0.1))
    expected, memory = weight.detach().clone(), torch.zeros(3, dtype=torch.float64)
    for gradient in ([1e-5, -3.0, 0.0], [2e-4, 0.5, 0.0], [0.0, -1.0, 1e-6]):
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        memory += weight.grad**2
        expected -= 0.1 * weight.grad / torch.sqrt(memory + 1e-8)
        torch.testing.assert_close(weight.detach(), expected, rtol=1e-12, atol=0)


def test_only_what_is_trained_is_given_to_the_optimizer():
    weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3), requires_grad=False)]
    optimizer = make_optimizer(weights, TrainSettings())
    assert [len(p) for group in optimizer.param_groups for p in group["params"]] == [2]
    set_learning_rate(optimizer, 0.125)
    assert optimizer.param_groups[0]["lr"] == 0.125


@pytest.mark.parametrize(
    ("schedule", "at_half", "at_end"),
    [("constant", 1.0, 1.0), ("linear", 0.505, 0.01), ("cosine", 0.505, 0.01)],
)
def test_schedules_start_at_the_top_and_fall_to_a_hundredth(schedule, at_half, at_end):
    settings = TrainSettings(schedule=schedule, warmup_steps=0, learning_rate=2.0)

    def share(done):
        return learning_rate(settings, step=10**6, done=done) / 2.0

    assert share(0.0) == pytest.approx(1.0)
    assert share(0.5) == pytest.approx(at_half)
    assert share(1.0) == share(7.0) == pytest.approx(at_end)
    course = [share(i / 100) for i in range(101)]
    assert course == sorted(course, reverse=True)


def test_cosine_is_a_cosine():
    settings = TrainSettings(schedule="cosine", warmup_steps=0, learning_rate=1.0)
    quarter = 0.01 + 0.99 * (1 + math.cos(math.pi / 4)) / 2
    assert learning_rate(settings, step=0, done=0.25) == pytest.approx(quarter)


def test_warm_up_rises_in_equal_steps_to_the_top_and_then_lets_go():
    settings = TrainSettings(schedule="constant", warmup_steps=4, learning_rate=1.0)
    course = [learning_rate(settings, step=step, done=0.0) for step in range(6)]
    assert course == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_the_trainer_uses_the_schedule_at_each_step(tmp_path):
    task = TinyTask()
    settings = plain(
        schedule="linear", warmup_steps=3, learning_rate=1.0, steps=10, optimizer="sgd"
    )
    fit(task, settings, tmp_path / "run")
    from unrolled.training.storage.metrics_log import read_metrics

    rates = [line["learning_rate"] for line in read_metrics(tmp_path / "run") if "clipped" in line]
    shapes = [0.01 + 0.99 * (1 - step / 10) for step in range(10)]
    rises = [1 / 3, 2 / 3, *[1.0] * 8]
    assert rates == pytest.approx([a * b for a, b in zip(shapes, rises, strict=True)])
