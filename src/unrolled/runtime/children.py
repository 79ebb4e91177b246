"""Child processes that end with all that they started."""

import contextlib
import os
import signal
import subprocess


def end_with_its_own(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group, which is still its own: nobody has waited for it yet.

    Args:
        process: One that was started in a session of its own.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
