"""Texts as the numbers of words, of characters or of pieces of words."""

import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import numpy as np

from unrolled.errors import MissingExtraError, TokenizerError

if TYPE_CHECKING:
    import tokenizers

Unit = Literal["words", "characters", "subwords"]
UNKNOWN, BEGIN, END = "[UNK]", "[BEGIN]", "[END]"
SPECIAL = (UNKNOWN, BEGIN, END)
"""The first three of every vocabulary that is learned, if no others are wanted: numbers 0, 1, 2."""
CLASS, SEPARATOR, MASK = "[CLS]", "[SEP]", "[MASK]"
"""What BERT reads before a text, after it, and in the place of what it has to guess."""
BERT_SPECIAL = (UNKNOWN, CLASS, SEPARATOR, MASK)


_HALVES = re.compile("[\ud800-\udfff]")
"""Surrogates, such as stand for bytes that are none of UTF-8 in what was typed."""


class Pieces(NamedTuple):
    """A text as numbers."""

    numbers: np.ndarray
    ends: np.ndarray
    """For each of them, where in the text it ends, in characters."""


class Tokenizer:
    """What turns texts into numbers and back, learned from the texts of a training part."""

    def __init__(self, inner: "tokenizers.Tokenizer") -> None:
        """Take one of the library `tokenizers`.

        Args:
            inner: The library's.
        """
        inner.encode_special_tokens = True  # a text that has [END] in it ends nothing
        self._inner = inner

    @classmethod
    def learn(
        cls,
        texts: Iterable[str],
        unit: Unit,
        *,
        size: int,
        least: int = 1,
        lowercase: bool = False,
        special: Sequence[str] = SPECIAL,
    ) -> Self:
        """The units that occur most often in some texts.

        Words are runs of letters and digits, or of other signs; subwords are byte-pair encodings
        of bytes (Sennrich et al. 2016), so that any text can be written in them.

        Args:
            texts: Of the training part.
            unit: What a number stands for.
            size: How many at most.
            least: How often a word or a character must occur to have a number of its own.
            lowercase: Whether capitals count as small letters.
            special: What stands for no text, `UNKNOWN` first: numbers from 0.

        Raises:
            MissingExtraError: The library is not installed.
        """
        tokenizers = tokenizers_library()
        inner, trainer = _MAKERS[unit](tokenizers, size, least, [*special])
        if lowercase:
            inner.normalizer = tokenizers.normalizers.Lowercase()
        inner.train_from_iterator(texts, trainer)
        return cls(inner)

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """The tokenizer that `to_json` gave.

        Raises:
            MissingExtraError: The library is not installed.
            TokenizerError: What is stored is none.
        """
        tokenizers = tokenizers_library()
        if not isinstance(stored, str):
            raise TokenizerError(problem=f"it is stored as {type(stored).__name__}, not as text")
        try:
            return cls(tokenizers.Tokenizer.from_str(stored))
        except Exception as error:  # the library raises nothing narrower
            raise TokenizerError(problem=str(error)) from None

    def to_json(self) -> str:
        """All of it, as the library writes it."""
        return self._inner.to_str()

    def __len__(self) -> int:
        return self._inner.get_vocab_size()

    @property
    def symbols(self) -> list[str]:
        """What each number stands for."""
        known = self._inner.get_vocab()
        return sorted(known, key=known.__getitem__)

    def special(self, name: str) -> int:
        """The number of a special symbol.

        Raises:
            TokenizerError: It has none of that name.
        """
        number = self._inner.token_to_id(name)
        if number is None:
            raise TokenizerError(problem=f"it has no symbol {name}")
        return number

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The numbers of each text, nothing special before or after them."""
        found = self._inner.encode_batch_fast([*map(_whole, texts)], add_special_tokens=False)
        return [np.array(each.ids, dtype=np.int32) for each in found]

    def encode_with_ends(self, texts: Sequence[str]) -> list[Pieces]:
        """The same, and where in its text each of them ends."""
        return [
            Pieces(np.array(e.ids, dtype=np.int32), np.array([end for _, end in e.offsets], int))
            for e in self._inner.encode_batch([*map(_whole, texts)], add_special_tokens=False)
        ]

    def number(self, words: Iterable[str]) -> np.ndarray:
        """The number of each word, taken whole."""
        known = self._inner.get_vocab()
        return np.array([known.get(self._normal(word), 0) for word in words], dtype=np.int32)

    def _normal(self, word: str) -> str:
        normalizer = self._inner.normalizer
        return normalizer.normalize_str(word) if normalizer else word

    def tokens(self, text: str) -> list[str]:
        """The pieces of a text as they stand in it."""
        found = self._inner.encode(_whole(text), add_special_tokens=False)
        return [text[start:stop] for start, stop in found.offsets]

    def respelled(self, text: str) -> str:
        """The text as `decode` gives it back, if each of its units has a number."""
        joins_words = self._inner.decoder is None
        return self._normal(" ".join(self.tokens(text)) if joins_words else text)

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers; words get spaces between them, what is special is left out."""
        return self._inner.decode([*map(int, numbers)])


def _whole(text: str) -> str:
    """The text with U+FFFD for each half of a character, which the library cannot hold."""
    return _HALVES.sub("\ufffd", text)


def tokenizers_library() -> Any:
    """The library, loaded when it is needed.

    Raises:
        MissingExtraError: It is not installed.
    """
    if find_spec("tokenizers") is None:
        raise MissingExtraError(what="Words and subwords", package="tokenizers", extra="text")
    import tokenizers  # only where texts are not read character by character

    return tokenizers


def _words(library: Any, size: int, least: int, special: list[str]) -> tuple[Any, Any]:
    inner = library.Tokenizer(library.models.WordLevel(unk_token=UNKNOWN))
    inner.pre_tokenizer = library.pre_tokenizers.Whitespace()
    return inner, _by_count(library, size, least, special)


def _characters(library: Any, size: int, least: int, special: list[str]) -> tuple[Any, Any]:
    inner = library.Tokenizer(library.models.WordLevel(unk_token=UNKNOWN))
    each = library.Regex(r"[\s\S]")
    inner.pre_tokenizer = library.pre_tokenizers.Split(each, "isolated")
    inner.decoder = library.decoders.Fuse()
    return inner, _by_count(library, size, least, special)


def _by_count(library: Any, size: int, least: int, special: list[str]) -> Any:
    return library.trainers.WordLevelTrainer(
        vocab_size=size, min_frequency=least, special_tokens=special, show_progress=False
    )


def _subwords(library: Any, size: int, least: int, special: list[str]) -> tuple[Any, Any]:
    inner = library.Tokenizer(library.models.BPE())
    inner.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=size, min_frequency=max(2, least), special_tokens=special,
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
    )  # fmt: skip
    return inner, trainer


_MAKERS = {"words": _words, "characters": _characters, "subwords": _subwords}
