"""The update rules, from torch, and the course of the learning rate."""

import math
from collections.abc import Callable, Iterable

from torch import nn, optim

from unrolled.training.settings import TrainSettings

_FLOOR = 0.01  # of the top: where a falling schedule ends

_RULES: dict[str, Callable[[list[nn.Parameter], TrainSettings], optim.Optimizer]] = {
    "adam": lambda p, s: optim.Adam(p, lr=s.learning_rate, fused=True),
    "adamw": lambda p, s: optim.AdamW(
        p, lr=s.learning_rate, weight_decay=s.weight_decay, fused=True
    ),
    "sgd": lambda p, s: optim.SGD(
        p, lr=s.learning_rate, momentum=s.momentum, weight_decay=s.weight_decay, fused=True
    ),
    "rmsprop": lambda p, s: optim.RMSprop(p, lr=s.learning_rate, momentum=s.momentum),
    # With this start, torch's sqrt(sum) + eps is the deck's sqrt(sum + 1e-8).
    "adagrad": lambda p, s: optim.Adagrad(
        p, lr=s.learning_rate, initial_accumulator_value=1e-8, eps=0.0, fused=_on_cpu(p)
    ),
}


def _on_cpu(parameters: list[nn.Parameter]) -> bool:
    """Whether torch has a fused Adagrad for them."""
    return all(parameter.device.type == "cpu" for parameter in parameters)


_SHAPES: dict[str, Callable[[float], float]] = {
    "constant": lambda done: 1.0,
    "linear": lambda done: 1 - done,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
}


def make_optimizer(parameters: Iterable[nn.Parameter], settings: TrainSettings) -> optim.Optimizer:
    """The optimizer that the settings name, over the parameters that are trained."""
    return _RULES[settings.optimizer]([p for p in parameters if p.requires_grad], settings)


def learning_rate(settings: TrainSettings, *, step: int, done: float) -> float:
    """The learning rate of a step.

    Args:
        settings: Top, warm-up and shape.
        step: Steps made before this one.
        done: Share of the budget used, 0 to 1.
    """
    rise = min(1.0, (step + 1) / max(1, settings.warmup_steps))
    shape = _SHAPES[settings.schedule](min(1.0, done))
    return settings.learning_rate * rise * (_FLOOR + (1 - _FLOOR) * shape)


def set_learning_rate(optimizer: optim.Optimizer, rate: float) -> None:
    """Give all parameters of an optimizer this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate
