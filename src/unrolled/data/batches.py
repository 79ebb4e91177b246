"""Sequences side by side: which of them make a batch, and how they lie in it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

POOL = 100  # batches whose sequences are sorted by length together


def bucketed(lengths: np.ndarray, batch_size: int, draws: np.random.Generator) -> list[np.ndarray]:
    """Batches of sequences of about the same length, in a random order.

    All sequences are shuffled and cut into pools of a hundred batches; a pool is sorted by length
    and cut into batches. So each pass has other batches, and little of them is padding.

    Args:
        lengths: Of each sequence (N), or of each of its sides (N x K): the last counts most.
        batch_size: B; the last batch may have fewer.
        draws: Where the order comes from.
    """
    shuffled = draws.permutation(len(lengths))
    pools = np.split(shuffled, range(POOL * batch_size, len(lengths), POOL * batch_size))
    batches: list[np.ndarray] = []
    for pool in pools:
        ordered = pool[np.lexsort(np.atleast_2d(lengths[pool].T))]
        batches += np.split(ordered, range(batch_size, len(pool), batch_size))
    return [batches[at] for at in draws.permutation(len(batches))]


def in_order(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Batches from the shortest to the longest: what only measures needs no other order."""
    ordered = np.lexsort(np.atleast_2d(lengths.T))
    return np.split(ordered, range(batch_size, len(ordered), batch_size))


class Padded(NamedTuple):
    """Sequences side by side."""

    steps: Tensor  # T x B, zeros beyond each end
    lengths: Tensor  # B

    def to(self, device: torch.device) -> "Padded":
        """The same on a device; lengths stay where the layers read them."""
        return Padded(self.steps.to(device), self.lengths)


def padded(rows: Sequence[np.ndarray]) -> Padded:
    """Sequences of whole numbers, or of vectors, one in each column."""
    lengths = torch.tensor([len(row) for row in rows])
    first = torch.from_numpy(np.ascontiguousarray(rows[0]))
    kind = first.dtype if first.is_floating_point() else torch.int64
    steps = torch.zeros(int(lengths.max()), len(rows), *first.shape[1:], dtype=kind)
    for column, row in enumerate(rows):
        steps[: len(row), column] = torch.from_numpy(np.ascontiguousarray(row))
    return Padded(steps, lengths)
