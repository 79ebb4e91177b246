"""How well series are forecast, or told apart: figures, and the lines in which they are told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from unrolled.tasks.sentiment.run import Scores

TOLD = 8  # columns, and steps of a forecast, that are told; the JSON has all


@dataclass(frozen=True)
class Errors:
    """How far forecasts of a column are off, in its own unit."""

    mae: float
    """Mean absolute error."""
    rmse: float
    """Root of the mean squared error."""
    mase: float | None
    """The mean absolute error over that of repeating the training part's last season; none where
    that repeats itself exactly."""
    mae_by_step: list[float]
    """Mean absolute error of each step of a forecast."""

    @classmethod
    def of(cls, said: np.ndarray, came: np.ndarray, scale: float) -> "Errors":
        """The errors of what was said (N x horizon) of what came."""
        off = np.abs(said - came)
        mae, rmse = float(off.mean()), float(np.sqrt(np.square(off).mean()))
        return cls(mae, rmse, mae / scale if scale else None, off.mean(0).tolist())


@dataclass(frozen=True)
class ForecastEvaluation:
    """Figures on forecasts, the model's beside those of baselines; see `to_json`."""

    data: str
    forecasts: int
    horizon: int
    window: int
    seasons: dict[str, int]
    """Of each column the steps after which it repeats best; 1 if it does not."""
    errors: dict[str, dict[str, Errors]]
    """By column, and by who says it."""

    @property
    def count(self) -> str:
        """How much was measured, in words."""
        steps = "1 step" if self.horizon == 1 else f"{self.horizon} steps"
        return f"{self.forecasts:,} forecasts of {steps} from {self.window}"

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The figures as lines to be read."""
        yield f"{self.data}, {self.count}:"
        for column, rows in list(self.errors.items())[:TOLD]:
            width = max(map(len, rows))
            season = self.seasons[column]
            yield f"  {column}" + (f", season {season}" if season > 1 else ", no season")
            for name, row in rows.items():
                mase = "none" if row.mase is None else f"{row.mase:.3f}"
                yield f"    {name:{width}}  MAE {row.mae:.5g}  RMSE {row.rmse:.5g}  MASE {mase}"
                if self.horizon > 1:
                    yield f"    {'':{width}}  MAE by step: {_first(row.mae_by_step)}"
        if len(self.errors) > TOLD:
            yield f"  {len(self.errors) - TOLD} more columns: see evaluation.json"


@dataclass(frozen=True)
class ClassEvaluation:
    """Figures on series with labels, the model's beside those of baselines; see `to_json`."""

    data: str
    series: int
    scores: dict[str, Scores]
    """By who says the labels."""

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """The figures as lines to be read."""
        yield f"{self.data}, {self.series:,} series:"
        width = max(map(len, self.scores))
        for name, row in self.scores.items():
            yield f"  {name:{width}}  accuracy {row.accuracy:.1%}  macro-F1 {row.macro_f1:.3f}"


def errors_by_column(
    said: Mapping[str, np.ndarray],
    came: np.ndarray,
    columns: Sequence[str],
    scales: Sequence[float],
) -> dict[str, dict[str, Errors]]:
    """The errors of each column, by who says it.

    Args:
        said: By who says it, N x horizon x Y.
        came: What came, likewise.
        columns: The names of the Y columns.
        scales: Of each column the mean absolute error that counts as 1.
    """
    return {
        column: {
            who: Errors.of(what[..., at], came[..., at], scales[at]) for who, what in said.items()
        }
        for at, column in enumerate(columns)
    }


def season_error(train: Sequence[np.ndarray], season: int) -> float:
    """The mean absolute error of saying of a column what came one season before.

    Args:
        train: The column in the training part of each series: T. Of those no longer than a season
            nothing is taken.
        season: Its steps.
    """
    off = np.concatenate([np.abs(each[season:] - each[:-season]) for each in train])
    return float(off.mean()) if len(off) else 0.0


def _first(errors: Sequence[float]) -> str:
    more = " ..." if len(errors) > TOLD else ""
    return " ".join(f"{error:.4g}" for error in errors[:TOLD]) + more
