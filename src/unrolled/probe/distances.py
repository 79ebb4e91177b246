"""How well a model closes what was opened, by how long ago that was.

After Karpathy, Johnson and Fei-Fei 2015 (section 4.3), who looked at the closing brace of C: no
n-gram model can close what was opened before its context.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from unrolled.errors import LengthsDifferError

BRACKETS = {"(": ")", "[": "]", "{": "}"}
QUOTES = {'"': '"', "“": "”"}


@dataclass(frozen=True)
class Bin:
    """What a model did with the signs that close what was opened some way before.

    The errors are standard errors of the means, NaN where there is one sign alone.
    """

    first: int
    """The least distance from the opening sign to the closing one, in characters."""
    last: int
    """The greatest, this one included."""
    count: int
    accuracy: float
    """How often the likeliest symbol was the closing sign."""
    accuracy_error: float
    probability: float
    """What the model gave the closing sign on average."""
    probability_error: float


@dataclass(frozen=True)
class Closing:
    """How well signs of one kind are closed."""

    name: str
    about: str
    bins: tuple[Bin, ...]
    """By distance, from one power of two to the next; those without a sign are left out."""


def closing(text: str, log_likelihood: np.ndarray, hit: np.ndarray) -> list[Closing]:
    """How well a model closes the brackets and the quotes of a text.

    Args:
        text: N characters.
        log_likelihood: Of each from those before it, in nats (N).
        hit: Whether each was the likeliest symbol under the one before (N).

    Raises:
        LengthsDifferError: There is not one number for each character.
    """
    for name, numbers in {"log_likelihood": log_likelihood, "hit": hit}.items():
        if len(numbers) != len(text):
            raise LengthsDifferError(length=len(text), name=name, got=len(numbers))
    kinds = (
        ("brackets", "the closing one of ( ) [ ] { }", bracket_pairs(text)),
        ("quotes", 'the closing one of " " or “ ”', quote_pairs(text)),
    )
    return [
        Closing(name, about, tuple(_bins(pairs, log_likelihood, hit)))
        for name, about, pairs in kinds
    ]


def bracket_pairs(text: str) -> np.ndarray:
    """Where brackets open and close (M x 2, in the order in which they close).

    Only what is well nested counts. A bracket that closes nothing, or another kind than the latest
    open one, says that a sign before it stood for something else: all that is open is forgotten. At
    an empty line ( and [ are forgotten that have been opened since the latest {.

    Args:
        text: Any text.
    """
    return _pairs(text, BRACKETS, lasting="}")


def quote_pairs(text: str) -> np.ndarray:
    """Where quotations open and close (M x 2, in the order in which they close).

    A straight sign closes if the latest open one is straight, and opens if not. At an empty line
    all that is open is forgotten, and likewise where ” closes nothing, or closes a straight sign.

    Args:
        text: Any text.
    """
    return _pairs(text, QUOTES)


def _pairs(text: str, closed_by: Mapping[str, str], *, lasting: str = "") -> np.ndarray:
    """Where signs open and close; an empty line ends what is not closed by one that lasts."""
    signs = re.escape("".join({*closed_by, *closed_by.values()}))
    opened: list[tuple[str, int]] = []  # what closes each, and where it stands
    pairs: list[tuple[int, int]] = []
    for match in re.finditer(rf"[{signs}]|\n(?=\n)", text):
        sign, place = match[0], match.start()
        if opened and opened[-1][0] == sign:
            pairs.append((opened.pop()[1], place))
        elif sign in closed_by:
            opened.append((closed_by[sign], place))
        elif sign != "\n":
            opened.clear()
        while sign == "\n" and opened and opened[-1][0] not in lasting:
            opened.pop()
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


def _bins(pairs: np.ndarray, log_likelihood: np.ndarray, hit: np.ndarray) -> Iterator[Bin]:
    distances, closers = pairs[:, 1] - pairs[:, 0], pairs[:, 1]
    powers = np.frexp(distances)[1] - 1  # 2 to this is at most the distance
    for power in np.unique(powers).tolist():
        at = closers[powers == power]
        right, given = hit[at].astype(np.float64), np.exp(log_likelihood[at].astype(np.float64))
        yield Bin(2**power, 2 ** (power + 1) - 1, len(at), *_mean(right), *_mean(given))


def _mean(numbers: np.ndarray) -> tuple[float, float]:
    """The mean and its standard error."""
    spread = numbers.std(ddof=1) if len(numbers) > 1 else np.nan
    return float(numbers.mean()), float(spread / np.sqrt(len(numbers)))
