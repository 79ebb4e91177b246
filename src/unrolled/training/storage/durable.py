"""Files and folders that are wholly there or not there at all, whatever moment the power fails.

Everything a run keeps is written through this file. New bytes get a name that begins with `.tmp-`
beside their target, are flushed, and take the target's name in one step; what is to go gets a name
that begins with `.trash-` before any of it is removed. `sweep` clears both kinds away.
"""

import contextlib
import os
import shutil
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path

UNFINISHED = ".tmp-"
DISCARDED = ".trash-"
_BINARY = getattr(os, "O_BINARY", 0)  # Windows would turn line ends
_PIECE = 1 << 24  # one write call takes at most 2 GiB on Linux, fewer elsewhere


def write_bytes(descriptor: int, data: bytes) -> None:
    """Write all of the bytes to an open file."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest[:_PIECE]) :]


def write_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file and flush its bytes to the disk (for its name, flush the folder).

    Args:
        path: The file, there or not.
        pieces: Its bytes, in as many pieces as you like; they are not gathered in memory.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _BINARY, 0o666)
    try:
        for piece in pieces:
            write_bytes(descriptor, piece)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, pieces: Iterable[bytes]) -> None:
    """Give a file new bytes in one step: a reader finds the old ones or the new ones.

    Args:
        path: The file, there or not.
        pieces: The new bytes, as for `write_file`.
    """
    unfinished = path.with_name(UNFINISHED + path.name)
    try:
        write_file(unfinished, pieces)
        unfinished.replace(path)
    except BaseException:
        _remove_quietly(unfinished)
        raise
    flush_folder(path.parent)


@contextlib.contextmanager
def folder_written_aside(path: Path) -> Generator[Path, None, None]:
    """Make a folder that takes its name once the block has filled it without an error.

    Args:
        path: The folder's name, not yet taken.

    Yields:
        The same folder under its temporary name: write the files there.
    """
    unfinished = path.with_name(UNFINISHED + path.name)
    remove(unfinished)
    try:
        unfinished.mkdir()
        yield unfinished
        flush_folder(unfinished)
        unfinished.rename(path)
    except BaseException:
        _remove_quietly(unfinished)
        raise
    flush_folder(path.parent)


def flush_folder(path: Path) -> None:
    """Flush a folder's list of names to the disk (Windows has no such call, and needs none)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(folder: Path, names: Sequence[str]) -> None:
    """Remove entries of a folder, none of which is ever seen half removed, and sweep the folder.

    Args:
        folder: The folder that holds them all.
        names: Their names.
    """
    sweep(folder)  # what an earlier call could not remove may have the same name
    if not names:
        return
    for name in names:
        (folder / name).rename(folder / (DISCARDED + name))
    flush_folder(folder)
    sweep(folder)


def sweep(folder: Path) -> None:
    """Remove what an earlier process left unfinished or half removed in a folder."""
    for path in list(folder.iterdir()):
        if path.name.startswith((UNFINISHED, DISCARDED)):
            remove(path)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it, if it is there; a link goes, not its target."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_quietly(path: Path) -> None:
    """Remove if the disk lets us: the error that brought us here is the one to report."""
    with contextlib.suppress(OSError):
        remove(path)
