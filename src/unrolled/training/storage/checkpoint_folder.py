"""One checkpoint, and the folder that holds it: four files and their manifest.

A folder is never changed once it has its name. Its name is the step, in nine digits or more; a
second checkpoint of the same step is `STEP-2`, since no folder can take another's place at once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from unrolled.errors import DamagedFileError
from unrolled.training.storage.durable import folder_written_aside, write_file
from unrolled.training.storage.json_text import write_json
from unrolled.training.storage.manifest import (
    MANIFEST,
    read_listed_file,
    read_manifest,
    write_manifest,
)
from unrolled.training.storage.run_files import parse_record
from unrolled.training.storage.tensor_bytes import read_tensors, write_tensors

_NAME = re.compile(r"(\d{9,})(?:-(\d+))?", re.ASCII)
_WEIGHTS = "weights.safetensors"
_OPTIMIZER = "optimizer.safetensors"
_CARRIED = "carried.safetensors"
_PROGRESS = "progress.json"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """All that a run needs to go on from a step as if nothing had happened.

    Attributes:
        step: Steps made.
        weights: The model's state dict.
        optimizer: Tensors of the optimizer's state (`pack_optimizer`).
        carried: Recurrent state carried over, states of random generators, any other tensors.
        progress: Anything that JSON holds: counters, data position, best metric.
    """

    step: int
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor] = field(default_factory=dict)
    carried: Mapping[str, Tensor] = field(default_factory=dict)
    progress: Mapping[str, Any] = field(default_factory=dict)


def folder_name(step: int, generation: int) -> str:
    """Name of the folder of a step's first, second, third... checkpoint."""
    return f"{step:09d}" if generation == 1 else f"{step:09d}-{generation}"


def step_and_generation(name: str) -> tuple[int, int] | None:
    """Read the name of a checkpoint's folder; None if it is none."""
    parts = _NAME.fullmatch(name)
    return parts and (int(parts[1]), int(parts[2] or 1))


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint into a new folder, which is there once it is whole.

    Args:
        folder: The folder to make.
        checkpoint: What to write.
    """
    contents = {
        _WEIGHTS: write_tensors(checkpoint.weights),
        _OPTIMIZER: write_tensors(checkpoint.optimizer),
        _CARRIED: write_tensors(checkpoint.carried),
        _PROGRESS: write_json(checkpoint.progress, place="progress"),
    }
    contents[MANIFEST] = write_manifest(checkpoint.step, contents)
    with folder_written_aside(folder) as unfinished:
        for name, data in contents.items():
            write_file(unfinished / name, [data])


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint; every byte is compared with the manifest before it is parsed.

    Args:
        folder: The checkpoint.

    Returns:
        What was saved, tensors on the CPU.
    """
    step, files = _step_and_files(folder)
    return Checkpoint(
        step=step,
        weights=_read_tensors(folder, _WEIGHTS, files),
        optimizer=_read_tensors(folder, _OPTIMIZER, files),
        carried=_read_tensors(folder, _CARRIED, files),
        progress=parse_record(read_listed_file(folder, _PROGRESS, files), folder / _PROGRESS),
    )


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Read the weights alone, checked in the same way.

    Args:
        folder: The checkpoint.

    Returns:
        The model's state dict, on the CPU.
    """
    _, files = _step_and_files(folder)
    return _read_tensors(folder, _WEIGHTS, files)


def _step_and_files(folder: Path) -> tuple[int, dict[str, Any]]:
    parts = step_and_generation(folder.name)
    assert parts is not None, f"{folder.name} is no name of a checkpoint"
    return parts[0], read_manifest(folder, parts[0])


def _read_tensors(folder: Path, name: str, files: Mapping[str, Any]) -> dict[str, Tensor]:
    data = read_listed_file(folder, name, files)
    try:
        return read_tensors(data)
    except ValueError as error:
        raise DamagedFileError(path=folder / name, damage=f"is unreadable: {error}") from error
