"""Files of a run that anybody may have changed: read within bounds, and parsed or refused."""

import stat
from pathlib import Path
from typing import Any

from unrolled.errors import DamagedFileError, NewerFormatError
from unrolled.training.storage.json_text import read_json

FORMAT = 1
CONFIG = "config.json"


def read_file(path: Path, *, limit: int) -> bytes:
    """Read a file that may hold at most `limit` bytes.

    Args:
        path: A plain file, or a link to one.
        limit: Bytes; a longer file is refused before any of it is read.

    Returns:
        Its bytes.

    Raises:
        DamagedFileError: It is missing, too long, unreadable, or no plain file.
    """
    size = plain_size(path)
    if size > limit:
        raise DamagedFileError(path=path, damage=f"holds {size:,} bytes instead of {limit:,}")
    try:
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        raise DamagedFileError(path=path, damage=_damage(error)) from error


def plain_size(path: Path) -> int:
    """Size of a plain file in bytes.

    Args:
        path: The file; a pipe or a device, which could be read for ever, is refused.

    Returns:
        Its size.

    Raises:
        DamagedFileError: It is missing, out of reach, or no plain file.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise DamagedFileError(path=path, damage=_damage(error)) from error
    if not stat.S_ISREG(found.st_mode):
        raise DamagedFileError(path=path, damage="is not a plain file")
    return found.st_size


def parse_record(text: bytes, path: Path | str) -> dict[str, Any]:
    """Parse the JSON of a file.

    Args:
        text: The file's bytes.
        path: The file, for the message.

    Returns:
        Its content.

    Raises:
        DamagedFileError: It is not one JSON object.
    """
    try:
        return read_json(text)
    except ValueError as error:
        raise DamagedFileError(path=path, damage=f"is no JSON object: {error}") from error


def check_format(record: dict[str, Any], path: Path) -> None:
    """Refuse a record whose form this version cannot know.

    Args:
        record: What the file holds.
        path: The file, for the message.

    Raises:
        DamagedFileError: It names no format.
        NewerFormatError: Its format is later than ours.
    """
    known = record.get("format")
    if type(known) is not int or known < 1:
        raise DamagedFileError(path=path, damage=f"names no format (format: {known!r})")
    if known > FORMAT:
        writer = str(record.get("version"))
        raise NewerFormatError(
            path=path, format=known, writer=writer, ours=package_version(), known=FORMAT
        )


def package_version() -> str:
    """Version of the package that is running."""
    from unrolled import __version__  # not above: the package may be importing this file

    return __version__


def _damage(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "is missing"
    return f"cannot be read: {error.strerror}"
