"""The threads that help: torch's own OpenMP team, entered through the library torch has loaded.

A pool of our own would have to share the cores with torch's threads, which spin for a while after
every matrix product: measured on two cores, each slice then took twice as long. Entering torch's
team costs one microsecond, since those are the threads that spin.
"""

import ctypes
import os
from functools import lru_cache
from pathlib import Path

import torch

_STARTED_IN = os.getpid()
_NAMES = ("libgomp", "libiomp5", "libomp")


@lru_cache(maxsize=1)
def _entry() -> int:
    """The address of GOMP_parallel in the OpenMP library of this process; 0 if there is none."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return 0
    mapped = {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines() if "/" in line}
    for path in sorted(mapped):
        if Path(path).name.startswith(_NAMES):
            found = getattr(ctypes.CDLL(path), "GOMP_parallel", None)
            if found is not None:
                return ctypes.cast(found, ctypes.c_void_p).value or 0
    return 0


def entry() -> int:
    """The address of the function by which all threads come to help, or 0 to work alone.

    A forked process works alone: the team did not come along, and waiting for it never ends.
    """
    return _entry() if os.getpid() == _STARTED_IN else 0


def whose() -> str:
    """Where the threads come from, in words."""
    return (
        "of torch's own OpenMP team" if entry() else "since torch's OpenMP team cannot be entered"
    )


def size() -> int:
    """How many threads may help."""
    return torch.get_num_threads() if entry() else 1
