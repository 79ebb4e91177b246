"""The files of a wheel as a tar, so that `archive` looks at all archives with the same eyes.

A wheel is a zip. Nothing in it is trusted: a member of a kind, a name or a size that has no place
in an archive of plain files goes into the tar as it is, and is refused there. What zip can do and
a wheel need not, encryption and other ways to compress, is refused here.
"""

import stat
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from unrolled.errors import ArchiveError

_BLOCK = 1 << 20
_KINDS = {0: tarfile.REGTYPE, stat.S_IFREG: tarfile.REGTYPE, stat.S_IFDIR: tarfile.DIRTYPE}
_UNREAD = 0x61  # flags of members that are encrypted, or patches of others


def wheel_blocks(archive: Path) -> Iterator[bytes]:
    """The tar of all members, in blocks of which none is large.

    Args:
        archive: The wheel.

    Raises:
        ArchiveError: It is damaged, or has a member that is not plainly packed.
    """
    try:
        with ZipFile(archive) as packed:
            for member in packed.infolist():
                yield from _as_tar(packed, member, archive)
    except (BadZipFile, RuntimeError, struct.error) as error:
        raise ArchiveError(path=archive.name, problem=f"it is damaged ({error})") from None
    yield bytes(2 * tarfile.BLOCKSIZE)


def _as_tar(packed: ZipFile, member: ZipInfo, archive: Path) -> Iterator[bytes]:
    shown = ascii(member.filename)[:100]
    if member.header_offset < 0:
        raise BadZipFile(f"{shown} begins before the archive")
    if member.flag_bits & _UNREAD or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        problem = f"{shown} is encrypted, or packed otherwise than wheels are"
        raise ArchiveError(path=archive.name, problem=problem)
    header = tarfile.TarInfo(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    is_folder = member.filename.endswith("/")
    header.type = tarfile.DIRTYPE if is_folder else _KINDS.get(kind, tarfile.SYMTYPE)
    header.size = member.file_size if header.isreg() else 0
    yield header.tobuf()
    if header.isreg():
        left = header.size
        with packed.open(member) as stream:
            while block := stream.read(_BLOCK):
                left -= len(block)
                yield block
        if left:
            problem = f"it is damaged ({shown} is shorter than it says)"
            raise ArchiveError(path=archive.name, problem=problem)
        yield bytes(-header.size % tarfile.BLOCKSIZE)
