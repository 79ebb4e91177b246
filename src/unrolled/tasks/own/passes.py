"""The batches of a loader, pass by pass, in an order that can be met again.

Loaders draw their order, and workers their seeds, from torch's generator when a pass begins. That
is done from a seed of the pass; the generator then goes on as if nothing had been drawn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch import Generator

from unrolled.errors import LoaderError

_END = object()


class Passes:
    """The batches of a loader, each pass in an order that follows from the seed and its number."""

    def __init__(self, loader: Any, seed: int, part: str) -> None:
        """Take a loader.

        Args:
            loader: What is iterated once a pass.
            seed: Of all passes.
            part: What it is called in messages.

        Raises:
            LoaderError: It has no length, has no batch, or can be iterated only once.
        """
        self.batches = _length(loader, part)
        self._loader = loader
        self._seed = seed
        self._part = part
        self._number = 0
        self._coming: Iterator[Any] | None = None

    def begin(self, number: int) -> None:
        """Let the next batch be one of this pass."""
        self._number, self._coming = number, None

    def take(self, turn: int, share: slice) -> Any:
        """The batch of a turn, from among those that are a process's; turns come in their order.

        Args:
            turn: How many were taken in this pass: at its first call it skips as many.
            share: Which of the batches are the process's.

        Raises:
            LoaderError: The loader has fewer batches than it said.
        """
        if self._coming is None:
            self._coming = self._begun(turn, share)
        batch = next(self._coming, _END)
        if batch is _END:
            raise _refused(self._part, self._loader, f"ended before its {self.batches:,} batches")
        return batch

    @contextmanager
    def whole(self) -> Iterator[Any]:
        """A block in which the loader can be iterated; what is drawn in it leaves no trace."""
        with self._drawn():
            yield self._loader

    def _begun(self, turn: int, share: slice) -> Iterator[Any]:
        with self._drawn():
            own = islice(iter(self._loader), share.start, None, share.step)
            first = list(islice(own, 1))  # with its first batch a loader draws the order of all
            own = chain(first, own)
            for _ in islice(own, turn):
                pass
        return own

    @contextmanager
    def _drawn(self) -> Iterator[None]:
        """A block in which all is drawn from the pass's seed; torch then goes on as before it."""
        seed = np.random.SeedSequence((self._seed, self._number)).generate_state(1, np.uint64)
        gpus = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
        with torch.random.fork_rng(gpus, device_type="cuda"):
            for generator in (torch.default_generator, *_generators(self._loader)):
                generator.manual_seed(int(seed[0]))
            yield


def _generators(loader: Any) -> Iterator[Generator]:
    """Those that a DataLoader or its sampler was given, from which it draws in place of torch's."""
    sampler = getattr(loader, "sampler", None)
    beneath = getattr(getattr(loader, "batch_sampler", None), "sampler", None)
    for holder in (loader, sampler, beneath):
        generator = getattr(holder, "generator", None)
        if isinstance(generator, Generator):
            yield generator


def _length(loader: Any, part: str) -> int:
    if isinstance(loader, Iterator):
        raise _refused(part, loader, "is an iterator, which gives its batches once")
    try:
        length = len(loader)
    except TypeError as error:
        raise _refused(part, loader, "has no length") from error
    if length == 0:
        raise _refused(part, loader, "has no batch")
    return length


def _refused(part: str, loader: Any, problem: str) -> LoaderError:
    return LoaderError(part=part, loader=type(loader).__name__, problem=problem)
