"""Saving and loading a run's checkpoints: a good one always loads, a damaged one never does.

A save writes a new folder and only then moves `BEST` and `LAST` to it. Whatever kills the process,
`LAST` names a checkpoint that is whole. Loading takes no lock and may go on beside a training run.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch import Tensor

from unrolled.errors import (
    DamagedCheckpointError,
    DamagedFileError,
    NewerFormatError,
    NoCheckpointError,
    NotARunError,
    PruneFailedError,
)
from unrolled.training.storage.checkpoint_folder import (
    Checkpoint,
    read_checkpoint,
    read_weights,
    write_checkpoint,
)
from unrolled.training.storage.checkpoint_names import (
    CHECKPOINTS,
    POINTERS,
    find_name,
    free_name,
    list_names,
    move_pointer,
    newest_first,
    read_pointer,
    step_of,
)
from unrolled.training.storage.disk_faults import reported
from unrolled.training.storage.durable import discard
from unrolled.training.storage.run_files import CONFIG

Found = TypeVar("Found")


def save_checkpoint(
    run: Path, checkpoint: Checkpoint, *, best: bool = False, keep: int = 2
) -> None:
    """Add a checkpoint to a run and let `LAST` point to it. Only the run's one writer may call it.

    Args:
        run: The run folder.
        checkpoint: What to save.
        best: Let `BEST` point to it as well.
        keep: How many steps keep their checkpoint, this one included. What `BEST` points to is
            kept besides. With 1 there may be nothing to turn to if the last one is damaged.

    Raises:
        SaveFailedError: The disk refused. The run is as it was; try again later.
        PruneFailedError: The checkpoint is saved, but older ones could not be removed.
    """
    with reported(run / CHECKPOINTS):
        name = free_name(run, checkpoint.step)
        folder = run / CHECKPOINTS / name
        try:
            folder.parent.mkdir(exist_ok=True)
            write_checkpoint(folder, checkpoint)
            if best:  # first: if we die in between, the steps after LAST are made again
                move_pointer(run, "best", name)
            move_pointer(run, "last", name)
        except BaseException:
            _discard_unless_named(run, name)
            raise
    with reported(folder, kind=PruneFailedError):
        discard(run / CHECKPOINTS, _outdated(run, name, keep))


def load_checkpoint(run: str | Path, which: str | int = "last") -> Checkpoint:
    """Load a checkpoint, bit for bit as it was saved.

    Args:
        run: The run folder.
        which: "last", "best", a step, or the name of a folder in `checkpoints/`.

    Returns:
        The checkpoint, tensors on the CPU.

    Raises:
        NotARunError: The folder holds no run.
        NoCheckpointError: The run has no such checkpoint; the message says which it has.
        DamagedCheckpointError: It is not what was saved; the message offers one that is.
        NewerFormatError: A later version wrote it.
    """
    return _load(Path(run), which, read_checkpoint)


def load_weights(run: str | Path, which: str | int = "last") -> dict[str, Tensor]:
    """Load the weights of a checkpoint and leave the rest alone.

    Args:
        run: The run folder.
        which: As for `load_checkpoint`, and with the same errors.

    Returns:
        The model's state dict, on the CPU.
    """
    return _load(Path(run), which, read_weights)


def newest_whole_checkpoint(run: Path) -> str | None:
    """Name of the newest checkpoint that loads, each byte as it was saved; None if none does."""
    for name in newest_first(list_names(run), _last_if_readable(run)):
        with contextlib.suppress(DamagedFileError, NewerFormatError):
            read_checkpoint(run / CHECKPOINTS / name)
            return name
    return None


def _load(run: Path, which: str | int, read: Callable[[Path], Found]) -> Found:
    try:
        return _read_current(run, which, read)
    except DamagedFileError as error:
        raise DamagedCheckpointError(**error.facts, remedy=_remedy(run)) from error


def _read_current(run: Path, which: str | int, read: Callable[[Path], Found]) -> Found:
    # If the pointer has moved on, its writer may have removed what it named: read again.
    name = _find(run, which)
    while True:
        try:
            return read(run / CHECKPOINTS / name)
        except DamagedFileError:
            before, name = name, _find(run, which)
            if name == before:
                raise


def _find(run: Path, which: str | int) -> str:
    wanted = str(which)
    name = read_pointer(run, wanted) if wanted in POINTERS else find_name(run, wanted)
    if name is None:
        raise _not_there(run, which)
    return name


def _not_there(run: Path, which: str | int) -> NotARunError | NoCheckpointError:
    if not (run / CONFIG).exists():
        return NotARunError(path=run)
    found = ", ".join(newest_first(list_names(run), None)) or "none yet"
    return NoCheckpointError(path=run, which=which, found=found)


def _remedy(run: Path) -> str:
    name = newest_whole_checkpoint(run)
    if name is None:
        return "No checkpoint of this run is whole: take the run from a backup, or train it again."
    return f"checkpoints/{name} is whole: resume with {name} in its place."


def _outdated(run: Path, last: str, keep: int) -> list[str]:
    """Names that no pointer holds, beyond the newest of each of the newest `keep` steps."""
    assert keep >= 1, "the checkpoint just saved is one to keep"
    newest: dict[int, str] = {}
    names = newest_first(list_names(run), last)
    for name in names:
        newest.setdefault(step_of(name), name)
    kept = {last, _best_or_no_pruning(run, run / CHECKPOINTS / last), *list(newest.values())[:keep]}
    return [name for name in names if name not in kept]


def _best_or_no_pruning(run: Path, folder: Path) -> str | None:
    # While BEST is damaged nobody knows which checkpoint it means, so none may go.
    try:
        return read_pointer(run, "best")
    except DamagedFileError as error:
        advice = "Remove BEST: the next best checkpoint sets it again."
        reason = f"BEST {error.facts['damage']}"
        raise PruneFailedError(path=folder, reason=reason, advice=advice) from error


def _last_if_readable(run: Path) -> str | None:
    with contextlib.suppress(DamagedFileError):
        return read_pointer(run, "last")
    return None


def _discard_unless_named(run: Path, name: str) -> None:
    """Remove what a failed save has left, unless a pointer has moved to it already."""
    with contextlib.suppress(OSError, DamagedFileError):
        if name not in {read_pointer(run, which) for which in POINTERS}:
            discard(run / CHECKPOINTS, [name])
