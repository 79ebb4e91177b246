"""What is looked at, and how closely: a network, a text, what is known of the training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from torch import nn

from unrolled.data.alphabet import Alphabet, code_points
from unrolled.probe.languages import Language
from unrolled.probe.own_tracks import TIME_LIMIT

Progress = Callable[[str, float], None]
"""Is told what is being done, and the share of all that is done."""


class Spelled(NamedTuple):
    """A text as a network reads it."""

    symbols: np.ndarray
    """Whole numbers."""
    ends: np.ndarray
    """Of each character, the place of its last symbol."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network that predicts the next symbol of a text, and a text that it did not learn."""

    name: str
    network: nn.Module
    """Called with symbols T x B; returns scores of the next symbol, alone or first in a tuple."""
    text: str  # N characters
    vocabulary: str | None
    """The V characters in the order in which the network numbers them; None: it reads the bytes of
    UTF-8, and surrogates (`surrogateescape`) stand for bytes that are none."""
    training: str = ""
    """The text that it learned, or its end; n-grams are counted there. Empty: they are left out."""
    no_training: str = "nothing is known of the training text"
    """Why that is empty, if it is."""
    history: Sequence[Mapping[str, Any]] = ()
    """The lines of a run's metrics."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """What to say of it: its cell, its sizes, its text."""
    batch_first: bool = False

    @cached_property
    def symbols(self) -> list[str]:
        """What each number that the network reads stands for."""
        if self.vocabulary is not None:
            return [*self.vocabulary]
        return [chr(byte) if byte < 0x80 else f"\\x{byte:02x}" for byte in range(256)]

    def spelled(self, characters: int | None = None) -> Spelled:
        """The text, or that many of its characters, as the network reads it.

        Raises:
            UnknownCharactersError: The text has characters that the network does not know.
        """
        text = self.text[:characters]
        if self.vocabulary is None:
            spelt = np.frombuffer(text.encode("utf-8", "surrogateescape"), dtype=np.uint8)
            return Spelled(spelt.astype(np.int64), _lengths(code_points(text)).cumsum() - 1)
        alphabet = Alphabet.of(self.vocabulary)
        numbers = np.array([self.vocabulary.index(symbol) for symbol in alphabet.symbols or ()])
        return Spelled(numbers[alphabet.encode(text)], np.arange(len(text)))


def _lengths(points: np.ndarray) -> np.ndarray:
    """How many bytes spell each code point; a surrogate stands for one."""
    lengths = 1 + sum((points >= least).astype(np.int64) for least in (0x80, 0x800, 0x10000))
    return np.where((points >= 0xD800) & (points < 0xE000), 1, lengths)


@dataclass(frozen=True)
class Looking:
    """How closely to look."""

    characters: int = 200_000
    """Of the text, from its start, that are read."""
    language: Language | None = None
    """Whose strings, comments and conditions are tracks, too; None: as the text looks."""
    tracks: tuple[str, ...] = ()
    """The user's own, as `own_track` takes them."""
    seconds: float = TIME_LIMIT
    """For each of those."""
    shifts: int = 1000
    """Of the text, from which p-values come."""
    lens_steps: int = 256
    """Of the text whose losses are followed back."""
    seed: int = 0
