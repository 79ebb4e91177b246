"""The command's verbs as Python functions."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from unrolled.errors import OwnProgramError
from unrolled.lang.cell import Cell
from unrolled.tasks.registry import OWN, find_task
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.disk_faults import reported
from unrolled.training.storage.durable import replace_file
from unrolled.training.storage.json_text import write_json
from unrolled.training.storage.run_folder import read_config
from unrolled.training.watchers import Watcher


def train(
    task: str,
    data: str | Path | None = None,
    *,
    cell: str | Cell | None = None,
    watcher: Watcher | None = None,
    **settings: Any,
) -> Any:
    """Train a model and give back its run, as `unrolled train` does.

    Args:
        task: The task, such as "char-lm".
        data: A file, a folder or a named set; None takes the task's default, or is all that there
            can be where the task draws its own data.
        cell: A cell, or its name; None takes the task's default.
        watcher: Who is told as it goes; None: nobody.
        **settings: Any flag of the command with underscores, such as `hidden_size=128` or
            `minutes=2`.

    Raises:
        UnrolledError: Many kinds, each a class of `unrolled.errors`.
    """
    entry = find_task(task)
    defaults = entry.defaults(str(settings.get("model", "")))
    own = set(TrainSettings.__dataclass_fields__)
    changes = {name: settings.pop(name) for name in list(settings) if name in own}
    given: dict[str, Any] = {} if data is None else {"data": str(data)}
    if settings.get("out") is not None:
        given["out"] = Path(settings.pop("out"))
    if cell is not None:
        given["cell"] = cell.name if isinstance(cell, Cell) else cell
    training = replace(defaults.training, **changes)
    made = replace(defaults, training=training, **given, **settings)
    return entry.run_module().train(
        made, cell=cell if isinstance(cell, Cell) else None, watcher=watcher
    )


def resume(
    path: str | Path,
    *,
    device: str | None = None,
    threads: int | None = None,
    watcher: Watcher | None = None,
    **budget: float,
) -> Any:
    """Go on with a run, as `unrolled resume` does.

    Args:
        path: The run folder.
        device: Where to compute from now on, such as "cpu"; None: as before.
        threads: Of the CPU, from now on; None: as before.
        watcher: Who is told as it goes; None: nobody.
        **budget: New limits, counted from the run's start: minutes, epochs, steps.

    Raises:
        UnrolledError: Many kinds, each a class of `unrolled.errors`.
    """
    module = _entry_of(path).run_module()
    limits: Mapping[str, float] = budget
    where = {"device": device, "threads": threads}
    return module.resume(path, budget=limits, **where, watcher=watcher)


def open_run(path: str | Path) -> Any:
    """The run in a folder, whatever its task; it generates and evaluates.

    Raises:
        NotARunError: The folder holds no run.
        OwnProgramError: It is a run of `unrolled.fit`, whose model is in a program.
        UnknownTaskError: It is a run of a task that this version does not know.
    """
    return _entry_of(path).run_module().open_run(path)


def export(path: str | Path, file: str | Path | None = None) -> Any:
    """Write a run's model as an ONNX file, as `unrolled export` does.

    Args:
        path: The run folder.
        file: The file, replaced if it is there; None: model.onnx in the run folder.

    Raises:
        UnrolledError: Many kinds, each a class of `unrolled.errors`.
    """
    return open_run(path).export(file)


def save_evaluation(path: str | Path, figures: Any) -> None:
    """Save figures as evaluation.json in the run folder, aside and renamed."""
    file = Path(path) / "evaluation.json"
    with reported(file):
        replace_file(file, [write_json(figures.to_json(), place=file.name)])


def _entry_of(path: str | Path) -> Any:
    task = str(read_config(path).get("task"))
    if task == OWN:
        raise OwnProgramError(path=path)
    return find_task(task)
