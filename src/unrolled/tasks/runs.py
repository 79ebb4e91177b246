"""What the runs of all tasks share: where to compute, how a model is trained, kept and loaded."""

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from unrolled.errors import ModelTooLargeError, NoDeviceError
from unrolled.lang import stored
from unrolled.lang.cell import Cell
from unrolled.probe.omega import Omega
from unrolled.tasks.stored_settings import settings_to_json
from unrolled.training.logs import tensorboard_writer
from unrolled.training.loop import Ending, Trainer
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.checkpoint import load_weights
from unrolled.training.storage.checkpoint_names import POINTERS, list_names, step_of
from unrolled.training.storage.run_folder import RunFolder, create_run
from unrolled.training.storage.weights import load_weights_into
from unrolled.training.task import Task
from unrolled.training.watchers import Watcher

Model = TypeVar("Model", bound=nn.Module)
Settings = TypeVar("Settings", bound=Any)


def begin(settings: TrainSettings) -> torch.device:
    """Seed everything, set the threads, and choose the device.

    Raises:
        NoDeviceError: The device is not here.
        MissingExtraError: TensorBoard is asked for and not installed.
    """
    if settings.tensorboard:
        tensorboard_writer()  # refused before there is a run folder
    if settings.threads:
        torch.set_num_threads(settings.threads)
    torch.manual_seed(settings.seed)
    return compute_on(settings)


def compute_on(settings: TrainSettings) -> torch.device:
    """The device that the settings name; for "auto" a GPU if there is one.

    Raises:
        NoDeviceError: The device is not here.
    """
    if settings.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(settings.device)
        torch.zeros(1, device=device).item()  # the meta device is there, but computes nothing
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise NoDeviceError(device=settings.device, reason=reason) from error
    return device


def open_on(settings: TrainSettings) -> torch.device:
    """Where a trained model computes: as in training, or as for auto if that is not here."""
    try:
        return compute_on(settings)
    except NoDeviceError:
        return compute_on(replace(settings, device="auto"))


def build_on(device: torch.device, build: Callable[[], Model]) -> Model:
    """The model with fresh weights on a device, if there is room to train it.

    Raises:
        ModelTooLargeError: Its weights, their gradients and Adam's two moments are too much.
    """
    with torch.device("meta"):
        needed = 4 * sum(weight.nbytes for weight in build().parameters())
    there = _memory(device)
    if needed > there:
        gigabytes = (f"{size / 1e9:,.0f} GB" for size in (needed, there))
        raise ModelTooLargeError(needed=next(gigabytes), device=device, there=next(gigabytes))
    return build().to(device)


def _memory(device: torch.device) -> float:
    """Bytes of memory that a device has, used or not."""
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    if device.type == "cpu" and hasattr(os, "sysconf"):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return float("inf")


def train_in(
    folder: Path,
    config: Mapping[str, Any],
    task: Task[Any],
    settings: TrainSettings,
    watcher: Watcher,
) -> Ending:
    """Train in a new run folder; what the settings ask in vain is refused before there is one.

    Args:
        folder: The folder to make.
        config: What it says of the run.
        task: Model, data and loss.
        settings: Budget and method.
        watcher: Who is told.

    Raises:
        OmegaCellError: Omega is wanted, and not defined for the model's cell.
        UnrolledError: The folder does not serve, or training diverged.
    """
    penalty = _penalty(task, settings)
    if settings.lens:
        task.inspect()
    with create_run(folder, config) as run:
        return _fit(Trainer(task, settings, run, watcher, penalty))


def go_on(run: RunFolder, task: Task[Any], settings: TrainSettings, watcher: Watcher) -> Ending:
    """Go on with a run from its last checkpoint, if its first had been saved.

    Args:
        run: The run, locked.
        task: As it was made for `train_in`.
        settings: Budget and method.
        watcher: Who is told.

    Raises:
        UnrolledError: The checkpoint is damaged or foreign, or training diverged.
    """
    trainer = Trainer(task, settings, run, watcher, _penalty(task, settings))
    if _has_begun(run.path):
        trainer.restore(run.load("last"))
    return _fit(trainer)


def _fit(trainer: Trainer) -> Ending:
    try:
        return trainer.fit()
    finally:
        trainer.watcher.close()


def _penalty(task: Task[Any], settings: TrainSettings) -> Omega | None:
    if not settings.omega:
        return None
    return Omega(task.model, settings.omega, form=settings.omega_form)


def _has_begun(path: Path) -> bool:
    """Whether there is something to go on from: a kill may come before the first save has ended."""
    return (path / POINTERS["last"]).exists() or any(map(step_of, list_names(path)))


def resumed(settings: Settings, budget: Mapping[str, float] | None, device: str | None) -> Settings:
    """The settings of a task with which it goes on.

    Args:
        settings: As it was begun.
        budget: New limits (minutes, epochs, steps), in place of all others; none: as before.
        device: Where to compute from now on; None: as before.
    """
    changes: dict[str, Any] = {} if device is None else {"device": device}
    if budget:
        changes |= {"minutes": None, "epochs": None, "steps": None, **budget}
    return replace(settings, training=replace(settings.training, **changes))


def folder_for(settings: Any, task: str, cell: Cell) -> Path:
    """The folder that the settings name; else runs/TASK-CELL, with a number if that is taken."""
    names = (f"{task}-{cell.name}{f'-{n}' if n > 1 else ''}" for n in range(1, 1_000_000))
    free = (folder for name in names if not (folder := Path("runs") / name).exists())
    return settings.out or next(free)


def config_of(task: str, settings: Any, cell: Cell) -> dict[str, Any]:
    """What every run says of itself in its config.json: enough to be built again."""
    out = None if settings.out is None else Path(settings.out).absolute()
    return {
        "task": task,
        "settings": settings_to_json(replace(settings, out=out)),
        "cell": stored.to_json(cell),
        "versions": versions(),
        "threads": torch.get_num_threads(),
    }


def load_model(path: Path, build: Callable[[], Model]) -> Model:
    """The model of a run with the weights of its best checkpoint, else of its last.

    The sizes are compared before anything is allocated.

    Raises:
        ForeignWeightsError: The weights are of another model.
        DamagedCheckpointError: A file is not as it was saved.
    """
    which = "best" if (path / POINTERS["best"]).exists() else "last"
    weights = load_weights(path, which)
    with torch.device("meta"):
        model = build()
    load_weights_into(model, weights)
    return model


def versions() -> dict[str, str]:
    """The versions that a run's numbers depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
    }
