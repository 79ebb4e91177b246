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
_FUNCTIONS = "GOMP_parallel", "omp_get_num_threads"
_NAMES = ("libgomp", "libiomp5", "libomp")


@lru_cache(maxsize=1)
def _entries() -> tuple[int, int]:
    """The addresses of two functions of this process's OpenMP library; zeros if there is none."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        return 0, 0
    mapped = {line.split(maxsplit=5)[-1] for line in maps.read_text().splitlines() if "/" in line}
    for path in sorted(mapped):
        if Path(path).name.startswith(_NAMES):
            library = ctypes.CDLL(path)
            found = [getattr(library, function, None) for function in _FUNCTIONS]
            enter, count = (f and ctypes.cast(f, ctypes.c_void_p).value for f in found)
            if enter and count:
                return enter, count
    return 0, 0


def entries() -> tuple[int, int]:
    """The addresses of the function by which threads come to help, and of how many came.

    Zeros to work alone. A forked process does: the team did not come along, and waiting for it
    never ends.
    """
    return _entries() if os.getpid() == _STARTED_IN else (0, 0)


def whose() -> str:
    """Where the threads come from, in words."""
    return (
        "of torch's own OpenMP team"
        if entries()[0]
        else "since torch's OpenMP team cannot be entered"
    )


def size() -> int:
    """How many threads may help."""
    return torch.get_num_threads() if entries()[0] else 1
