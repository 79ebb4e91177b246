"""What the training loop asks of a task."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from torch import Tensor, nn


@dataclass(frozen=True)
class Unit:
    """The unit in which a task's loss is shown, and how many of it are in a nat."""

    name: str
    short: str
    per_nat: float


BITS_PER_CHARACTER = Unit("bits per character", "bpc", 1 / math.log(2))


class Step(NamedTuple):
    """One forward pass over a chunk."""

    loss: Tensor  # nats per item, differentiable
    items: int
    carried: Any  # state for the next chunk, cut from this one's graph


Model = TypeVar("Model", bound=nn.Module)


class Task(ABC, Generic[Model]):
    """A model, its data, and its loss. The loop knows nothing else."""

    model: Model
    unit: Unit
    items: str  # what is counted: "characters"

    @property
    @abstractmethod
    def chunks(self) -> int:
        """How many chunks make one pass over the training part."""

    @abstractmethod
    def forward(self, chunk: int, carried: Any) -> Step:
        """The loss on a chunk; `carried` is what the chunk before gave, None at the start."""

    @abstractmethod
    def validate(self) -> float:
        """The loss on the validation part, in nats per item, the model in evaluation mode."""

    def sample(self) -> str:
        """A short sample of what the model does, for the eye; empty if there is none."""
        return ""
