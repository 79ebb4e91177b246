"""What the training loop asks of a task."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from torch import Tensor, nn


@dataclass(frozen=True)
class Unit:
    """The unit in which a task's loss is shown, how many are in a nat, digits after the point."""

    name: str
    short: str
    per_nat: float
    digits: int = 3


BITS_PER_CHARACTER = Unit("bits per character", "bpc", 1 / math.log(2))
NATS = Unit("nats", "nats", 1.0)
SQUARED_ERROR = Unit("squared error", "squared error", 1.0, digits=5)


class Step(NamedTuple):
    """One forward pass over a chunk."""

    loss: Tensor  # nats per item, differentiable
    items: int
    carried: Any  # state for the next chunk, L*D x B x width, cut from this one's graph


class Measured(NamedTuple):
    """How a model does on the validation part."""

    loss: float  # nats per item
    error: float | None = None  # share of the sequences that are wrong, where such are counted
    solved: bool = False  # nothing is left to train for


Model = TypeVar("Model", bound=nn.Module)


class Task(ABC, Generic[Model]):
    """A model, its data, and its loss. The loop knows nothing else."""

    model: Model
    unit: Unit
    items: str  # what is counted: "characters"
    sequences: int = 1
    """How many a whole chunk has side by side, which several processes share out."""
    share: slice = slice(None)
    """Which of them `forward` takes in this process; the trainer sets it."""
    validates: bool = True
    """Whether there is a validation part; without one nothing is evaluated, and none is best."""

    @property
    @abstractmethod
    def chunks(self) -> int:
        """How many chunks make one pass over the training part."""

    def begin_pass(self, number: int) -> None:
        """Called before the first step of each pass, and when a run goes on in the midst of one.

        Args:
            number: The pass, counted from 0: an order of the data may follow from it.
        """

    def wake(self) -> None:
        """Let the model be as it is in training, before the first step and after an evaluation."""
        self.model.train()

    def has_share(self, chunk: int) -> bool:
        """Whether this process has anything of a chunk; of the last one it may have nothing."""
        return True

    @abstractmethod
    def forward(self, chunk: int, carried: Any) -> Step:
        """The loss on this process's share of a chunk.

        Args:
            chunk: Its number in the pass.
            carried: What the chunk before gave; None at the start.
        """

    @abstractmethod
    def validate(self) -> Measured:
        """How the model, in evaluation mode, does on the validation part."""

    def sample(self) -> str:
        """A short sample of what the model does, for the eye; empty if there is none."""
        return ""

    def inspect(self) -> Mapping[str, Any]:
        """What --lens logs of the model at each evaluation, as JSON values; draws no number."""
        return {}


class Penalty(Protocol):
    """A term beside the loss, whose gradient is not backward's but worked out by itself."""

    name: str

    def listening(self) -> AbstractContextManager[None]:
        """A block in which the forward pass runs, so that what the term needs is kept."""
        ...

    def add_gradient(self) -> float:
        """Add the gradient to the parameters', once backward has run; the value of the term."""
        ...
