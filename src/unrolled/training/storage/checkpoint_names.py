"""Which checkpoints a run has, and which of them `LAST` and `BEST` point to."""

import zlib
from collections.abc import Iterable
from pathlib import Path

from unrolled.errors import DamagedFileError
from unrolled.training.storage.checkpoint_folder import folder_name, step_and_generation
from unrolled.training.storage.durable import replace_file
from unrolled.training.storage.run_files import read_file

CHECKPOINTS = "checkpoints"
POINTERS = {"last": "LAST", "best": "BEST"}
_POINTER_LIMIT = 64


def step_of(name: str) -> int:
    """Step of the checkpoint of this name."""
    return _parts(name)[0]


def list_names(run: Path) -> list[str]:
    """Names of all checkpoint folders of a run, in no order."""
    folder = run / CHECKPOINTS
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if step_and_generation(path.name)]


def free_name(run: Path, step: int) -> str:
    """Name for the next checkpoint of a step."""
    taken = [_parts(name)[1] for name in list_names(run) if step_of(name) == step]
    return folder_name(step, max(taken, default=0) + 1)


def find_name(run: Path, which: str) -> str | None:
    """Name meant by a name, or by a step: the newest of that step; None if there is none."""
    names = list_names(run)
    if which in names:
        return which
    of_step = [name for name in names if which in (str(step_of(name)), name.partition("-")[0])]
    return max(of_step, key=_parts, default=None)


def newest_first(names: Iterable[str], last: str | None) -> list[str]:
    """Sort names by the age of what they hold, told from the steps alone: clocks can be set back.

    Args:
        names: The names.
        last: The last one of the run. Those of later steps are what remains of a continuation
            that was given up when an earlier checkpoint was resumed, and count as the oldest.

    Returns:
        The names, newest first.
    """
    step = float("inf") if last is None else step_of(last)
    return sorted(names, key=lambda name: (step_of(name) <= step, *_parts(name)), reverse=True)


def read_pointer(run: Path, which: str) -> str | None:
    """Read the name that a pointer holds.

    Args:
        run: The run folder.
        which: "last" or "best".

    Returns:
        The name; None if there is no such pointer yet.

    Raises:
        DamagedFileError: The pointer is not what was written.
    """
    path = run / POINTERS[which]
    if not path.exists():
        return None
    text = read_file(path, limit=_POINTER_LIMIT)
    name = text.decode("ascii", errors="replace").partition(" ")[0]
    if step_and_generation(name) is None or text != _pointer_text(name):
        raise DamagedFileError(path=path, damage="does not hold the name of a checkpoint")
    return name


def move_pointer(run: Path, which: str, name: str) -> None:
    """Let a pointer hold another name.

    Args:
        run: The run folder.
        which: "last" or "best".
        name: A checkpoint that is whole and flushed.
    """
    replace_file(run / POINTERS[which], [_pointer_text(name)])


def _pointer_text(name: str) -> bytes:
    """Add a check sum to the name: one flipped bit can make it the name of another checkpoint."""
    return f"{name} {zlib.crc32(name.encode()):08x}\n".encode()


def _parts(name: str) -> tuple[int, int]:
    parts = step_and_generation(name)
    assert parts is not None, f"{name} is no name of a checkpoint"
    return parts
