"""A model that forecasts: the steps after a window of each series."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.models.many_to_one import ManyToOne
from unrolled.tasks.series.baselines import (
    find_season,
    last_values,
    linear_forecasts,
    season_ago,
)
from unrolled.tasks.series.coder import Coder, targets_of
from unrolled.tasks.series.figures import ForecastEvaluation, errors_by_column, season_error
from unrolled.tasks.series.forecast import Forecast, forecasts
from unrolled.tasks.series.reading import Read, targets_named
from unrolled.tasks.series.settings import SeriesSettings
from unrolled.tasks.series.trained import SeriesRun
from unrolled.tasks.series.windows import (
    TimeParts,
    Windows,
    all_windows,
    part_windows,
    training_rows,
)


class ForecastRun(SeriesRun):
    """A model of series of numbers: it says the steps that come next."""

    @classmethod
    def learn_codes(cls, settings: SeriesSettings, read: Read) -> Coder:
        """The scaling of the training part, and what is forecast."""
        train = np.concatenate(training_rows(read.panel.series, settings))
        targets = targets_of(read.panel, targets_named(settings), read.file)
        return Coder.learn(read.panel, train, targets=targets)

    @classmethod
    def make_task(
        cls, model: ManyToOne, coder: Coder, settings: SeriesSettings, read: Read
    ) -> Forecast:
        """Data and loss."""
        reach = max(settings.window, settings.season)  # refused before training, not after
        parts = part_windows(read.panel.series, settings, reach=reach)
        return Forecast(model, coder, settings, parts)

    def generate(self) -> Iterator[str]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The steps after the last row of each series, as CSV.

        Raises:
            DataChangedError: The data is no longer what it was trained on.
        """
        series = self.own_data().panel.series
        ends = np.cumsum([len(each.values) for each in series]) - 1
        values = np.concatenate([each.values for each in series])
        windows = Windows(values, ends, self.settings.window, self.settings.horizon)
        said = forecasts(self.model, windows, self.coder)
        named = self.settings.series_column
        yield _csv_line([*([named] if named else []), "step", *self.coder.targets])
        for each, steps in zip(series, said, strict=True):
            for number, row in enumerate(steps.tolist(), start=1):
                start = [each.name] if named else []
                yield "\n" + _csv_line([*start, number, *(f"{value:.6g}" for value in row)])

    def evaluate(
        self, data: str | Path | None = None, *, encoding: str = "utf-8"
    ) -> ForecastEvaluation:
        """Measure on the test part, beside baselines that learned the same training part.

        Args:
            data: Other series, all of whose steps are forecast that have enough before them; None:
                the run's own.
            encoding: How the characters of their file are written as bytes.

        Raises:
            DataChangedError: The run's own data is no longer what it was trained on.
            ColumnError: The other series lack a column.
            SeriesTooShortError: A series has no step that can be forecast.
        """
        settings, own, places = self.settings, self.own_data(), self.coder.target_places
        rows = training_rows(own.panel.series, settings)
        train = [[each[:, place] for each in rows] for place in places]
        seasons = [settings.season or find_season(column) for column in train]
        reach = max(settings.window, *seasons)
        parts = part_windows(own.panel.series, settings, reach=reach)
        name, measured = self.test_part, parts.test
        if data is not None:
            other = self.other_data(data, encoding)
            name, measured = other.name, all_windows(other.panel.series, settings, reach=reach)
        return ForecastEvaluation(
            data=name,
            forecasts=len(measured),
            horizon=settings.horizon,
            window=settings.window,
            seasons=dict(zip(self.coder.targets, seasons, strict=True)),
            errors=errors_by_column(
                self._all_forecasts(parts, measured, seasons),
                measured.after(np.arange(len(measured)), places),
                self.coder.targets,
                list(map(season_error, train, seasons)),
            ),
        )

    def _all_forecasts(
        self, parts: TimeParts, measured: Windows, seasons: list[int]
    ) -> dict[str, np.ndarray]:
        """What the model and the baselines say, by their names."""
        coder, places = self.coder, self.coder.target_places
        train, validation, coded = (
            replace(part, values=coder.encode(part.values))
            for part in (parts.train, parts.validation, measured)
        )
        linear = linear_forecasts(train, validation, coded, places)
        return {
            self.title: forecasts(self.model, measured, coder),
            "linear autoregression": coder.decode(linear),
            "one season ago": season_ago(measured, places, seasons),
            "last value": last_values(measured, places),
        }

    def advice(self, path: str) -> list[str]:
        """Commands to type next.

        Args:
            path: The run folder as one would type it.
        """
        return [f"unrolled generate {path}  # what comes after the last row", *super().advice(path)]


def _csv_line(row: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row)
    return out.getvalue()
