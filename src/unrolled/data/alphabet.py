"""Characters and their numbers."""

import codecs
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from unrolled.errors import AlphabetError, SymbolNumberError, UnknownCharactersError

CODE_POINTS = 0x110000  # as many as Unicode has
_SURROGATES = range(0xD800, 0xE000)
_LISTED = 20


def printable(text: str) -> str:
    """A text for a message: what a terminal would obey, or could not show, is escaped."""
    return "".join(symbol if symbol.isprintable() else ascii(symbol)[1:-1] for symbol in text)


def code_points(text: str) -> np.ndarray:
    """The code point of each character, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


@dataclass(frozen=True)
class Alphabet:
    """The characters that a model knows, each with its place as its number.

    Attributes:
        symbols: The characters in the order of their code points; None stands for the 256 bytes,
            as which any text can be written in UTF-8.

    Example:
        >>> alphabet = Alphabet.of("banana")
        >>> alphabet.symbols, alphabet.encode("nab").tolist()
        (('a', 'b', 'n'), [2, 0, 1])
    """

    symbols: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if self.symbols is not None:
            _check(self.symbols)

    @classmethod
    def of(cls, text: str) -> Self:
        """The alphabet of the characters that occur in a text."""
        return cls(tuple(sorted(set(text))))

    @property
    def is_bytes(self) -> bool:
        """Whether the symbols are bytes and not characters."""
        return self.symbols is None

    def __len__(self) -> int:
        return 256 if self.symbols is None else len(self.symbols)

    @property
    def dtype(self) -> np.dtype:
        """The smallest of uint8, uint16 and int32 that holds every number."""
        return np.dtype(
            np.uint8 if len(self) <= 1 << 8 else np.uint16 if len(self) <= 1 << 16 else np.int32
        )

    @cached_property
    def _points(self) -> np.ndarray:  # of each number: its code point
        return code_points("".join(self.symbols or ()))

    @cached_property
    def _numbers(self) -> np.ndarray:  # of each code point up to the greatest: its number, else 0
        numbers = np.zeros(int(self._points[-1]) + 1, dtype=self.dtype)
        numbers[self._points] = np.arange(len(self), dtype=self.dtype)
        return numbers

    def encode(self, text: str) -> np.ndarray:
        """The number of each character (or, for bytes, of each byte in UTF-8).

        Args:
            text: Any text.

        Raises:
            UnknownCharactersError: The text holds characters that the alphabet does not.
        """
        points = code_points(text)
        self.require(np.bincount(points, minlength=1))
        if self.symbols is None:
            return np.frombuffer(text.encode(), dtype=np.uint8).copy()
        return self.number(points)

    def number(self, points: np.ndarray) -> np.ndarray:
        """The numbers of code points (or bytes) of which `require` has approved."""
        if self.symbols is None:
            return points.astype(np.uint8)
        return self._numbers[np.minimum(points, len(self._numbers) - 1)]

    def require(self, counts: np.ndarray) -> None:
        """Refuse a text of which the alphabet does not know every character.

        Args:
            counts: How often each code point occurs in the text, from 0 on.

        Raises:
            UnknownCharactersError: The characters that are not known, with their counts.
        """
        unknown = counts.copy()
        if self.symbols is None:
            unknown[: _SURROGATES.start] = 0
            unknown[_SURROGATES.stop :] = 0
        else:
            unknown[self._points[self._points < len(counts)]] = 0
        points = np.flatnonzero(unknown)
        if len(points) == 0:
            return
        often = points[np.argsort(-unknown[points], kind="stable")][:_LISTED]
        listed = ", ".join(f"{chr(p)!r} ({unknown[p]} times)" for p in often)
        if len(points) > _LISTED:
            listed += f" and {len(points) - _LISTED} more"
        raise UnknownCharactersError(number=int(unknown.sum()), size=len(self), listed=listed)

    def decode(self, numbers: np.ndarray) -> str:
        """The text of numbers; bytes that are no UTF-8 become U+FFFD."""
        return Decoder(self).decode(numbers, final=True)

    def decoder(self) -> "Decoder":
        """A decoder for numbers that come one after the other."""
        return Decoder(self)

    def to_json(self) -> Any:
        """The alphabet as JSON can hold it: "bytes", or the list of its characters."""
        return "bytes" if self.symbols is None else list(self.symbols)

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The alphabet that `to_json` wrote, from a file that nobody vouches for.

        Args:
            value: Anything that JSON can hold.

        Raises:
            AlphabetError: The value is not an alphabet.
        """
        if value == "bytes":
            return cls(None)
        if not isinstance(value, list):
            raise AlphabetError(problem=f"it is a {type(value).__name__}")
        if len(value) > CODE_POINTS:
            raise AlphabetError(problem=f"{len(value)} symbols are more than there are characters")
        return cls(tuple(value))


class Decoder:
    """Turns numbers into text as they come; a character of several bytes waits for its last."""

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, numbers: np.ndarray, *, final: bool = False) -> str:
        """The text that the numbers complete.

        Args:
            numbers: One or more numbers of the alphabet, in an array or a list.
            final: No more will come: a character that is not complete becomes U+FFFD.

        Raises:
            SymbolNumberError: A number is no place in the alphabet.
        """
        numbers = np.atleast_1d(np.asarray(numbers, dtype=np.int64))
        require_symbols(numbers, len(self._alphabet))
        if self._alphabet.is_bytes:
            return self._bytes.decode(numbers.astype(np.uint8).tobytes(), final)
        return self._alphabet._points[numbers].tobytes().decode("utf-32-le")


def require_symbols(numbers: np.ndarray, size: int) -> None:
    """Refuse numbers that are no places in an alphabet.

    Args:
        numbers: Integers.
        size: How many symbols the alphabet has.

    Raises:
        SymbolNumberError: A number is below 0, or the size or more.
    """
    if len(numbers) == 0:
        return
    least, greatest = int(numbers.min()), int(numbers.max())
    if least < 0 or greatest >= size:
        raise SymbolNumberError(least=least, greatest=greatest, size=size, last=size - 1)


def _check(symbols: tuple[Any, ...]) -> None:
    if len(symbols) == 0:
        raise AlphabetError(problem="it is empty")
    previous = ""
    for place, symbol in enumerate(symbols):
        problem = _problem(symbol, previous)
        if problem:
            raise AlphabetError(problem=f"symbol {place} {problem}")
        previous = symbol


def _problem(symbol: Any, previous: str) -> str:
    if not isinstance(symbol, str):
        return f"is a {type(symbol).__name__} and not a string"
    if len(symbol) != 1:
        return f"is {len(symbol)} characters long: {symbol[:20]!r}"
    if ord(symbol) in _SURROGATES:
        return f"is a lone surrogate: {symbol!r}"
    if symbol == previous:
        return f"comes twice: {symbol!r}"
    if symbol < previous:
        return f"is out of order: {symbol!r} after {previous!r}"
    return ""
