"""Pieces of words as the symbols of a text, behind the calls of `Alphabet`."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from unrolled.data.alphabet import Alphabet, require_symbols
from unrolled.data.tokenizer import Tokenizer

_UNFINISHED = "\ufffd"  # what stands for bytes that are no whole character


class PieceAlphabet:
    """What each number means where a text is read in pieces, as a published model learned them."""

    symbols = None
    is_bytes = False

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Take a tokenizer.

        Args:
            tokenizer: Of pieces of bytes, so that any text can be written in them.
        """
        self.tokenizer = tokenizer

    def __len__(self) -> int:
        return len(self.tokenizer)

    def encode(self, text: str) -> np.ndarray:
        """The number of each piece of a text."""
        return self.tokenizer.encode([text])[0]

    def decode(self, numbers: Iterable[int]) -> str:
        """The text of numbers; bytes that are no character become U+FFFD."""
        return self.tokenizer.decode(numbers)

    def decoder(self) -> "PieceDecoder":
        """A decoder for numbers that come one after the other."""
        return PieceDecoder(self)

    def to_json(self) -> dict[str, str]:
        """All of it, as JSON values."""
        return {"pieces": self.tokenizer.to_json()}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """What `to_json` gave.

        Raises:
            MissingExtraError: The library `tokenizers` is not installed.
            TokenizerError: It is none.
        """
        return cls(Tokenizer.from_json(stored.get("pieces")))


class PieceDecoder:
    """Turns numbers into text as they come; a character of several pieces waits for its last."""

    def __init__(self, alphabet: PieceAlphabet) -> None:
        self._alphabet = alphabet
        self._waiting: list[int] = []

    def decode(self, numbers: np.ndarray, *, final: bool = False) -> str:
        """The text that the numbers complete.

        Args:
            numbers: One or more numbers of the alphabet.
            final: No more will come: a character that is not complete becomes U+FFFD.

        Raises:
            SymbolNumberError: A number is no place in the alphabet.
        """
        require_symbols(numbers, len(self._alphabet))
        self._waiting += numbers.tolist()
        text = self._alphabet.decode(self._waiting)
        if text.endswith(_UNFINISHED) and not final:
            return ""
        self._waiting = []
        return text


Symbols = Alphabet | PieceAlphabet


def symbols_from_json(stored: Any) -> Symbols:
    """The alphabet, of characters, bytes or pieces, that `to_json` gave.

    Raises:
        AlphabetError: It is none.
        TokenizerError: It is none of pieces.
    """
    return (PieceAlphabet if isinstance(stored, dict) else Alphabet).from_json(stored)
