"""The processes that train together: torchrun starts them, the first one writes and speaks.

One process is a group of one, in which nothing is sent and nobody waits.
"""

import atexit
import contextlib
import os
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache

import torch
from torch import Tensor, distributed
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from unrolled.errors import FewSequencesError, ProcessGoneError
from unrolled.training.launch import count_processes

PATIENCE = timedelta(hours=6)
"""For each other, at most: the first may be measuring. Who is gone is noticed at once."""
_LOOK_AGAIN = 0.05  # seconds
_NOTHING_SAVED = "It had saved nothing yet: start again."


class Group:
    """All processes, and this one among them.

    Args:
        rank: The number of this process, from 0.
        size: How many there are.
        store: Where they leave words for each other; outlives each of them.
    """

    def __init__(self, rank: int = 0, size: int = 1, store: Store | None = None) -> None:
        self.rank = rank
        self.size = size
        self._store = store

    @property
    def is_alone(self) -> bool:
        """Whether there is no other."""
        return self.size == 1

    @property
    def is_first(self) -> bool:
        """Whether this one writes the run, measures and speaks."""
        return self.rank == 0

    def share_of(self, sequences: int) -> slice:
        """Which of the sequences of a chunk are this process's: every `size`-th.

        Args:
            sequences: How many are side by side in a whole chunk.

        Raises:
            FewSequencesError: They are fewer than the processes.
        """
        if sequences < self.size:
            raise FewSequencesError(sequences=sequences, size=self.size)
        return slice(None) if self.is_alone else slice(self.rank, None, self.size)

    def own(self, device: torch.device) -> torch.device:
        """The device on which this process computes: of GPUs each process has one."""
        if self.is_alone or device.type != "cuda":
            return device
        return torch.device("cuda", _rank_here(self.rank))

    def add_up(self, *tensors: Tensor) -> None:
        """Turn tensors into their sums over all processes, the same bits everywhere.

        Raises:
            ProcessGoneError: Another process has ended.
        """
        if not self.is_alone:
            self._together(lambda: [distributed.all_reduce(t, async_op=True) for t in tensors])

    def meet(self) -> None:
        """Wait until all processes are here.

        Raises:
            ProcessGoneError: Another process has ended.
        """
        self.add_up(torch.zeros(1))

    def spread(self, tensors: Iterable[Tensor]) -> None:
        """Turn tensors into those of the first process.

        Raises:
            ProcessGoneError: Another process has ended.
        """
        if not self.is_alone:
            self._together(
                lambda: [distributed.broadcast(t, src=0, async_op=True) for t in tensors]
            )

    def rows(self, tensor: Tensor) -> Tensor:
        """The tensors of all processes, one a row: they have the same shape.

        Raises:
            ProcessGoneError: Another process has ended.
        """
        found = tensor.new_zeros(self.size, *tensor.shape)
        found[self.rank] = tensor
        self.add_up(found)
        return found

    def text(self, text: str) -> str:
        """The text that the first process gives.

        Raises:
            ProcessGoneError: Another process has ended.
        """
        codes = torch.tensor([*text.encode()], dtype=torch.uint8)
        length = torch.tensor(len(codes))
        self.spread([length])
        codes = codes if self.is_first else codes.new_zeros(int(length))
        self.spread([codes])
        return bytes(codes.tolist()).decode()

    def leave_word(self, text: str = "") -> None:
        """Let the others know, as long as torchrun lives, that this process ends, and why."""
        if self._store is not None:
            with contextlib.suppress(RuntimeError):
                self._store.set(_word(self.rank), text)

    def hears_the_first(self, seconds: float) -> bool:
        """Whether the first process has left a word, or does within so many seconds."""
        deadline = time.monotonic() + seconds
        while not (heard := self._has_word(0)) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN)
        return heard

    def leave(self) -> None:
        """Let go of the others: whoever waits for this process learns that it has gone."""
        if distributed.is_initialized():
            distributed.destroy_process_group()

    def _together(self, begin: Callable[[], Iterable[distributed.Work | None]]) -> None:
        try:
            for work in begin():
                assert work is not None, "this process is in the group"
                work.wait()
        except RuntimeError as error:
            raise ProcessGoneError(
                size=self.size, why=self._words() or "without a word", remedy=_NOTHING_SAVED
            ) from error

    def _words(self) -> str:
        """What the others have left: why they have ended."""
        if self._store is None:
            return ""
        others = (rank for rank in range(self.size) if rank != self.rank and self._has_word(rank))
        words = ((rank, self._store.get(_word(rank)).decode()) for rank in others)
        return "; ".join(f"process {rank}: {text}" for rank, text in words if text)

    def _has_word(self, rank: int) -> bool:
        with contextlib.suppress(RuntimeError):
            return self._store is not None and self._store.check([_word(rank)])
        return False


ALONE = Group()


@cache
def join() -> Group:
    """The group in which torchrun has started this process; without torchrun, a group of one.

    A process joins once, whatever it trains.

    Raises:
        LaunchError: The environment is not as torchrun sets it.
        ProcessGoneError: The others do not come.
    """
    if (size := count_processes()) == 1:
        return ALONE
    try:
        meeting, rank, size = next(rendezvous("env://", timeout=PATIENCE))
        store = PrefixStore("unrolled", meeting)
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
            store=PrefixStore("group", store),
            rank=rank,
            world_size=size,
            timeout=PATIENCE,
        )
    except (RuntimeError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise ProcessGoneError(size=size, why=why, remedy=_NOTHING_SAVED) from error
    if (here := _rank_here(rank)) < torch.cuda.device_count():
        torch.cuda.set_device(here)
    group = Group(rank, size, store)
    atexit.register(group.leave)
    return group


def launcher() -> str:
    """What is to be typed before `unrolled` to start as many processes again."""
    if (size := count_processes()) == 1:
        return ""
    here = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    machines = f"--nnodes {size // here} ... " if size > here else ""
    return f"torchrun {machines}--nproc-per-node {here} -m "


def _rank_here(rank: int) -> int:
    """The number of this process on its machine."""
    return int(os.environ.get("LOCAL_RANK") or rank)


def _word(rank: int) -> str:
    return f"word of {rank}"
