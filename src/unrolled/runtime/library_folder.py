"""The folder of compiled libraries: where it is, whom it is open to, and who works in it now.

Nothing here knows what a library is. What cannot be trusted is a `CacheError`, which says why.
"""

import contextlib
import errno
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from unrolled.errors import CacheError, UnrolledError

try:
    import fcntl
except ImportError:  # Windows: there everyone compiles, and the last one's entry stays
    fcntl = None

LOCK = ".lock"
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_UNFINISHED = ".tmp-"
_LEFT_OVER = 24 * 3600.0  # seconds
_LEAST_ROOM = 1 << 20  # bytes; a library takes a tenth of it
_LONGEST_JSON = 1 << 20  # bytes
_POLL = 0.02  # seconds
_HELD_ELSEWHERE = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}


def compiled_folder() -> Path:
    """The folder of compiled libraries, there, and for this user alone to write.

    It is `compiled` in $UNROLLED_CACHE, else in `unrolled` in $XDG_CACHE_HOME or ~/.cache.

    Raises:
        CacheError: It cannot be made, nothing in it can be loaded, or others can write it.
    """
    named = os.environ.get("UNROLLED_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    path = (Path(named) if named else Path(shared, "unrolled")) / "compiled"
    try:
        path = path.expanduser().absolute()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        require_trust(path)
    except RuntimeError as error:  # nobody knows where ~ is
        raise CacheError(path=path, reason=error) from None
    except OSError as error:
        raise cache_error(path, error) from None
    return path


def require_trust(folder: Path) -> None:
    """Refuse a folder from which nothing may be loaded, or nothing can be.

    Raises:
        CacheError: It is a link or no folder, is someone else's, or is mounted noexec.
    """
    status = folder.lstat()
    reason = None
    if not stat.S_ISDIR(status.st_mode):
        reason = "it is a symbolic link" if folder.is_symlink() else "it is not a folder"
    elif not is_ours(status):
        reason = "it belongs to someone else"
    elif os.name == "posix" and status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        reason = "its group or others can write it"
    elif os.name == "posix" and os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        reason = "its disk is mounted noexec"
    if reason:
        raise CacheError(path=folder, reason=reason)


def require_room(folder: Path) -> None:
    """Refuse a full disk.

    Raises:
        CacheError: It is full.
    """
    if os.name == "posix":
        disk = os.statvfs(folder)
        if disk.f_blocks and disk.f_bavail * disk.f_frsize < _LEAST_ROOM:  # some say 0 of 0
            raise CacheError(path=folder, reason="its disk is full")


def is_ours(status: os.stat_result) -> bool:
    """Whether a file belongs to this user."""
    return os.name != "posix" or status.st_uid == os.geteuid()


def read_json(path: Path) -> Any:
    """What a file says, or None if it says nothing that can be understood."""
    with path.open("rb") as file:
        text = file.read(_LONGEST_JSON)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def cache_error(folder: Path | str, error: OSError) -> CacheError:
    """What the disk said, as an error that says what to do."""
    return CacheError(path=folder, reason=error.strerror or str(error))


@contextlib.contextmanager
def blaming(folder: Path | str) -> Generator[None, None, None]:
    """Turn what the disk refuses into a CacheError; some of our own errors are OSErrors too."""
    try:
        yield
    except UnrolledError:
        raise
    except OSError as error:
        raise cache_error(folder, error) from error


@contextlib.contextmanager
def scratch(folder: Path | None = None) -> Generator[Path, None, None]:
    """An empty folder for a while, in this one or where temporary files lie."""
    prefix = "unrolled-" if folder is None else _UNFINISHED
    path = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what killed processes left, once nobody can be using it any more."""
    oldest = time.time() - _LEFT_OVER
    for path in folder.iterdir():
        if path.name.startswith(_UNFINISHED) or path.suffix == LOCK:
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < oldest:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextlib.contextmanager
def locked(path: Path, *, seconds: float) -> Generator[None, None, None]:
    """Let one process at a time do something; after these seconds nobody waits any longer."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | NO_LINK, 0o600)
    try:
        _wait_for_lock(descriptor, seconds)
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()  # those who wait for it will find what was made
        if fcntl is not None:
            with contextlib.suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a fork may have a copy
        os.close(descriptor)


def _wait_for_lock(descriptor: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while fcntl is not None and time.monotonic() < deadline:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _HELD_ELSEWHERE:  # a disk without locks
                return
            time.sleep(_POLL)
        else:
            return
