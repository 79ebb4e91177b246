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

    def __init__(self, model: Model, settings: Any, lengths: Sequence[int]) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            settings: Batch and seed.
            lengths: Of each example of the training part.
        """
        self.model = model
        self.settings = settings
        self.device = next(model.parameters()).device
        self.batches: list[np.ndarray] = []
        """Of the present pass: the examples of each step, by number."""
        self._lengths = np.array(lengths)

    @property
    def chunks(self) -> int:
        """Batches of one pass over the training part."""
        return -(-len(self._lengths) // self.settings.batch_size)

    def begin_pass(self, number: int) -> None:
        """Draw the batches of a pass, which follow from the seed and its number."""
        draws = np.random.default_rng((self.settings.training.seed, number))
        self.batches = bucketed(self._lengths, self.settings.batch_size, draws)
