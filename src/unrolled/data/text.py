"""A text as one array of numbers.

A text is read twice, in blocks: once to see which characters it holds, once to write their numbers.
So the memory it takes is that of the array, and for a long text, whose array lies in a file of the
cache, nearly none.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from unrolled.data.alphabet import CODE_POINTS, Alphabet, printable
from unrolled.data.cache import cache_folder, replace_file
from unrolled.data.pieces import PieceAlphabet, Symbols
from unrolled.data.text_files import find_files, known_encoding, read_pieces
from unrolled.errors import (
    AlphabetKindError,
    CacheFolderError,
    EmptyTextError,
    OneSymbolError,
    SplitError,
    TextChangedError,
    TextTooShortError,
    UnrolledError,
)

MAPPED_FROM = 64 << 20  # bytes of numbers from which on they lie in a file and not in memory


class Parts(NamedTuple):
    """The three parts of a text, in its order."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, eq=False)
class Corpus:
    """A text as numbers.

    Attributes:
        ids: The number of each character, read-only; for a long text a `numpy.memmap`. Copy what
            you hand to torch: `ids[a:b].astype(numpy.int64)`.
        alphabet: Which character each number means.
        name: The file, the folder or the set that it was read from.
        fingerprint: SHA-256 of the text in UTF-8 (or of its bytes, read as bytes).
    """

    ids: np.ndarray
    alphabet: Symbols
    name: str
    fingerprint: str

    def __len__(self) -> int:
        return len(self.ids)

    def in_pieces(self, alphabet: PieceAlphabet) -> "Corpus":
        """The same text, read in pieces."""
        ids = alphabet.encode(self.alphabet.decode(self.ids))
        return replace(self, ids=ids, alphabet=alphabet)

    def split(self, *, validation: float = 0.05, test: float = 0.05) -> Parts:
        """Views of the three parts: the end is for the test, what comes before it to validate.

        Args:
            validation: Share of the text, from 0.
            test: Share of the text, from 0.

        Raises:
            SplitError: The shares are none, or leave nothing to train on.
        """
        if not (validation >= 0 and test >= 0 and validation + test < 1):
            raise SplitError(validation=validation, test=test)
        second = len(self.ids) - round(test * len(self.ids))
        first = second - round(validation * len(self.ids))
        return Parts(self.ids[:first], self.ids[first:second], self.ids[second:])


def read_corpus(
    source: Path | str,
    *,
    encoding: str = "utf-8",
    as_bytes: bool = False,
    alphabet: Alphabet | None = None,
) -> Corpus:
    """The text of a file, or of all text files in a folder, one after the other by relative path.

    A line end of two characters, as Windows writes it, becomes one; a byte order mark is dropped.
    Bytes stay as they are. In a folder, hidden files, links that
    lead out of it and files that are no text are passed over, and a file that does not end in a
    line end gets one before the next begins.

    Args:
        source: The file or the folder.
        encoding: How the characters are written as bytes.
        as_bytes: Take the bytes themselves as symbols, whatever they mean.
        alphabet: Number the characters by this alphabet, of a model that is trained; an alphabet
            of bytes reads bytes.
    """
    path = Path(source)
    files = find_files(path, _codec(encoding, as_bytes, alphabet))
    return read_files(
        files,
        name=path.resolve().name,
        encoding=encoding,
        as_bytes=as_bytes,
        alphabet=alphabet,
    )


def _codec(encoding: str, as_bytes: bool, alphabet: Alphabet | None) -> str | None:
    if as_bytes and alphabet is not None and not alphabet.is_bytes:
        raise AlphabetKindError(size=len(alphabet))
    if as_bytes or (alphabet is not None and alphabet.is_bytes):
        return None
    return known_encoding(encoding)


def read_files(
    files: Sequence[Path],
    *,
    name: str,
    encoding: str = "utf-8",
    as_bytes: bool = False,
    alphabet: Alphabet | None = None,
) -> Corpus:
    """The text of files, one after the other.

    Args:
        files: The files, in their order.
        name: What the text is called.
        encoding: As in `read_corpus`.
        as_bytes: As in `read_corpus`.
        alphabet: As in `read_corpus`.

    Raises:
        EmptyTextError: The files hold nothing.
        OneSymbolError: They hold one character only, and no alphabet was given.
    """
    codec = _codec(encoding, as_bytes, alphabet)
    counts, fingerprint = _survey(read_pieces(files, codec))
    length = int(counts.sum())
    shown = printable(name)
    if length == 0:
        raise EmptyTextError(path=shown, emptiness="is empty")
    symbols = tuple(chr(point) for point in np.flatnonzero(counts))
    if alphabet is None:
        if len(symbols) == 1:
            raise OneSymbolError(path=shown, count=length, symbol=repr(symbols[0]))
        alphabet = Alphabet(None if codec is None else symbols)
    alphabet.require(counts)
    pieces = read_pieces(files, codec)
    blocks = _numbered(pieces, alphabet, length=length, name=shown, fingerprint=fingerprint)
    if length * alphabet.dtype.itemsize < MAPPED_FROM:
        ids = _gathered(blocks, length, alphabet.dtype)
    else:
        ids = _mapped(blocks, length, alphabet, fingerprint)
    return Corpus(ids=ids, alphabet=alphabet, name=name, fingerprint=fingerprint)


def require_length(ids: np.ndarray, least: int, purpose: str) -> None:
    """Refuse a text, or a part of one, that is too short.

    Args:
        ids: The text.
        least: How many characters it should have.
        purpose: What needs them, as the subject of a sentence.

    Raises:
        TextTooShortError: It has fewer.
    """
    if len(ids) < least:
        raise TextTooShortError(length=len(ids), purpose=purpose, least=least)


def _survey(pieces: Iterable[tuple[np.ndarray, bytes]]) -> tuple[np.ndarray, str]:
    counts = np.zeros(CODE_POINTS, dtype=np.int64)
    digest = hashlib.sha256()
    for points, data in pieces:
        found = np.bincount(points)
        counts[: len(found)] += found
        digest.update(data)
    return counts, digest.hexdigest()


def _numbered(
    pieces: Iterable[tuple[np.ndarray, bytes]],
    alphabet: Alphabet,
    *,
    length: int,
    name: str,
    fingerprint: str,
) -> Iterator[np.ndarray]:
    """The second reading: the numbers, block by block, if the text is still that of the first."""
    digest = hashlib.sha256()
    for points, data in pieces:
        digest.update(data)
        length -= len(points)
        if length < 0:
            raise TextChangedError(path=name)
        yield alphabet.number(points)
    if digest.hexdigest() != fingerprint:
        raise TextChangedError(path=name)


def _gathered(blocks: Iterable[np.ndarray], length: int, dtype: np.dtype) -> np.ndarray:
    ids = np.empty(length, dtype=dtype)
    place = 0
    for block in blocks:
        ids[place : place + len(block)] = block
        place += len(block)
    ids.flags.writeable = False
    return ids


def _mapped(
    blocks: Iterable[np.ndarray], length: int, alphabet: Alphabet, fingerprint: str
) -> np.ndarray:
    """The numbers in a file of the cache, written unless it is there already."""
    content = json.dumps([fingerprint, alphabet.to_json()])
    folder = cache_folder() / "texts"
    path = folder / f"{hashlib.sha256(content.encode()).hexdigest()}.npy"
    try:
        folder.mkdir(exist_ok=True)
        if not _holds(path, length, alphabet):
            replace_file(path, lambda unfinished: _write(unfinished, blocks, length, alphabet))
    except UnrolledError:  # the text, not the cache
        raise
    except OSError as error:
        raise CacheFolderError(path=folder, reason=error.strerror or str(error)) from None
    return np.load(path, mmap_mode="r")


def _holds(path: Path, length: int, alphabet: Alphabet) -> bool:
    try:
        ids = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return False
    fits = ids.shape == (length,) and ids.dtype == alphabet.dtype
    return fits and int(ids.max()) < len(alphabet)


def _write(path: Path, blocks: Iterable[np.ndarray], length: int, alphabet: Alphabet) -> None:
    header = {"descr": alphabet.dtype.str, "fortran_order": False, "shape": (length,)}
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for block in blocks:
            stream.write(block.tobytes())
