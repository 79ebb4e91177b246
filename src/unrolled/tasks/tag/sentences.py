"""What the task asks of sentences as numbers, whoever numbers them."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor


class Batch(NamedTuple):
    """Some sentences side by side."""

    read: Tensor  # P x B: words, or their pieces
    beside: Any
    """What else the model takes: how words are spelled, or where their first pieces are."""
    lengths: Tensor  # B: of what is read
    inside: Tensor  # T x B: where there is a word


class Numbered(Protocol):
    """Sentences as numbers."""

    @property
    def tags(self) -> list[np.ndarray]:
        """Of their words; none where they are to be found."""
        ...

    @property
    def lengths(self) -> np.ndarray:
        """Of what is read of each."""
        ...

    def batch(self, rows: Sequence[int] | np.ndarray, device: torch.device) -> Batch:
        """Some of them side by side."""
        ...
