"""Sequences side by side: which of them make a batch, and how they lie in it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

POOL = 400  # batches whose sequences are sorted by length together
_STEP = 1.2  # the longest of sequences that count as of one length, over the shortest


def bucketed(lengths: np.ndarray, batch_size: int, draws: np.random.Generator) -> list[np.ndarray]:
    """Batches of sequences of about the same length, in a random order.

    All sequences are shuffled and cut into pools of some hundred batches, and each of these, sorted
    by length, into batches. So each pass has other batches, and little of them is padding.

    Args:
        lengths: Of each sequence (N), or of both sides of each (N x 2).
        batch_size: B; the last batch may have fewer.
        draws: Where the order comes from.
    """
    shuffled = draws.permutation(len(lengths))
    pools = np.split(shuffled, range(POOL * batch_size, len(lengths), POOL * batch_size))
    batches: list[np.ndarray] = []
    for pool in pools:
        ordered = pool[_order(lengths[pool])]
        batches += np.split(ordered, range(batch_size, len(pool), batch_size))
    return [batches[at] for at in draws.permutation(len(batches))]


def _order(lengths: np.ndarray) -> np.ndarray:
    """From short to long; of two sides by the second in steps, and by the first to and fro in each.

    So neighbours are alike on both sides, also where one step ends and the next begins.
    """
    if lengths.ndim == 1:
        return np.argsort(lengths, kind="stable")
    first, second = lengths.T
    step = np.floor(np.log(np.maximum(second, 1)) / np.log(_STEP)).astype(int)
    return np.lexsort((np.where(step % 2, -first, first), step))


def in_order(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Batches from the shortest to the longest: what only measures needs no other order."""
    ordered = _order(lengths)
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
