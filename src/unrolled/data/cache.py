"""The user's cache folder: what can be made or fetched again, each thing wholly there or not."""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from unrolled.errors import CacheFolderError


def cache_folder() -> Path:
    """The folder for what can be made or fetched again, there and open to this user alone.

    It is $UNROLLED_CACHE, else `unrolled` in $XDG_CACHE_HOME, else ~/.cache/unrolled.

    Raises:
        CacheFolderError: It cannot be made, or nothing can be written in it.
    """
    named = os.environ.get("UNROLLED_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = Path(named) if named else Path(shared, "unrolled")
    try:
        path = path.expanduser().absolute()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _try_writing(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody knows where ~ is
        reason = getattr(error, "strerror", None) or str(error)
        raise CacheFolderError(path=path, reason=reason) from None
    return path


def replace_file(path: Path, write: Callable[[Path], None]) -> None:
    """Give a file new content in one step: a reader finds the old one or the new one.

    Args:
        path: The file, there or not; its folder is there.
        write: Is given a temporary file in the same folder and fills it.
    """
    unfinished = _temporary_name(path)
    try:
        unfinished.touch(exist_ok=False)
        write(unfinished)
        _flush(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _flush(path.parent)


def place_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder in one step, unless it is already there.

    Args:
        path: The folder; the one above it is there.
        fill: Is given a temporary folder beside it and fills it.
    """
    unfinished = _temporary_name(path)
    try:
        unfinished.mkdir()
        fill(unfinished)
        for inside in unfinished.rglob("*"):
            _flush(inside)
        _flush(unfinished)
        if not path.is_dir():
            _rename_folder(unfinished, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _flush(path.parent)


def _rename_folder(unfinished: Path, path: Path) -> None:
    try:
        unfinished.rename(path)
    except OSError:  # another process may have been first, with the same content
        if not path.is_dir():
            raise


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{secrets.token_hex(8)}.tmp")


def _try_writing(folder: Path) -> None:
    probe = _temporary_name(folder / "probe")
    probe.touch(exist_ok=False)
    probe.unlink()


def _flush(path: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened, nor a file flushed by another
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
