"""What the runs of all tasks share: how a model is trained in a folder, kept and loaded."""

import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from unrolled.errors import ProcessGoneError, SettingError
from unrolled.lang import stored
from unrolled.lang.cell import Cell
from unrolled.probe.omega import Omega
from unrolled.tasks.registry import OWN
from unrolled.tasks.stored_settings import settings_to_json
from unrolled.tasks.unmade import unmade
from unrolled.training.group import Group, join, launcher
from unrolled.training.loop import Ending, Trainer
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.checkpoint import load_weights
from unrolled.training.storage.checkpoint_names import (
    POINTERS,
    list_names,
    read_pointer,
    step_of,
)
from unrolled.training.storage.followed_run import FollowedRun
from unrolled.training.storage.run_folder import RunFolder, create_run, open_run
from unrolled.training.storage.weights import load_weights_into
from unrolled.training.task import Task
from unrolled.training.watchers import Silent, Watcher

Model = TypeVar("Model", bound=nn.Module)
Settings = TypeVar("Settings", bound=Any)


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
        SettingError: Omega is wanted of several processes.
        UnrolledError: The folder does not serve, or training diverged.
    """
    group = join()
    group.share_of(task.sequences)
    penalty = _penalty(task, settings, group)
    if settings.lens:
        task.inspect()
    with _made(folder, config, group) as run:
        return _fit(run, task, settings, watcher, penalty)


@contextmanager
def _made(
    folder: Path, config: Mapping[str, Any], group: Group
) -> Iterator[RunFolder | FollowedRun]:
    """A new run that the first process writes; the others wait until it is there."""
    if group.is_first:
        with create_run(folder, config) as run:
            group.meet()
            yield run
    else:
        group.meet()
        yield FollowedRun(folder)


def lock_run(path: Path | str) -> RunFolder | FollowedRun:
    """A run to go on with: locked by the first process, only read by others that train with it.

    Raises:
        NotARunError: The folder holds no run.
        RunLockedError: Another process writes the run.
        SaveFailedError: The disk refuses.
    """
    return open_run(path) if join().is_first else FollowedRun(path)


def go_on(
    run: RunFolder | FollowedRun, task: Task[Any], settings: TrainSettings, watcher: Watcher
) -> Ending:
    """Go on with a run from its last checkpoint, if its first had been saved.

    Args:
        run: The run, as `lock_run` gives it.
        task: As it was made for `train_in`.
        settings: Budget and method.
        watcher: Who is told.

    Raises:
        UnrolledError: The checkpoint is damaged or foreign, or training diverged.
    """
    return _fit(run, task, settings, watcher, _penalty(task, settings, join()))


def _fit(
    run: RunFolder | FollowedRun,
    task: Task[Any],
    settings: TrainSettings,
    watcher: Watcher,
    penalty: Omega | None,
) -> Ending:
    """Train from what the folder holds, which may be nothing yet."""
    group = join()
    if not group.is_first:
        settings, watcher = replace(settings, tensorboard=False), Silent()
    trainer = Trainer(task, settings, run, watcher, penalty, group)
    if _has_begun(run.path):
        trainer.restore(run.load("last"))
    try:
        return trainer.fit()
    except ProcessGoneError as error:
        raise ProcessGoneError(**{**error.facts, "remedy": _remedy(run)}) from error
    finally:
        watcher.close()


def _remedy(run: RunFolder | FollowedRun) -> str:
    """What stands of a run whose processes have ended, and how to go on with it."""
    last = read_pointer(run.path, "last")
    stands = "Nothing was saved yet" if last is None else f"Step {step_of(last):,} is saved"
    own = "start the same program again, with resume=True"
    command = f"{launcher()}unrolled resume {quote(str(run.path))}"
    return f"{stands} in {run.path}. To go on: {own if run.config.get('task') == OWN else command}"


def _penalty(task: Task[Any], settings: TrainSettings, group: Group) -> Omega | None:
    if not settings.omega:
        return None
    if not group.is_alone:
        wanted = "0 where several processes train: Omega is a mean over whole batches"
        raise SettingError(name="omega", got=settings.omega, wanted=wanted)
    return Omega(task.model, settings.omega, form=settings.omega_form)


def _has_begun(path: Path) -> bool:
    """Whether there is something to go on from: a kill may come before the first save has ended."""
    return (path / POINTERS["last"]).exists() or any(map(step_of, list_names(path)))


def resumed(
    settings: Settings,
    budget: Mapping[str, float] | None,
    device: str | None,
    threads: int | None = None,
) -> Settings:
    """The settings of a task with which it goes on.

    Args:
        settings: As it was begun.
        budget: New limits (minutes, epochs, steps), in place of all others; none: as before.
        device: Where to compute from now on; None: as before.
        threads: Of the CPU, from now on; None: as before.
    """
    given = {"device": device, "threads": threads}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if budget:
        changes |= {"minutes": None, "epochs": None, "steps": None, **budget}
    return replace(settings, training=replace(settings.training, **changes))


def model_name(settings: Any, cell: Cell | None) -> str:
    """What a model is called: its cell, or what it is where it has none."""
    kind = getattr(settings, "model", "recurrent")
    return cell.name if cell is not None and kind == "recurrent" else kind


def folder_for(settings: Any, task: str, cell: Cell | None) -> Path:
    """The folder that the settings name; else runs/TASK-CELL, with a number if that is taken.

    Of several processes the first looks, and tells the others.
    """
    kind = model_name(settings, cell)
    names = (f"{task}-{kind}{f'-{n}' if n > 1 else ''}" for n in range(1, 1_000_000))
    free = (folder for name in names if not (folder := Path("runs") / name).exists())
    return settings.out or Path(join().text(str(next(free))))


def config_of(task: str, settings: Any, cell: Cell | None) -> dict[str, Any]:
    """What every run says of itself in its config.json: enough to be built again."""
    out = None if settings.out is None else Path(settings.out).absolute()
    return {
        "task": task,
        "settings": settings_to_json(replace(settings, out=out)),
        "cell": None if cell is None else stored.to_json(cell),
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
    weights = best_weights(path)
    with unmade():
        model = build()
    load_weights_into(model, weights)
    return model


def best_weights(path: Path) -> dict[str, torch.Tensor]:
    """The weights of a run's best checkpoint, else of its last.

    Raises:
        NoCheckpointError: It has none.
        DamagedCheckpointError: A file is not as it was saved.
    """
    return load_weights(path, "best" if (path / POINTERS["best"]).exists() else "last")


def versions() -> dict[str, str]:
    """The versions that a run's numbers depend on."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
    }
