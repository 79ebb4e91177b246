"""What each word contributes to a label: how far its log-odds fall when the word is erased.

Li, Monroe & Jurafsky 2016, "Understanding Neural Networks through Representation Erasure".
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from unrolled.data.tokenizer import UNKNOWN
from unrolled.probe.subject import Progress
from unrolled.tasks.sentiment.task import Coder, Model, score_all

WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]+")
TOGETHER = 2_000  # texts, with a word erased, between two notes of progress


class Heeded(NamedTuple):
    """A text, and what its words contribute."""

    text: str
    spans: list[tuple[int, int]]
    """Where the words stand in it that the model read, and can be erased."""
    log_odds: np.ndarray
    """Of each label (Y), by which the likeliest is said."""
    falls: np.ndarray
    """By how much each log-odds falls if a word is erased (words x Y)."""

    @property
    def said(self) -> int:
        """The label that the model says, by number."""
        return int(self.log_odds.argmax())

    @property
    def confidence(self) -> float:
        """The probability that it gives to that."""
        return float(1 / (1 + np.exp(-self.log_odds[self.said])))

    @property
    def words(self) -> list[str]:
        """The words as they stand."""
        return [self.text[start:stop] for start, stop in self.spans]


class _Read(NamedTuple):
    """A text as a model reads it."""

    row: np.ndarray
    spans: list[tuple[int, int]]
    units: list[np.ndarray]  # the places in the row of each word's units

    def without_each(self, unknown: int) -> Iterator[np.ndarray]:
        """The row as it is, and with each word erased in turn."""
        yield self.row
        for places in self.units:
            erased = self.row.copy()
            erased[places] = unknown
            yield erased


def heeded(
    model: Model, coder: Coder, texts: Sequence[str], progress: Progress = lambda what, share: None
) -> list[Heeded]:
    """What the words of some texts contribute to each label.

    A word is erased by taking all of its units for the unknown one.

    Args:
        model: The model.
        coder: What numbers texts.
        texts: The texts.
        progress: Is told how far it is.
    """
    unknown = coder.tokenizer.special(UNKNOWN)
    read = [_read(coder, text) for text in texts]
    ends = np.cumsum([1 + len(each.units) for each in read])
    versions = chain.from_iterable(each.without_each(unknown) for each in read)
    odds: list[np.ndarray] = []
    for done in range(0, int(ends[-1]), TOGETHER):
        progress("erasing words", done / int(ends[-1]))
        odds.append(log_odds(score_all(model, [*islice(versions, TOGETHER)])))
    parts = np.split(np.concatenate(odds), ends[:-1])
    return [
        Heeded(text, each.spans, part[0], part[0] - part[1:])
        for text, each, part in zip(texts, read, parts, strict=True)
    ]


def log_odds(scores: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)) of each label, without loss where p is nearly 1.

    Args:
        scores: Of each label (N x Y).
    """
    exact = scores.astype(np.float64)
    others = (np.delete(exact, label, axis=1) for label in range(exact.shape[1]))
    return np.stack(
        [exact[:, label] - np.logaddexp.reduce(rest, axis=1) for label, rest in enumerate(others)],
        axis=1,
    )


def _read(coder: Coder, text: str) -> _Read:
    """The words of a text with their units; a unit is of the word in which it ends."""
    (row,) = coder.texts([text])
    framed = coder.reader.shape is not None
    (pieces,) = coder.tokenizer.encode_with_ends([text])
    last = pieces.ends[: len(row) - 2 * framed] - 1  # those that were not cut
    found = [(m.span(), np.flatnonzero((last >= m.start()) & (last < m.end())))
             for m in WORD.finditer(text)]  # fmt: skip
    kept = [(span, places + framed) for span, places in found if len(places)]
    return _Read(row, [span for span, _ in kept], [places for _, places in kept])
