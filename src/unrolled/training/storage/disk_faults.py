"""A disk that refuses, turned into an error that says what to do."""

import contextlib
import errno
import os
from collections.abc import Generator
from pathlib import Path

from unrolled.errors import SaveFailedError, UnrolledError

_ADVICE = {
    errno.ENOSPC: "Free some space on this disk.",
    errno.EDQUOT: "Your quota on this disk is used up: remove something, or ask for more.",
    errno.EFBIG: "The file is larger than this disk or `ulimit -f` allows: raise the limit.",
    errno.EACCES: "Give yourself the right to write in this folder.",
    errno.EPERM: "Give yourself the right to write in this folder.",
    errno.EROFS: "The disk is mounted read-only: copy the run to one you can write.",
    errno.EIO: "The disk reports a fault: look at its health, and copy the run to another one.",
    errno.ENAMETOOLONG: "Choose a shorter name for the run.",
    errno.ENOENT: "The folder was moved or removed while the run was writing: put it back.",
}
_OTHERWISE = "Look at this disk."


@contextlib.contextmanager
def reported(
    path: Path, *, kind: type[SaveFailedError] = SaveFailedError
) -> Generator[None, None, None]:
    """Raise our own error for one of the operating system.

    Args:
        path: What was being written, for the message.
        kind: The error to raise.

    Yields:
        Nothing.

    Raises:
        OSError: One of ours as it was, any other as an error of `kind`.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, UnrolledError):
            raise
        advice = _ADVICE.get(error.errno or 0, _OTHERWISE)
        reason = error.strerror or str(error)
        raise kind(path=path, reason=reason, advice=advice) from error


def make_writable(folder: Path) -> None:
    """See to it that files can be made in a folder, which is made if it is not there.

    Raises:
        SaveFailedError: The disk refuses.
    """
    with reported(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
