"""A task whose steps are batches of examples of about the same length."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from torch import nn

from unrolled.data.batches import bucketed
from unrolled.training.task import NATS, Task

Model = TypeVar("Model", bound=nn.Module)


class ExamplesTask(Task[Model]):
    """Each pass takes every example once, in another order."""

    unit = NATS

    def __init__(self, model: Model, settings: Any, lengths: Sequence[int] | np.ndarray) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            settings: Batch and seed.
            lengths: Of each example of the training part, or of each of its sides (N x K).
        """
        self.model = model
        self.settings = settings
        self.device = next(model.parameters()).device
        self.sequences = settings.batch_size
        self.batches: list[np.ndarray] = []
        """Of the present pass: this process's examples of each step, by number."""
        self._lengths = np.array(lengths)

    @property
    def chunks(self) -> int:
        """Batches of one pass over the training part."""
        return -(-len(self._lengths) // self.settings.batch_size)

    def begin_pass(self, number: int) -> None:
        """Draw the batches of a pass, which follow from the seed and its number."""
        draws = np.random.default_rng((self.settings.training.seed, number))
        whole = bucketed(self._lengths, self.settings.batch_size, draws)
        self.batches = [batch[self.share] for batch in whole]

    def has_share(self, chunk: int) -> bool:
        """Whether this process has an example of a batch; of the last one it may have none."""
        return len(self.batches[chunk]) > 0
