"""Unpacking an archive of which nothing is trusted: not its names, kinds, number or sizes."""

import gzip
import lzma
import shutil
import tarfile
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from unrolled.data.deb import data_blocks
from unrolled.data.wheel import wheel_blocks
from unrolled.errors import ArchiveError

MOST_MEMBERS = 20_000  # each is looked at, also those that are not wanted
MOST_RATIO = 100  # unpacked bytes for each packed one
MOST_BYTES = 1 << 30
_BLOCK = 1 << 20
_BLOCKS_OF = {".deb": data_blocks, ".whl": wheel_blocks}
_DAMAGE = (  # what gzip, xz and tarfile raise, and what two members raise that want one path
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    OverflowError,
    FileExistsError,
    NotADirectoryError,
)


def unpack(archive: Path, wanted: str, folder: Path) -> None:
    """Put the wanted files of a .tar.gz, .deb or .whl into a folder, under their paths in it.

    One thing that has no place in an archive of plain files refuses the whole of it.

    Args:
        archive: The file to unpack.
        wanted: A pattern of paths as `PurePosixPath.match` takes it: `name-1.0/texts/*.txt`.
        folder: Where to put them.

    Raises:
        ArchiveError: The archive is damaged, a trap, or has no file that is wanted.
    """
    with TemporaryDirectory(dir=folder.parent, prefix=".", suffix=".tmp") as room:
        plain = Path(room, "plain.tar")
        try:
            _decompress(archive, plain)
            with tarfile.open(plain, "r:") as tar:
                found = [_write(tar, member, folder) for member in _checked(tar, archive, wanted)]
        except ArchiveError:
            raise
        except _DAMAGE as error:
            raise ArchiveError(path=archive.name, problem=f"it is damaged ({error})") from None
    if not found:
        raise ArchiveError(path=archive.name, problem=f"it has no {wanted}")


def _decompress(archive: Path, plain: Path) -> None:
    room = min(MOST_RATIO * archive.stat().st_size, MOST_BYTES)
    blocks = _BLOCKS_OF.get(archive.suffix, _gzip_blocks)(archive)
    with plain.open("wb") as unpacked:
        for block in blocks:
            room -= len(block)
            if room < 0:
                problem = f"it unpacks to over {MOST_RATIO} times its size, or over {MOST_BYTES} B"
                raise ArchiveError(path=archive.name, problem=problem)
            unpacked.write(block)


def _gzip_blocks(archive: Path) -> Iterator[bytes]:
    with gzip.open(archive, "rb") as packed:
        while block := packed.read(_BLOCK):
            yield block


def _checked(tar: tarfile.TarFile, archive: Path, wanted: str) -> Iterator[tarfile.TarInfo]:
    """The wanted members, once every member has been looked at."""
    names: set[str] = set()
    found: list[tarfile.TarInfo] = []
    for number, member in enumerate(tar):
        problem = _problem(member, names)
        if number >= MOST_MEMBERS:
            problem = f"it has over {MOST_MEMBERS} members"
        if problem:
            raise ArchiveError(path=archive.name, problem=problem)
        if member.isreg() and PurePosixPath(member.name).match(wanted):
            found.append(member)
    return iter(found)


def _problem(member: tarfile.TarInfo, names: set[str]) -> str:
    """What is wrong with a member; the names seen so far grow by its own."""
    shown = ascii(member.name)[:100]
    path = PurePosixPath(member.name)
    if not (member.isreg() or member.isdir()) or member.issparse():
        return f"{shown} is a link, a device or the like"
    if not member.name.isprintable():
        return f"{shown} is no name for a file"
    if path.is_absolute() or ".." in path.parts or any(mark in member.name for mark in "\\:"):
        return f"{shown} leads out of its folder"
    folded = unicodedata.normalize("NFC", str(path)).casefold()
    if member.isreg() and folded in names:
        return f"{shown} comes twice (some disks take capitals and small letters as one)"
    names.add(folded)
    return ""


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> Path:
    path = folder / PurePosixPath(member.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = tar.extractfile(member)
    assert packed is not None  # it is a regular file
    with packed, path.open("xb") as unpacked:
        shutil.copyfileobj(packed, unpacked, _BLOCK)
    return path
