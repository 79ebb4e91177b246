"""The data of a .deb, of which nothing is trusted: not its members' names, number or sizes.

A .deb is an `ar` archive: eight bytes, then members, each behind a header of sixty. What a package
would install is in one of them, data.tar.xz. The others, and with them all scripts, stay closed.
"""

import lzma
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from unrolled.errors import ArchiveError

MOST_MEMORY = 1 << 27  # bytes to unpack with; the highest level of xz takes half of them
_BLOCK = 1 << 20
_MAGIC = b"!<arch>\n"
_HEADER = struct.Struct("16s 32x 10s 2s")  # name; date, owner, group, mode; size; end
_END = b"`\n"
_DATA = "data.tar.xz"


class _Member(NamedTuple):
    name: str
    start: int
    size: int


def data_blocks(archive: Path) -> Iterator[bytes]:
    """The tar of what a package would install, in blocks of which none is large.

    Args:
        archive: The .deb.

    Raises:
        ArchiveError: It is no .deb, or its data is cut off, or not packed with xz alone.
        lzma.LZMAError: Its data is damaged, or takes too much memory to unpack.
    """
    with archive.open("rb") as stream:
        members = _members(stream, archive)
        found = [member for member in members if member.name.startswith("data.tar")]
        names = [member.name for member in found]
        if names != [_DATA]:
            problem = f"its data is {ascii(names)[:100]}, where {[_DATA]} is wanted"
            raise ArchiveError(path=archive.name, problem=problem)
        stream.seek(found[0].start)
        yield from _unpacked(stream, found[0].size, archive)


def _members(stream: BinaryIO, archive: Path) -> Iterator[_Member]:
    end = archive.stat().st_size
    place = len(_MAGIC)
    if stream.read(place) != _MAGIC:
        raise ArchiveError(path=archive.name, problem="it is no ar archive, as a .deb is")
    while place < end:
        stream.seek(place)
        name, size, mark = _HEADER.unpack(stream.read(_HEADER.size).ljust(_HEADER.size))
        start, digits = place + _HEADER.size, size.strip(b" ")
        if mark != _END or not digits.isdigit() or start + int(digits) > end:
            problem = f"it is damaged (no member of an ar archive begins at byte {place})"
            raise ArchiveError(path=archive.name, problem=problem)
        yield _Member(name.decode("latin-1").rstrip(" /"), start, int(digits))
        place = start + int(digits) + int(digits) % 2


def _unpacked(stream: BinaryIO, left: int, archive: Path) -> Iterator[bytes]:
    xz = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_MEMORY)
    while not xz.eof and (left or not xz.needs_input):
        packed = stream.read(min(_BLOCK, left)) if xz.needs_input else b""
        left -= len(packed)
        yield xz.decompress(packed, _BLOCK)
    if not xz.eof or xz.unused_data or left:
        problem = f"its {_DATA} does not end where it should"
        raise ArchiveError(path=archive.name, problem=problem)
