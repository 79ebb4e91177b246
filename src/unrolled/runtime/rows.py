"""How the steps of a batch of sequences lie in memory: packed, the longest sequence first.

The rows of a step lie side by side, those that still go on before those that have ended, as in
torch's PackedSequence. Nothing is computed for what lies past a length.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import torch
from torch import Tensor


class Split(NamedTuple):
    """How threads share a run: each slice has some of the rows, or all and some of the units."""

    slices: int
    shared: bool = False


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of T steps of B sequences."""

    steps: int
    batch: int
    reverse: bool
    lengths: Tensor | None  # B, as the caller ordered them

    @cached_property
    def order(self) -> Tensor | None:
        """The sequence of each rank, the longest first; None if all are equally long."""
        if self.lengths is None:
            return None
        return self.lengths.argsort(descending=True, stable=True)

    @cached_property
    def counts(self) -> Tensor:
        """How many sequences have each step (T)."""
        if self.lengths is None:
            return torch.full((self.steps,), self.batch, device="cpu")
        return (self.lengths > torch.arange(self.steps, device="cpu").unsqueeze(-1)).sum(-1)

    @cached_property
    def starts(self) -> Tensor:
        """The first row of each step (T)."""
        return self.counts.cumsum(0) - self.counts

    @cached_property
    def total(self) -> int:
        """All rows."""
        return int(self.counts.sum()) if self.lengths is not None else self.steps * self.batch

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The axes of the rows as they lie in memory: T and B, or only one."""
        return (self.total,) if self.index is not None else (self.steps, self.batch)

    @cached_property
    def index(self) -> Tensor | None:
        """For each row its place t * B + b among all steps of all sequences; None if the same."""
        if self.order is None:
            return None
        ranks = torch.arange(self.batch, device="cpu")
        goes_on = ranks < self.counts.unsqueeze(-1)  # T B
        places = torch.arange(self.steps, device="cpu").unsqueeze(-1) * self.batch + self.order
        return places[goes_on]

    def pack(self, values: Tensor) -> Tensor:
        """T x B x ... as rows, in the axes of `shape`."""
        if self.index is None:
            return values.contiguous()
        flat = values.reshape(self.steps * self.batch, *values.shape[2:])
        return flat.index_select(0, self.index)

    def unpack(self, rows: Tensor) -> Tensor:
        """Rows, in the axes of `shape`, as T x B x width, zeros past each length."""
        if self.index is None:
            return rows
        whole = rows.new_zeros(self.steps, self.batch, rows.shape[-1])
        whole.flatten(0, 1).index_copy_(0, self.index, rows)
        return whole  # no view: autograd lets nobody change one of several views in place

    def sort(self, values: Tensor) -> Tensor:
        """B x ... with the longest sequence first."""
        return values.contiguous() if self.order is None else values.index_select(0, self.order)

    def unsort(self, values: Tensor) -> Tensor:
        """B x ... in the caller's order."""
        if self.order is None:
            return values
        return torch.empty_like(values).index_copy_(0, self.order, values)

    @property
    def are_equal(self) -> bool:
        """Whether no sequence ends before another."""
        return self.lengths is None or self.batch == 1

    def in_memory(self, split: Split) -> tuple[int, int, int]:
        """The addresses of starts, counts and bounds, which live as long as these rows."""
        found = self._in_memory.get(split)
        if found is None:
            tensors = self.starts, self.counts, self.bounds(split)
            addresses = [tensor.data_ptr() for tensor in tensors]
            made = (addresses[0], addresses[1], addresses[2]), tensors
            # Not overwritten: another thread may be using what it put there a moment ago.
            found = self._in_memory.setdefault(split, made)
        return found[0]

    @cached_property
    def _in_memory(self) -> dict[Split, tuple[tuple[int, int, int], tuple[Tensor, ...]]]:
        return {}

    def bounds(self, split: Split) -> Tensor:
        """The ranks at which each slice begins and ends (slices x 2): all, or of equal work."""
        if split.shared:
            return torch.tensor([0, self.batch], device="cpu").repeat(split.slices)
        cuts = self._cuts(split.slices)
        return torch.stack([cuts[:-1], cuts[1:]], dim=-1)

    def _cuts(self, slices: int) -> Tensor:
        """Ranks at which slices of equal work begin, and the end (slices + 1)."""
        if self.lengths is None or self.order is None:
            return torch.arange(slices + 1, device="cpu") * self.batch // slices
        work = self.lengths[self.order].cumsum(0)
        wanted = torch.arange(1, slices, device="cpu") * self.total / slices
        cuts = torch.searchsorted(work.double(), wanted.double()) + 1
        ends = cuts.new_tensor([self.batch])
        return torch.cat([cuts.new_zeros(1), cuts.clamp(max=self.batch), ends])


@lru_cache(maxsize=64)
def equal_rows(steps: int, batch: int, *, reverse: bool) -> Rows:
    """The rows of sequences that are all equally long."""
    return Rows(steps, batch, reverse, None)


def rows_for(x: Tensor, lengths: Tensor | None, *, reverse: bool) -> Rows:
    """How the steps of an input (T x B x ...) lie in memory."""
    steps, batch = x.shape[:2]
    if lengths is None:
        return equal_rows(steps, batch, reverse=reverse)
    return Rows(steps, batch, reverse, lengths)


def zero_past(values: Tensor, lengths: Tensor) -> Tensor:
    """The values (T x B x ...) with zeros past each length, whatever stood there."""
    steps = torch.arange(values.shape[0], device=values.device).unsqueeze(-1)
    past = steps >= lengths  # T B
    return values.masked_fill(past.reshape(*past.shape, *[1] * (values.dim() - 2)), 0)


def turned(values: Tensor, lengths: Tensor | None) -> Tensor:
    """The values (T x B x ...) backwards in time; what stands past a length stays there."""
    if lengths is None:
        return values.flip(0)
    steps = torch.arange(values.shape[0], device=values.device).unsqueeze(-1)
    index = torch.where(steps < lengths, lengths - 1 - steps, steps)  # T B
    index = index.reshape(*index.shape, *[1] * (values.dim() - 2)).expand_as(values)
    return values.gather(0, index)
