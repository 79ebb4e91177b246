"""Where a training run stands: what a checkpoint stores beside tensors."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from unrolled.errors import ForeignStateError
from unrolled.training.settings import LATER


@dataclass
class Progress:
    """Counters of a run, all of which a resumed run takes up again."""

    step: int = 0
    epoch: int = 0
    chunk: int = 0
    items: int = 0
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0
    clipped: int = 0
    best: float | None = None  # nats per item on the validation part
    best_step: int = 0
    stale: int = 0  # evaluations since the best
    evaluated_step: int = -1
    solved_step: int = field(default=-1, metadata=LATER)  # -1: not yet

    def to_json(self) -> dict[str, Any]:
        """The counters as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], *, chunks: int) -> "Progress":
        """The counters that `to_json` gave.

        Args:
            stored: The counters.
            chunks: How many chunks the task has.

        Raises:
            ForeignStateError: They are none, or stand outside of the task's chunks.
        """
        later = {each.name: each.default for each in fields(cls) if each.metadata == LATER}
        stored = {**later, **stored}
        for each in fields(cls):
            value = stored.get(each.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number and not (value is None and each.name == "best"):
                raise ForeignStateError(problem=f"lacks the counter {each.name!r}")
        progress = cls(**{each.name: stored[each.name] for each in fields(cls)})
        if not 0 <= progress.chunk < chunks:
            problem = f"stands at chunk {progress.chunk}, and the data has {chunks}"
            raise ForeignStateError(problem=problem)
        return progress

    def used(
        self, budget: Mapping[str, float], *, seconds: float, chunks: int, ahead: int = 0
    ) -> float:
        """The share of a budget that is used, by whichever limit is nearest.

        Args:
            budget: Limits by name: minutes, epochs, steps.
            seconds: Of training so far.
            chunks: How many chunks the task has.
            ahead: So many steps from now, for all that clocks can tell.
        """
        amounts = {
            "minutes": seconds / 60,
            "epochs": self.epoch + (self.chunk + ahead) / chunks,
            "steps": self.step + ahead,
        }
        return max(amounts[name] / limit for name, limit in budget.items())

    def note_evaluation(self, loss: float, *, solved: bool) -> bool:
        """Count an evaluation; whether it is the best so far, as one that solves is.

        Args:
            loss: In nats per item.
            solved: Whether nothing is left to train for.
        """
        better = self.best is None or loss < self.best or solved
        if better:
            self.best, self.best_step, self.stale = loss, self.step, 0
        else:
            self.stale += 1
        self.evaluated_step = self.step
        self.solved_step = self.step if solved else -1
        return better

    def mean_loss(self) -> float:
        """The mean training loss since it was last asked for, in nats per item."""
        mean = self.loss_sum / max(1, self.loss_count)
        self.loss_sum, self.loss_count = 0.0, 0
        return mean


class Clock:
    """Seconds of training, those before a resume included."""

    def __init__(self, before: float = 0.0) -> None:
        self._start = time.monotonic() - before

    def seconds(self) -> float:
        """So many so far."""
        return time.monotonic() - self._start
