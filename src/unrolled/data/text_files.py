"""The files of a text, and their content in blocks; whatever is wrong with a file is found here."""

import codecs
import difflib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Sequence
from encodings.aliases import aliases
from itertools import chain, islice
from pathlib import Path

import numpy as np

from unrolled.data.alphabet import code_points, printable
from unrolled.errors import (
    BinaryTextError,
    EmptyTextError,
    NotAFileError,
    TextEncodingError,
    TextNotFoundError,
    UnknownEncodingError,
    UnreadableTextError,
)

BLOCK = 1 << 20  # bytes read at a time
_HEAD = 8000  # bytes in which a NUL tells a file that is no text, as git does it
_NEWLINE = 10
_NO_TEXT = {
    "base64_codec",
    "bz2_codec",
    "hex_codec",
    "quopri_codec",
    "rot_13",
    "uu_codec",
    "zlib_codec",
}
_ENCODINGS = sorted(name for name, codec in aliases.items() if codec not in _NO_TEXT)
_KINDS = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket"}
_MARKS = {  # in this order: the mark of utf-32 begins with that of utf-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def find_files(source: Path, encoding: str | None) -> list[Path]:
    """The file itself, or the text files of a folder by relative path.

    In a folder, hidden files and links that lead out of it are passed over, and so is, unless
    bytes are wanted, a file with a NUL near its beginning: it is no text.

    Args:
        source: A file or a folder.
        encoding: The encoding of the files; None to read bytes.

    Raises:
        TextNotFoundError: There is nothing of that name.
        UnreadableTextError: The system does not let it be read.
        NotAFileError: It is a device, a pipe or a socket.
        EmptyTextError: The folder holds no text file.
    """
    try:
        mode = source.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the name
        hint = did_you_mean(source.name, _neighbours(source))
        raise TextNotFoundError(path=printable(str(source)), hint=hint) from None
    except OSError as error:
        raise _unreadable(source, error) from None
    if stat.S_ISREG(mode):
        return [source]
    if not stat.S_ISDIR(mode):
        kind = _KINDS.get(stat.S_IFMT(mode), "device")
        raise NotAFileError(path=printable(str(source)), kind=kind)
    files = [file for file in files_in(source) if encoding is None or _is_text(file, encoding)]
    if not files:
        raise EmptyTextError(path=printable(str(source)), emptiness="holds no text file")
    return files


def files_in(folder: Path, *, without: Collection[str] = ()) -> list[Path]:
    """The files of a folder and of those in it, sorted by relative path.

    Hidden files and folders, and links that lead out of the folder, are passed over.

    Args:
        folder: The folder.
        without: Names of folders to pass over too.

    Raises:
        UnreadableTextError: A folder cannot be listed.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if name[0] != "." and name not in without]
        found += [Path(place, name) for name in names if name[0] != "."]
    root = folder.resolve()
    inside = [
        file
        for file in found
        if file.is_file() and (not file.is_symlink() or file.resolve().is_relative_to(root))
    ]
    return sorted(inside, key=lambda file: file.relative_to(folder).as_posix())


def known_encoding(name: str) -> str:
    """Python's name of a text encoding; for UTF-8 the one that drops a byte order mark.

    Args:
        name: A name that a user gave.

    Raises:
        UnknownEncodingError: Python has no such encoding for text.
    """
    try:
        b"a".decode(name, "ignore")
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        hint = did_you_mean(name.lower(), _ENCODINGS)
        raise UnknownEncodingError(encoding=printable(name), hint=hint) from None
    return "utf-8-sig" if known == "utf-8" else known


def read_pieces(files: Iterable[Path], encoding: str | None) -> Iterator[tuple[np.ndarray, bytes]]:
    """The content of files, one after the other, in blocks.

    A file that does not end in a line end gets one before the next file begins. Of characters, a
    line end of two, as Windows writes it, is one; bytes stay as they are.

    Args:
        files: What `find_files` found.
        encoding: What `known_encoding` gave; None to read bytes.

    Yields:
        The code points of the characters (or the bytes), and the same as UTF-8 (or as they are).

    Raises:
        UnreadableTextError: A file cannot be read.
        BinaryTextError: A file holds a NUL.
        TextEncodingError: A file is of another encoding.
    """
    last = _NEWLINE
    for file in files:
        glue = last != _NEWLINE
        for points, data in _bytes(file) if encoding is None else _characters(file, encoding):
            if glue:
                yield np.array([_NEWLINE], dtype=points.dtype), b"\n"
                glue = False
            yield points, data
            last = points[-1]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint for a message, beginning with a space, or nothing if no known name is like it."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {printable(close[0])}?" if close else ""


def _bytes(file: Path) -> Iterator[tuple[np.ndarray, bytes]]:
    for block in _blocks(file):
        yield np.frombuffer(block, dtype=np.uint8), block


def _characters(file: Path, encoding: str) -> Iterator[tuple[np.ndarray, bytes]]:
    for text in _one_line_end(_decoded(file, encoding)):
        yield code_points(text), text.encode()


def _decoded(file: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    position = 0
    for block in chain(_blocks(file), [b""]):
        position += len(block)
        try:
            text = decoder.decode(block, not block)
            text.encode()  # a lone surrogate is no character
        except UnicodeError as error:
            raise _undecodable(file, encoding, error, position) from None
        if "\0" in text:
            rest = len(text[text.index("\0") :].encode(encoding)) - len("".encode(encoding))
            raise BinaryTextError(
                path=printable(str(file)),
                encoding=encoding.removesuffix("-sig"),
                offset=position - len(decoder.getstate()[0]) - rest,
            )
        yield text


def _one_line_end(texts: Iterable[str]) -> Iterator[str]:
    """Texts in which a carriage return before a line feed is gone, none of them empty."""
    held = ""
    for text in texts:
        whole = held + text
        held = "\r" if whole.endswith("\r") else ""
        if plain := whole.removesuffix("\r").replace("\r\n", "\n"):
            yield plain
    if held:
        yield held


def _blocks(file: Path) -> Iterator[bytes]:
    try:
        with file.open("rb") as stream:
            while block := stream.read(BLOCK):
                yield block
    except OSError as error:
        raise _unreadable(file, error) from None


def _undecodable(
    file: Path, encoding: str, error: UnicodeError, position: int
) -> TextEncodingError:
    problem = printable(str(error))
    if isinstance(error, UnicodeDecodeError):
        offset = position - len(error.object) + error.start
        problem = f"byte {offset}, 0x{error.object[error.start]:02x}, fits no character"
    elif isinstance(error, UnicodeEncodeError):
        problem = f"it spells the lone surrogate {error.object[error.start]!r}"
    head = next(_blocks(file), b"")
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "latin-1")
    return TextEncodingError(
        path=printable(str(file)),
        encoding=encoding.removesuffix("-sig"),
        problem=problem,
        guess=marked if encoding == "utf-8-sig" else "utf-8",
    )


def _is_text(file: Path, encoding: str) -> bool:
    head = next(_blocks(file), b"")[:_HEAD]
    return "\0" not in head.decode(encoding, "ignore")


def _neighbours(path: Path) -> Sequence[str]:
    try:
        return [neighbour.name for neighbour in islice(path.parent.iterdir(), 1000)]
    except (OSError, ValueError):
        return []


def _refuse(error: OSError) -> None:
    raise _unreadable(Path(error.filename), error)


def _unreadable(path: Path, error: OSError) -> UnreadableTextError:
    reason = error.strerror or str(error)
    return UnreadableTextError(path=printable(str(path)), reason=reason)
