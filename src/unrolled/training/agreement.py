"""What all processes of a group hold for true, so that they decide alike.

Time is that of the first one's clock, a signal to any is one to all, the loss and the gradient are
those of the whole batch. A process alone asks its own clock and its own signals, when it wants.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from unrolled.training.group import Group
from unrolled.training.interrupts import WATCHED, Interrupts
from unrolled.training.progress import Clock
from unrolled.training.task import Measured, Step


class Agreement:
    """The group's time, signals, loss and gradient."""

    def __init__(self, group: Group, interrupts: Interrupts) -> None:
        """Make the agreement; `start` sets its clock.

        Args:
            group: All processes.
            interrupts: The signals of this one.
        """
        self.group = group
        self._interrupts = interrupts
        self._clock = Clock()
        self._seconds = 0.0
        self._signal: int | None = None

    def start(self, seconds: float) -> None:
        """Begin to count seconds, from so many before."""
        self._clock = Clock(seconds)
        self._seconds = seconds

    def seconds(self) -> float:
        """Of training so far: now, or when all last spoke with each other."""
        return self._clock.seconds() if self.group.is_alone else self._seconds

    @property
    def signal(self) -> int | None:
        """The signal that is to end the training, if one has come."""
        return self._interrupts.received if self.group.is_alone else self._signal

    def sum(self, *numbers: float, beside: Sequence[Tensor] = ()) -> list[float]:
        """The sums of numbers over all processes; what the time is, and which signals came.

        Args:
            *numbers: As many as the others give.
            beside: Tensors that become their sums at the same time.

        Raises:
            ProcessGoneError: Another process has ended.
        """
        if self.group.is_alone:
            return list(numbers)
        own = self._clock.seconds() if self.group.is_first else 0.0
        received = (self._interrupts.received == number for number in WATCHED)
        told = torch.tensor([own, *received, *numbers], dtype=torch.float64)
        self.group.add_up(told, *beside)
        self._seconds, *sums = told.tolist()
        came = [number for number, count in zip(WATCHED, sums, strict=False) if count]
        self._signal = max(came, default=None)
        return sums[len(WATCHED) :]

    def average(self, parameters: Sequence[nn.Parameter], step: Step | None) -> tuple[float, int]:
        """Give each parameter the gradient of the mean over the items of all processes.

        Args:
            parameters: Their gradients are those of the mean over this process's items, and change.
            step: What this process has done; None if it had nothing to do.

        Returns:
            The mean loss of all items, and how many they are.

        Raises:
            ProcessGoneError: Another process has ended.
        """
        loss, items = (float(step.loss.detach()), step.items) if step else (0.0, 0)
        if self.group.is_alone:
            return loss, items
        mine = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        sums = _joined(mine)
        known = [parameter.grad is not None for parameter in parameters]
        beside = [each.mul_(items) for each in sums.values()]
        losses, total, *known = self.sum(loss * items, items, *known, beside=beside)
        for parameter, part, count in zip(parameters, _parted(sums, mine), known, strict=True):
            parameter.grad = part.div_(total) if count else None
        return losses / total, int(total)

    def hear(self, found: Measured | None) -> Measured | None:
        """What the first process has measured; None if a signal has ended that.

        Args:
            found: That, in the first process; None in the others.

        Raises:
            ProcessGoneError: Another process has ended.
        """
        if self.group.is_alone:
            return found
        told = [0.0] * 5
        if found is not None:
            told = [1.0, found.loss, found.error is not None, found.error or 0.0, found.solved]
        measured, loss, has_error, error, solved = self.sum(*told)
        return Measured(loss, error if has_error else None, bool(solved)) if measured else None


def _joined(tensors: Sequence[Tensor]) -> dict[torch.dtype, Tensor]:
    """The tensors flat, one after the other, those of each type of numbers as one."""
    kinds = dict.fromkeys(tensor.dtype for tensor in tensors)
    return {kind: torch.cat([t.flatten() for t in tensors if t.dtype == kind]) for kind in kinds}


def _parted(joined: Mapping[torch.dtype, Tensor], like: Sequence[Tensor]) -> Iterator[Tensor]:
    """What was joined, in tensors of the sizes of those that it was made of."""
    ends = dict.fromkeys(joined, 0)
    for tensor in like:
        first = ends[tensor.dtype]
        ends[tensor.dtype] += tensor.numel()
        yield joined[tensor.dtype][first : ends[tensor.dtype]].view_as(tensor)
