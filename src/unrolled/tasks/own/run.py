"""Runs of `unrolled.fit`: begun in a new folder, and gone on with."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from unrolled.errors import ChangedRunError, RunExistsError, SettingError
from unrolled.tasks.own.given import Given
from unrolled.tasks.own.settings import OwnSettings
from unrolled.tasks.own.task import OwnTask
from unrolled.tasks.registry import OWN
from unrolled.tasks.runs import config_of, folder_for, go_on, lock_run, resumed, train_in
from unrolled.tasks.stored_settings import settings_from_json
from unrolled.training.loop import Ending
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.followed_run import FollowedRun
from unrolled.training.storage.run_folder import RunFolder
from unrolled.training.watchers import Watcher

_LIMITS = ("minutes", "epochs", "steps")


def start(
    given: Given, out: Path | None, flags: Mapping[str, Any], watcher: Watcher
) -> tuple[Ending, Path]:
    """Train in a new run folder; how it ended, and the folder.

    Args:
        given: Model, data and loss.
        out: The folder; None: runs/fit-MODEL.
        flags: Settings of training by name.
        watcher: Who is told.

    Raises:
        UnrolledError: Many kinds: what is given or the folder does not serve, training diverged.
    """
    training = TrainSettings(**{"device": given.device(), **flags})
    settings = OwnSettings(type(given.model).__name__, out, training)
    task = given.task(training)
    folder = folder_for(settings, OWN, None).absolute()
    weights = {name: list(each.shape) for name, each in given.model.state_dict().items()}
    config = {**config_of(OWN, settings, None), **_fixed(given, task, training), "weights": weights}
    config["resting"] = task.resting
    try:
        return train_in(folder, config, task, training, watcher), folder
    except RunExistsError as error:
        remedy = "go on with the run in this one: the same call, with resume=True"
        raise RunExistsError(**{**error.facts, "remedy": remedy}) from None


def take_up(
    given: Given, out: Path | None, flags: Mapping[str, Any], watcher: Watcher
) -> tuple[Ending, Path]:
    """Go on with the run in a folder; arguments as for `start`.

    Raises:
        ChangedRunError: It was begun with something else.
        UnrolledError: Many kinds: the folder is no run, is in use, or is damaged; the weights in it
            are of another model; training diverged.
    """
    if out is None:
        raise SettingError(name="out", got=None, wanted="the folder of the run to go on with")
    with lock_run(out) as run:
        _compare(run, {"task": OWN})
        stored = settings_from_json(OwnSettings, run.config.get("settings"), run.path)
        limits = {name: flags[name] for name in _LIMITS if name in flags}
        training = resumed(stored, limits, given.device()).training
        training = replace(training, **flags)
        task = given.task(training)
        _compare(run, _fixed(given, task, training))
        if not given.model.training:  # as the call before has left it
            task.resting = _names(run.config.get("resting"))
        return go_on(run, task, training, watcher), run.path


def _fixed(given: Given, task: OwnTask, training: TrainSettings) -> dict[str, Any]:
    """What a run cannot go on without, bit for bit."""
    return {
        "batches": task.batches,
        "processes": task.sequences,
        "carry": given.carry,
        "seed": training.seed,
    }


def _names(kept: Any) -> list[str]:
    return [name for name in kept if isinstance(name, str)] if isinstance(kept, list) else []


def _compare(run: RunFolder | FollowedRun, now: Mapping[str, Any]) -> None:
    """Refuse a run that was begun with something else.

    Raises:
        ChangedRunError: It was.
    """
    was = {name: run.config.get(name) for name in now}
    differ = [
        f"{name} was {was[name]!r} and is {now[name]!r}" for name in now if was[name] != now[name]
    ]
    if differ:
        raise ChangedRunError(run=run.path, differences="; ".join(differ))
