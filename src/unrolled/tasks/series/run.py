"""Models of series by what they say: each kind is trained, gone on with and opened here."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unrolled.lang.cell import Cell
from unrolled.tasks.series.classifier import ClassRun
from unrolled.tasks.series.forecaster import ForecastRun
from unrolled.tasks.series.settings import Predict, SeriesSettings
from unrolled.tasks.series.trained import SeriesRun
from unrolled.tasks.stored_settings import settings_from_json
from unrolled.training.storage.run_folder import read_config
from unrolled.training.watchers import Watcher

RUNS: Mapping[Predict, type[SeriesRun]] = {"forecast": ForecastRun, "class": ClassRun}


def train(
    settings: SeriesSettings, *, cell: Cell | None = None, watcher: Watcher | None = None
) -> SeriesRun:
    """Train a model in a new run folder; see `SeriesRun.train`."""
    return RUNS[settings.predict].train(settings, cell=cell, watcher=watcher)


def resume(path: Path | str, **how: Any) -> SeriesRun:
    """Go on with a run from its last checkpoint; see `SeriesRun.resume`."""
    return _kind_of(path).resume(path, **how)


def open_run(path: Path | str) -> SeriesRun:
    """The trained model of a run folder; see `Run`."""
    return _kind_of(path)(path)


def _kind_of(path: Path | str) -> type[SeriesRun]:
    settings = settings_from_json(SeriesSettings, read_config(path).get("settings"), Path(path))
    return RUNS[settings.predict]
