"""The lock that keeps a second writer off a run; it dies with the process that holds it."""

import contextlib
import errno
import os
import re
import socket
import warnings
from pathlib import Path

from unrolled.errors import RunLockedError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK = "run.lock"
_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
_HELD_ELSEWHERE = {errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES}
_HOLDER = re.compile(r"process \d{1,12} on [\w.-]{1,255}", re.ASCII)
_held: set[int] = set()  # descriptors


class RunLock:
    """The lock of a run, held from construction until `release` or the death of the process.

    The file `run.lock` is never removed: after a removal two processes could each hold the lock,
    on two files of the same name.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        self._descriptor = os.open(run / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _take(self._descriptor, run)
            _write_holder(self._descriptor)
        except BaseException:
            os.close(self._descriptor)
            raise
        _held.add(self._descriptor)

    @property
    def held(self) -> bool:
        """Whether this process holds the lock."""
        return self._descriptor in _held

    def release(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self.held:
            _held.remove(self._descriptor)
            os.close(self._descriptor)


def _take(descriptor: int, run: Path) -> None:
    if fcntl is None:
        _warn(run, "this operating system has no flock")
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_ELSEWHERE:
            raise RunLockedError(path=run, holder=_read_holder(descriptor)) from error
        if error.errno not in _NO_LOCKS_HERE:
            raise
        _warn(run, f"its disk knows no locks ({error.strerror})")


def _warn(run: Path, reason: str) -> None:
    text = f"{run} cannot be locked: {reason}. Start no second process that writes this run."
    warnings.warn(text, RuntimeWarning, stacklevel=5)


def _write_holder(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())


def _read_holder(descriptor: int) -> str:
    """Read who holds the lock; the file is anybody's, so only the text we write is repeated."""
    text = os.read(descriptor, 512).decode("ascii", errors="replace")
    return text if _HOLDER.fullmatch(text) else "another process"


def _forget_in_child() -> None:
    """Close a forked child's copies, else a worker that outlives us would keep the lock."""
    while _held:
        with contextlib.suppress(OSError):
            os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
