"""Series cut into parts that follow each other in time, and into windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from unrolled.data.series.panel import Series
from unrolled.errors import SeriesTooShortError
from unrolled.tasks.series.settings import SeriesSettings

TOGETHER = 512  # windows that are measured at once


class Span(NamedTuple):
    """The steps of a series that belong to a part."""

    first: int
    end: int


@dataclass(frozen=True)
class Windows:
    """Where forecasts are made: the steps before are read, those after are said."""

    values: np.ndarray  # T x X, all series one after the other
    ends: np.ndarray  # N: the last row of each window
    steps: int  # W
    horizon: int

    def __len__(self) -> int:
        return len(self.ends)

    def before(self, rows: np.ndarray) -> np.ndarray:
        """What is read for some forecasts: B x W x X."""
        return self.values[self.ends[rows][:, None] + np.arange(1 - self.steps, 1)]

    def after(self, rows: np.ndarray, places: Sequence[int]) -> np.ndarray:
        """What comes then, of the columns at some places: B x horizon x Y."""
        at = self.ends[rows][:, None] + np.arange(1, self.horizon + 1)
        return self.values[at][..., places]

    def batches(self) -> Iterator[np.ndarray]:
        """The numbers of all windows, as many as are measured at once."""
        yield from np.split(np.arange(len(self)), range(TOGETHER, len(self), TOGETHER))


def spans(length: int, *, validation: float, test: float) -> dict[str, Span]:
    """The three parts of a series of some length, the test part last."""
    last = length - round(length * test)
    middle = last - round(length * validation)
    return {"train": Span(0, middle), "validation": Span(middle, last), "test": Span(last, length)}


def window_ends(span: Span, *, reach: int, horizon: int) -> np.ndarray:
    """The last rows of windows all of whose forecasts lie within a part.

    Args:
        span: The part; what is read may lie before it.
        reach: Steps that have to be there before a forecast.
        horizon: Steps of a forecast.
    """
    return np.arange(max(span.first, reach) - 1, span.end - horizon)


class TimeParts(NamedTuple):
    """The windows of each part."""

    train: Windows
    validation: Windows
    test: Windows


def part_windows(series: Sequence[Series], settings: SeriesSettings, *, reach: int) -> TimeParts:
    """The windows of the three parts of each series, which follow each other in time.

    Args:
        series: The series.
        settings: Window, horizon, shares.
        reach: Steps that have to be there before a forecast of the test part, so that who looks
            back further than the window can make it, too.

    Raises:
        SeriesTooShortError: A part of a series has no window.
    """
    shares = {"validation": settings.validation, "test": settings.test}
    cuts = [spans(len(each.values), **shares) for each in series]
    values = np.concatenate([each.values for each in series])
    reaches = {"train": settings.window, "validation": settings.window, "test": reach}
    return TimeParts(
        **{
            part: _windows(
                values, series, [cut[part] for cut in cuts], part, settings, reaches[part]
            )
            for part in reaches
        }
    )


def all_windows(series: Sequence[Series], settings: SeriesSettings, *, reach: int) -> Windows:
    """All windows of series that are no run's own.

    Raises:
        SeriesTooShortError: A series has no window.
    """
    cuts = [Span(0, len(each.values)) for each in series]
    values = np.concatenate([each.values for each in series])
    return _windows(values, series, cuts, "only", settings, reach)


def training_rows(series: Sequence[Series], settings: SeriesSettings) -> list[np.ndarray]:
    """The rows of the training part of each series."""
    shares = {"validation": settings.validation, "test": settings.test}
    return [each.values[: spans(len(each.values), **shares)["train"].end] for each in series]


def _windows(
    values: np.ndarray, series: Sequence[Series], cuts: Sequence[Span], part: str,
    settings: SeriesSettings, reach: int,
) -> Windows:  # fmt: skip
    found: list[np.ndarray] = []
    offset = 0
    for each, span in zip(series, cuts, strict=True):
        ends = window_ends(span, reach=reach, horizon=settings.horizon)
        if not len(ends):
            raise SeriesTooShortError(
                name=f"The series {each.name!r}" if each.name else "The series",
                rows=len(each.values), part=part, reach=reach, horizon=settings.horizon,
            )  # fmt: skip
        found.append(ends + offset)
        offset += len(each.values)
    return Windows(values, np.concatenate(found), settings.window, settings.horizon)
