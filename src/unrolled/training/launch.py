"""What torchrun tells each process that it starts, in the environment. No torch here."""

import os

from unrolled.errors import LaunchError

_LEAST = {"WORLD_SIZE": 1, "RANK": 0, "MASTER_PORT": 0, "LOCAL_RANK": 0, "LOCAL_WORLD_SIZE": 1}
_NEEDED = ("RANK", "MASTER_ADDR", "MASTER_PORT")


def count_processes() -> int:
    """How many processes train together; without torchrun, 1.

    Raises:
        LaunchError: The environment does not say where they meet, or says what cannot be.
    """
    given = {name: os.environ.get(name, "") for name in ("MASTER_ADDR", *_LEAST)}
    if given["WORLD_SIZE"] in ("", "1"):
        return 1
    for name, least in _LEAST.items():
        if given[name] and _number(given[name]) < least:
            wanted = f"a whole number from {least}"
            raise LaunchError(problem=f"{name} is {given[name]!r:.40}, and not {wanted}")
    size, lacking = int(given["WORLD_SIZE"]), [name for name in _NEEDED if not given[name]]
    if lacking:
        raise LaunchError(problem=f"of {size} processes, this one lacks {', '.join(lacking)}")
    if int(given["RANK"]) >= size:
        raise LaunchError(problem=f"RANK is {given['RANK']}, and WORLD_SIZE {size}")
    return size


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else -1
