"""Interpolated n-gram model with Witten-Bell smoothing: the figure that a recurrent one must beat.

P_n(w|h) = (c(hw) + T(h) P_{n-1}(w|h')) / (c(h) + T(h)), where c counts occurrences in the training
text, T(h) is how many different symbols have followed h, and h' is h without its oldest symbol. A
context that was never followed leaves P_{n-1} as it is, and below one symbol stands 1/V.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from unrolled.errors import ContextOrderError, SymbolNumberError, TextTooShortError

_UNSEEN = -1
_SPARSE = 4  # possible keys for each symbol of the text, from which on they are sorted


@dataclass(frozen=True, eq=False)
class _Level:
    """The runs of n symbols that occur; a run is a context of n - 1 and the symbol after it.

    Each run has a number, its place in `keys`. Its key is the number of its context among the runs
    of n - 1 symbols, times V, plus its last symbol; so keys fit in 64 bits at any order.
    """

    keys: np.ndarray  # sorted
    counts: np.ndarray  # of each run: c(hw)
    totals: np.ndarray  # of each context, by its number: c(h)
    followers: np.ndarray  # likewise: T(h)

    def find(self, keys: np.ndarray) -> np.ndarray:
        """The number of each run, or -1."""
        places = np.searchsorted(self.keys, keys)
        places[places == len(self.keys)] = 0
        return np.where(self.keys[places] == keys, places, _UNSEEN)

    def mix(self, shorter: np.ndarray, contexts: np.ndarray, runs: np.ndarray) -> np.ndarray:
        """P_n from P_{n-1}, with the numbers of each context and of each run, or -1."""
        counts = np.where(runs == _UNSEEN, 0, self.counts[runs])
        totals = np.where(contexts == _UNSEEN, 0, self.totals[contexts])
        followers = np.where(totals == 0, 1, self.followers[contexts])  # 1: P_{n-1} as it is
        return (counts + followers * shorter) / (totals + followers)


@dataclass(frozen=True, eq=False)
class NGram:
    """An n-gram model of symbols (Witten & Bell 1991; Chen & Goodman 1998).

    It takes 12 bytes for each different run of symbols in the training text and 8 for each context;
    while it is fitted, about 70 bytes for each symbol of that text besides.

    Example:
        >>> import numpy as np
        >>> model = NGram.fit(np.array([0, 1, 0, 1, 0]), vocabulary_size=2, order=2)
        >>> np.exp(model.log_probabilities(np.array([0, 1]))).round(3).tolist()
        [0.571, 0.81]
    """

    vocabulary_size: int
    _levels: tuple[_Level, ...]

    @property
    def order(self) -> int:
        """The longest run that is counted: the symbol and the order - 1 before it."""
        return len(self._levels)

    @classmethod
    def fit(cls, ids: np.ndarray, *, vocabulary_size: int, order: int) -> Self:
        """The model of a text.

        Args:
            ids: The training text as symbol numbers.
            vocabulary_size: How many symbols there are, in this text or not.
            order: The longest run to count, 1 or more.

        Raises:
            ContextOrderError: The order is below 1.
        """
        if order < 1:
            raise ContextOrderError(order=order)
        ids = _checked(ids, vocabulary_size, purpose="an n-gram model")
        levels = []
        contexts = np.zeros(len(ids), dtype=np.int64)  # of each symbol: the run before it
        before = 1  # how many different runs stand before
        for length in range(1, min(order, len(ids)) + 1):
            keys = contexts * vocabulary_size + ids[length - 1 :]
            runs, numbers, counts = _distinct(keys, before * vocabulary_size)
            totals = np.bincount(contexts, minlength=before).astype(np.int32)
            followers = np.bincount(runs // vocabulary_size, minlength=before).astype(np.int32)
            levels.append(_Level(runs, counts, totals, followers))
            contexts, before = numbers[:-1], len(runs)
        return cls(vocabulary_size, tuple(levels))

    def log_probabilities(self, ids: np.ndarray) -> np.ndarray:
        """The logarithm of each symbol's probability after those before it, in nats.

        The first symbols have shorter contexts: what stands before them is not known.

        Args:
            ids: A text as symbol numbers.
        """
        (probabilities,) = deque(self.probabilities_by_order(ids), maxlen=1)
        return np.log(probabilities)

    def probabilities_by_order(self, ids: np.ndarray) -> Iterator[np.ndarray]:
        """Each symbol's probability by the model of order 1, by that of order 2, up to this one.

        What an order says costs no more than one step from the order below it.

        Args:
            ids: A text as symbol numbers.
        """
        ids = _checked(ids, self.vocabulary_size, purpose="a probability")
        probabilities = np.full(len(ids), 1 / self.vocabulary_size)
        contexts = np.zeros(len(ids), dtype=np.int64)
        for length, level in enumerate(self._levels, start=1):
            keys = contexts * self.vocabulary_size + ids[length - 1 :]
            runs = level.find(keys)
            longer = level.mix(probabilities[length - 1 :], contexts, runs)
            probabilities = np.concatenate([probabilities[: length - 1], longer])
            contexts = runs[:-1]
            yield probabilities

    def bits_per_character(self, ids: np.ndarray) -> float:
        """What the model needs on average to write down a symbol of the text."""
        return float(-self.log_probabilities(ids).mean() / math.log(2))


def _checked(ids: np.ndarray, size: int, purpose: str) -> np.ndarray:
    if len(ids) == 0:
        raise TextTooShortError(length=0, purpose=purpose, least=1)
    least, greatest = int(ids.min()), int(ids.max())
    if least < 0 or greatest >= size:
        raise SymbolNumberError(least=least, greatest=greatest, size=size, last=size - 1)
    return np.asarray(ids, dtype=np.int64)


def _distinct(keys: np.ndarray, below: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different keys in order, the place of each key among them, and how often each occurs."""
    if below > _SPARSE * len(keys):
        runs, numbers, counts = np.unique(keys, return_inverse=True, return_counts=True)
        return runs, numbers, counts.astype(np.int32)
    occurrences = np.bincount(keys, minlength=below)  # several times as fast as sorting
    runs = np.flatnonzero(occurrences)
    places = np.empty(below, dtype=np.int32)  # only those of runs are set and read
    places[runs] = np.arange(len(runs), dtype=np.int32)
    return runs, places[keys].astype(np.int64), occurrences[runs].astype(np.int32)
