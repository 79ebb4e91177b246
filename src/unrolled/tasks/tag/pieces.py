"""What numbers the pieces of words, for BERT, and their tags."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from unrolled.data.batches import padded
from unrolled.data.examples.kinds import Tagged
from unrolled.data.examples.splits import Splits
from unrolled.data.tokenizer import Pieces
from unrolled.models.attention import is_inside
from unrolled.tasks.tag.coder import number_tags, tags_in
from unrolled.tasks.tag.sentences import Batch
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.texts.bert import Reader
from unrolled.tasks.texts.reading import Report, kept_codes


class PieceSentences(NamedTuple):
    """Sentences as numbers of pieces."""

    pieces: list[np.ndarray]
    """With a symbol before each sentence and one after it."""
    firsts: list[np.ndarray]
    """Where the first piece of each word stands among them."""
    tags: list[np.ndarray]

    @property
    def lengths(self) -> np.ndarray:
        """How many pieces each has."""
        return np.array([len(row) for row in self.pieces])

    def batch(self, rows: Sequence[int] | np.ndarray, device: torch.device) -> Batch:
        """Some of them side by side."""
        pieces, firsts = (padded([part[row] for row in rows]) for part in self[:2])
        inside = is_inside(firsts.lengths, len(firsts.steps)).to(device)
        return Batch(pieces.steps.to(device), firsts.steps.to(device), pieces.lengths, inside)


class PieceCoder:
    """Pieces of words and tags by number."""

    def __init__(self, reader: Reader, tags: Sequence[str], how: TagSettings) -> None:
        """Take what was learned.

        Args:
            reader: BERT's pieces and sizes.
            tags: From 0.
            how: How long sentences are.
        """
        self.reader, self.tags = reader, list(tags)
        self._how = how

    @classmethod
    def learn(cls, how: TagSettings, splits: Splits[Tagged]) -> Self:
        """Pieces of a training part, or those of the weights, and the tags of all parts.

        Raises:
            OneLabelError: There is one tag alone.
        """
        texts = (example.text for example in splits.train)
        return cls(Reader.learn(how, "subwords", texts), tags_in(splits), how)

    @classmethod
    def from_json(cls, given: Any, how: TagSettings, path: Path) -> Self:
        """What `to_json` gave.

        Raises:
            DamagedFileError: It is none.
        """
        kept = kept_codes(given, {"tokenizer": str, "shape": dict, "tags": list}, path)
        return cls(Reader.from_json(kept, path), kept["tags"], how)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return {**self.reader.to_json(), "tags": self.tags}

    @property
    def vocabulary(self) -> int:
        """How many pieces there are."""
        return len(self.reader.tokenizer)

    def knows(self, word: str) -> bool:
        """Whether a word within a sentence is one piece."""
        return len(self.reader.tokenizer.encode([f" {word}"])[0]) == 1

    def code(
        self, examples: Sequence[Tagged], report: Report = lambda line: None
    ) -> PieceSentences:
        """Sentences with their tags as numbers.

        Raises:
            UnknownLabelError: A tag is none of the model's.
        """
        tags = number_tags(examples, self.tags)
        read = self.read([each.words for each in examples], report)
        pairs = zip(tags, read.firsts, strict=True)
        return read._replace(tags=[row[: len(firsts)] for row, firsts in pairs])

    def read(
        self, sentences: Sequence[Sequence[str]], report: Report = lambda line: None
    ) -> PieceSentences:
        """Sentences as numbers, without tags; of too long ones the first words."""
        found = self.reader.tokenizer.encode_with_ends([" ".join(words) for words in sentences])
        longest = self._how.longest
        rows = self.reader.framed([each.numbers for each in found], longest, report)
        firsts = [
            _firsts(words, pieces, longest - 2)
            for words, pieces in zip(sentences, found, strict=True)
        ]
        return PieceSentences(rows, firsts, [])


def _firsts(words: Sequence[str], pieces: Pieces, room: int) -> np.ndarray:
    """Where the words begin among as many pieces as there is room for, behind the first symbol."""
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    first = np.searchsorted(pieces.ends, starts, side="right")  # the piece that ends behind it
    return 1 + (first if len(pieces.ends) <= room else first[first < room])
