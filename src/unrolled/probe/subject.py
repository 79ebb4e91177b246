"""What is looked at, and how closely: a network, a text, what is known of the training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from torch import nn

from unrolled.data.alphabet import Alphabet
from unrolled.probe.languages import Language
from unrolled.probe.own_tracks import TIME_LIMIT

Progress = Callable[[str, float], None]
"""Is told what is being done, and the share of all that is done."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network that predicts the next symbol of a text, and a text that it did not learn."""

    name: str
    network: nn.Module
    """Called with symbols T x B; returns scores of the next symbol, alone or first in a tuple."""
    text: str  # N characters
    vocabulary: str
    """The V characters in the order in which the network numbers them; bytes are the first 256."""
    training: str = ""
    """The text that it learned, or its end; n-grams are counted there. Empty: they are left out."""
    history: Sequence[Mapping[str, Any]] = ()
    """The lines of a run's metrics."""
    facts: Mapping[str, str] = field(default_factory=dict[str, str])
    """What to say of it: its cell, its sizes, its text."""
    batch_first: bool = False

    @cached_property
    def symbols(self) -> np.ndarray:
        """The text as whole numbers.

        Raises:
            UnknownCharactersError: The text has characters that the network does not know.
        """
        alphabet = Alphabet.of(self.vocabulary)
        numbers = np.array([self.vocabulary.index(symbol) for symbol in alphabet.symbols or ()])
        return numbers[alphabet.encode(self.text)]


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
