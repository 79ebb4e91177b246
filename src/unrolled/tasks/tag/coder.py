"""What numbers words, their letters and their tags."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch

from unrolled.data.batches import padded
from unrolled.data.examples.kinds import Tagged
from unrolled.data.examples.splits import Splits
from unrolled.errors import OneLabelError, UnknownLabelError
from unrolled.models.attention import is_inside
from unrolled.models.tagger import Spelled
from unrolled.tasks.tag.sentences import Batch
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.texts.reading import Report, cut, kept_codes

UNKNOWN = 0


class Sentences(NamedTuple):
    """Sentences as numbers; each word in two ways."""

    words: list[np.ndarray]
    """By the vocabulary; 0 is any other word."""
    forms: list[np.ndarray]
    """By the table of all different words that occur."""
    letters: list[np.ndarray]
    """Of each row of that table."""
    tags: list[np.ndarray]

    @property
    def lengths(self) -> np.ndarray:
        """How many words each has."""
        return np.array([len(row) for row in self.words])

    def batch(self, rows: Sequence[int] | np.ndarray, device: torch.device) -> Batch:
        """Some of them side by side, each different word of theirs spelled once."""
        words = padded([self.words[row] for row in rows])
        forms = [self.forms[row] for row in rows]
        different, places = np.unique(np.concatenate(forms), return_inverse=True)
        ends = np.cumsum([len(row) for row in forms])[:-1]
        where = padded(np.split(places, ends)).steps.to(device)
        spelled = padded([self.letters[row] for row in different])
        inside = is_inside(words.lengths, len(words.steps)).to(device)
        beside = Spelled(spelled.steps.to(device), spelled.lengths, where)
        return Batch(words.steps.to(device), beside, words.lengths, inside)


class Coder:
    """Words, letters and tags by number, in the order of how often they occur."""

    def __init__(
        self, words: Sequence[str], letters: Sequence[str], tags: Sequence[str], how: TagSettings
    ) -> None:
        """Take what was learned.

        Args:
            words: The words that have a number, from 1.
            letters: Likewise.
            tags: From 0.
            how: What counts as one word, and how long sentences are.
        """
        self.words, self.letters, self.tags = list(words), list(letters), list(tags)
        self._how = how
        self._word = {word: number for number, word in enumerate(self.words, start=1)}
        self._letter = {letter: number for number, letter in enumerate(self.letters, start=1)}

    @classmethod
    def learn(cls, how: TagSettings, splits: Splits[Tagged]) -> Self:
        """Words and letters of a training part, and the tags of all parts.

        Raises:
            OneLabelError: There is one tag alone.
        """
        forms = Counter(word for example in splits.train for word in example.words)
        words: Counter[str] = Counter()
        for form, count in forms.items():
            words[_folded(form, how)] += count
        known = [word for word, count in words.most_common(how.vocabulary) if count >= how.least]
        return cls(
            known, _commonest(letter for form in forms for letter in form), tags_in(splits), how
        )

    @classmethod
    def from_json(cls, given: Any, how: TagSettings, path: Path) -> Self:
        """What `to_json` gave.

        Raises:
            DamagedFileError: It is none.
        """
        kept = kept_codes(given, {"words": list, "letters": list, "tags": list}, path)
        return cls(kept["words"], kept["letters"], kept["tags"], how)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return {"words": self.words, "letters": self.letters, "tags": self.tags}

    @property
    def vocabulary(self) -> int:
        """How many words have a number of their own."""
        return len(self.words)

    def knows(self, word: str) -> bool:
        """Whether a word has a number of its own."""
        return _folded(word, self._how) in self._word

    def code(self, examples: Sequence[Tagged], report: Report = lambda line: None) -> Sentences:
        """Sentences with their tags as numbers.

        Raises:
            UnknownLabelError: A tag is none of the model's.
        """
        tags = [row[: self._how.longest] for row in number_tags(examples, self.tags)]
        return self.read([each.words for each in examples], report)._replace(tags=tags)

    def read(
        self, sentences: Sequence[Sequence[str]], report: Report = lambda line: None
    ) -> Sentences:
        """Sentences as numbers, without tags; of too long ones the first words."""
        table = {form: row for row, form in enumerate(_commonest(w for s in sentences for w in s))}
        known = {form: self._word.get(_folded(form, self._how), UNKNOWN) for form in table}
        words = [np.array([known[word] for word in each]) for each in sentences]
        forms = [np.array([table[word] for word in each]) for each in sentences]
        letters = [np.array([self._letter.get(sign, UNKNOWN) for sign in form]) for form in table]
        longest = self._how.longest
        words, forms = cut(words, longest, report), [row[:longest] for row in forms]
        return Sentences(words, forms, letters, [])


def tags_in(splits: Splits[Tagged]) -> list[str]:
    """The tags of all parts, the commonest first.

    Raises:
        OneLabelError: There is one alone.
    """
    tags = _commonest(tag for part in splits for example in part for tag in example.tags)
    if len(tags) < 2:
        raise OneLabelError(label=tags[0])
    return tags


def number_tags(examples: Sequence[Tagged], tags: Sequence[str]) -> list[np.ndarray]:
    """The tags of sentences as numbers.

    Raises:
        UnknownLabelError: One is none of the model's.
    """
    numbers = {tag: number for number, tag in enumerate(tags)}
    unknown = sorted({tag for each in examples for tag in each.tags} - numbers.keys())
    if unknown:
        known = ", ".join(tags[:20])
        raise UnknownLabelError(labels=", ".join(unknown[:20]), known=known)
    return [np.array([numbers[tag] for tag in each.tags]) for each in examples]


def _folded(word: str, how: TagSettings) -> str:
    return word.lower() if how.lowercase else word


def _commonest(names: Iterable[str]) -> list[str]:
    """Each name once, the commonest first."""
    return [name for name, _ in Counter(names).most_common()]
