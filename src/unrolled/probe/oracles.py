"""What a model lacks: its errors are taken away by one oracle after another.

After Karpathy, Johnson and Fei-Fei 2015 ("Visualizing and understanding recurrent networks",
section 4.4). An error is a character to which the model gave less than a half. Each oracle knows
something that the model might have known, and takes the errors which that would have avoided. The
oracles are optimistic, and their order matters: what two of them know counts for the first.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from unrolled.data.alphabet import code_points
from unrolled.errors import LengthsDifferError
from unrolled.models.ngram import NGram

HALF = 0.5
ORDER = 9
MEMORIES = (100, 500, 1000, 5000)  # characters
RARE = ("never", "once", "twice", "3 times", "4 times", "5 times")
COUNTED = 2_000_000  # characters of the training text of which n-grams are counted, at most
NO_ERROR = -1
_WORD = re.compile(r"\w+")  # runs of what str.isalnum() says, and of _

ABOUT = {
    "n-gram": f"a Witten-Bell n-gram model of order 1 to {ORDER} gives it more than a half",
    "memory": "in a word that stood among the latest characters, after its first character",
    "rare words": f"in a word that the training text has at most {len(RARE) - 1} times",
    "word model": "the first character of a word",
    "punctuation": "after punctuation and the white space that follows it, or punctuation itself",
    "left": "what no oracle knows",
}


@dataclass(frozen=True)
class Row:
    """What one step of an oracle takes of the errors that those before it left."""

    oracle: str
    name: str
    about: str
    removed: int


@dataclass(frozen=True, eq=False)
class Peeling:
    """The errors of a model in a text of N characters, each taken by one row."""

    characters: int
    """How many were looked at: those that have a likelihood."""
    errors: int
    rows: tuple[Row, ...]
    """In the order in which they took theirs; the last is what was left. Sums to the errors."""
    taken: np.ndarray
    """Of each character the row that took it, or -1 where there is no error (N, int8)."""

    @property
    def oracles(self) -> tuple[Row, ...]:
        """The rows of each oracle as one."""
        removed: Counter[str] = Counter()
        for row in self.rows:
            removed[row.oracle] += row.removed
        return tuple(Row(oracle, oracle, ABOUT[oracle], n) for oracle, n in removed.items())


def peel(text: str, log_likelihood: np.ndarray, training: str, *, vocabulary_size: int) -> Peeling:
    """Take a model's errors away, oracle by oracle.

    Of a training text of more than 2 million characters the n-grams are those of the last 2
    million; its words are counted in all of it.

    Args:
        text: N characters that the model was not trained on.
        log_likelihood: Of each from those before it, in nats; where it is NaN, as of the first,
            the character is not looked at (N).
        training: What the model was trained on.
        vocabulary_size: How many symbols the model chose from.

    Raises:
        LengthsDifferError: There is not one likelihood for each character.
        SymbolNumberError: The texts have more different characters than the vocabulary.
        TextTooShortError: One of the texts is empty.
    """
    if len(log_likelihood) != len(text):
        facts = {"name": "log_likelihood", "got": len(log_likelihood)}
        raise LengthsDifferError(length=len(text), **facts)
    errors = log_likelihood < math.log(HALF)
    left, taken = errors.copy(), np.full(len(text), NO_ERROR, dtype=np.int8)
    rows: list[Row] = []
    for oracle, name, avoided in _oracles(text, training, vocabulary_size):
        here = left & avoided
        taken[here] = len(rows)
        left &= ~avoided
        rows.append(Row(oracle, name, ABOUT[oracle], int(here.sum())))
    return Peeling(int((~np.isnan(log_likelihood)).sum()), int(errors.sum()), tuple(rows), taken)


def _oracles(text: str, training: str, size: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Every step: its oracle, its name, and which characters it would have known."""
    words = _Words(text)
    return chain(
        _n_grams(text, training[-COUNTED:], size),
        _memory(text, words),
        _rare_words(training, words),
        [("word model", "first of a word", words.first)],
        _punctuation(text, words),
        [("left", "left", np.ones(len(text), dtype=bool))],
    )


def _n_grams(text: str, training: str, size: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """One fit has all orders in it."""
    _, numbers = np.unique(code_points(training + text), return_inverse=True)
    learned, read = np.split(numbers, [len(training)])
    model = NGram.fit(learned, vocabulary_size=size, order=ORDER)
    by_order = model.probabilities_by_order(read)
    for order, probabilities in enumerate(by_order, start=1):
        yield "n-gram", f"{order}-gram", probabilities > HALF


class _Words:
    """The words of a text, and which of them each character is in."""

    def __init__(self, text: str) -> None:
        matches = [*_WORD.finditer(text)]
        self.words = [match[0] for match in matches]
        spans = np.array([match.span() for match in matches], dtype=np.int64).reshape(-1, 2)
        self.starts, ends = spans.T
        edges = np.zeros(len(text) + 1, dtype=np.int8)
        edges[self.starts], edges[ends] = 1, -1
        self.first = edges[:-1] == 1
        self.inside = edges[:-1].cumsum() == 1
        self._number = np.repeat(np.arange(len(matches)), ends - self.starts)  # where inside

    def spread(self, marks: np.ndarray) -> np.ndarray:
        """Which characters are in a word that is marked."""
        inside = self.inside.copy()
        inside[inside] = marks[self._number]
        return inside


def _memory(text: str, words: _Words) -> Iterator[tuple[str, str, np.ndarray]]:
    """The nearest place before a word where its letters stand tells all lengths of memory."""
    longest = max(MEMORIES)
    places = zip(words.words, words.starts.tolist(), strict=True)
    nearest = [text.rfind(word, max(0, start - longest), start) for word, start in places]
    found = np.array(nearest, dtype=np.int64)
    distances = np.where(found < 0, longest + 1, words.starts - found)
    for length in MEMORIES:
        known = words.spread(distances <= length) & ~words.first
        yield "memory", f"last {length} characters", known


def _rare_words(training: str, words: _Words) -> Iterator[tuple[str, str, np.ndarray]]:
    counts = Counter(match[0] for match in _WORD.finditer(training))
    often = np.array([counts[word] for word in words.words], dtype=np.int64)
    for most, name in enumerate(RARE):
        yield "rare words", name, words.spread(often <= most)


def _punctuation(text: str, words: _Words) -> Iterator[tuple[str, str, np.ndarray]]:
    """Punctuation is what is neither in a word nor white space, so that + and < are, too."""
    space = np.isin(code_points(text), [ord(symbol) for symbol in set(text) if symbol.isspace()])
    sign = ~words.inside & ~space
    places = np.arange(len(text))
    latest = np.maximum.accumulate(np.where(space, -1, places))
    before = np.where(space, latest, places - 1)  # of white space what stands before all of it
    yield "punctuation", "after punctuation", (before >= 0) & sign[before]
    yield "punctuation", "punctuation itself", sign
