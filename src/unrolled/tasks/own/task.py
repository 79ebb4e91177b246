"""What the training loop asks for, of a model, a loader and a loss of one's own."""

from collections.abc import Collection
from typing import Any

from torch import nn

from unrolled.tasks.own.judge import Judge, moved
from unrolled.tasks.own.passes import Passes
from unrolled.training.task import Measured, Step, Task, Unit

_LOSS = Unit("loss", "loss", 1.0, digits=4)


class OwnTask(Task[nn.Module]):
    """A step takes a batch of the loader; of several processes each takes one."""

    unit = _LOSS
    items = "items"

    def __init__(
        self, judge: Judge, passes: Passes, validation: Passes | None, *, processes: int
    ) -> None:
        """Make the task.

        Args:
            judge: The model and its loss.
            passes: The batches that are trained on.
            validation: Those that are only measured.
            processes: How many train together.
        """
        self.model = judge.model
        self.sequences = processes
        self.validates = validation is not None
        self.resting: Collection[str] = _resting(judge.model)
        """Modules by name that stay in evaluation mode while the others train."""
        self._judge = judge
        self._passes = passes
        self._validation = validation

    @property
    def batches(self) -> int:
        """Batches of one pass over the loader."""
        return self._passes.batches

    @property
    def chunks(self) -> int:
        """Steps of one pass over the loader."""
        return -(-self.batches // self.sequences)

    def begin_pass(self, number: int) -> None:
        """Let the loader begin again, in an order that follows from the seed and the number."""
        self._passes.begin(number)

    def wake(self) -> None:
        """Put all modules into training mode but those that rest."""
        self.model.train()
        for name, module in self.model.named_modules():
            if name in self.resting:
                module.training = False  # of it alone: what is in it may train

    def has_share(self, chunk: int) -> bool:
        """Whether there is a batch for this process; in the last step there may be none."""
        return chunk * self.sequences + (self.share.start or 0) < self.batches

    def forward(self, chunk: int, carried: Any) -> Step:
        """The loss on this process's batch."""
        batch = self._passes.take(chunk, self.share)
        return self._judge.learning(moved(batch, self._judge.device), carried)

    def validate(self) -> Measured:
        """The mean loss over all items, and the share of them that is wrong."""
        assert self._validation is not None, "there is something to validate on"
        judge, carried, loss, wrong, items = self._judge, None, 0.0, 0.0, 0
        with self._validation.whole() as batches:
            for batch in batches:
                here = moved(batch, judge.device)
                step, share = judge.step(here, carried), judge.wrong(here, carried)
                loss += float(step.loss) * step.items
                wrong += share * step.items
                items += step.items
                carried = step.carried
        return Measured(loss / items, None if judge.metric is None else wrong / items)


def _resting(model: nn.Module) -> list[str]:
    """Modules that are given in evaluation mode; none where all of the model is: it is to learn."""
    if not model.training:
        return []
    return [name for name, module in model.named_modules() if not module.training]
