"""What a model of series is measured against."""

from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from unrolled.data.series.panel import Series
from unrolled.errors import MissingExtraError
from unrolled.tasks.series.windows import Windows

RIDGES = (1e-6, 1e-4, 1e-2, 1.0)  # of the mean square of its inputs; the validation part chooses
MOST_INPUTS = 2_000  # numbers that the linear forecast reads, of the last steps
STRENGTHS = (0.03, 0.3, 3.0, 30.0)  # of the logistic regression (C), likewise
ITERATIONS = 2_000
LEAST_PEAK = 0.2  # autocorrelation at a season, below which there is none


def last_values(windows: Windows, places: list[int]) -> np.ndarray:
    """Of each window the last step again and again: N x horizon x Y."""
    last = windows.values[windows.ends][:, None, places]
    return np.repeat(last, windows.horizon, axis=1)


def season_ago(windows: Windows, places: list[int], seasons: Sequence[int]) -> np.ndarray:
    """Of each column the steps one season of its own before those that come: N x horizon x Y."""
    steps = np.arange(windows.horizon)
    return np.stack(
        [
            windows.values[windows.ends[:, None] + steps % season + 1 - season, place]
            for place, season in zip(places, seasons, strict=True)
        ],
        axis=-1,
    )


def find_season(series: Sequence[np.ndarray]) -> int:
    """The number of steps after which a column repeats best, by autocorrelation; 1 if it does not.

    A straight line is taken from it first. A season is a peak with a dip below half its
    height before it; of peaks nearly as high as the highest the earliest is taken.

    Args:
        series: The column in each series: T.
    """
    longest = min(map(len, series)) // 3
    if longest < 3:
        return 1
    found = np.sum([_autocovariance(each, longest) for each in series], axis=0)
    found /= max(found[0], np.finfo(float).tiny)
    lowest = np.minimum.accumulate(found)
    lags = np.arange(2, longest)
    peaks = lags[
        (found[lags] > found[lags - 1])
        & (found[lags] >= found[lags + 1])
        & (found[lags] > LEAST_PEAK)
        & (lowest[lags] < found[lags] / 2)
    ]
    if not len(peaks):
        return 1
    return int(peaks[found[peaks] >= 0.9 * found[peaks].max()][0])


def _autocovariance(values: np.ndarray, longest: int) -> np.ndarray:
    """At the lags 0 to `longest`, of what is left of a column beside a straight line."""
    line = np.stack([np.ones(len(values)), np.linspace(-1, 1, len(values))], axis=-1)
    rest = values - line @ np.linalg.lstsq(line, values)[0]
    power = np.abs(np.fft.rfft(rest, 2 * len(values))) ** 2
    return np.fft.irfft(power)[: longest + 1]


def linear_forecasts(
    train: Windows, validation: Windows, measured: Windows, places: list[int]
) -> np.ndarray:
    """What a linear autoregression on the same window says: N x horizon x Y.

    Fitted by ridge regression to the training part; the strength is that which does best on the
    validation part. Windows are standardised.
    """
    steps = max(1, min(train.steps, MOST_INPUTS // train.values.shape[1]))
    gram = cross = np.zeros(1)
    for rows in train.batches():
        x = _inputs(train, rows, steps)
        gram, cross = gram + x.T @ x, cross + x.T @ train.after(rows, places).reshape(len(rows), -1)
    square = np.trace(gram) / len(gram)
    fits = [
        np.linalg.lstsq(gram + ridge * square * np.eye(len(gram)), cross)[0] for ridge in RIDGES
    ]

    def said(windows: Windows, weights: np.ndarray) -> np.ndarray:
        parts = [_inputs(windows, rows, steps) @ weights for rows in windows.batches()]
        return np.concatenate(parts).reshape(len(windows), windows.horizon, len(places))

    came = validation.after(np.arange(len(validation)), places)
    best = min(fits, key=lambda fit: float(np.square(said(validation, fit) - came).mean()))
    return said(measured, best)


def _inputs(windows: Windows, rows: np.ndarray, steps: int) -> np.ndarray:
    """The last steps of windows, and a 1, side by side."""
    before = windows.before(rows)[:, -steps:].reshape(len(rows), -1)
    return np.concatenate([before, np.ones((len(rows), 1))], axis=1, dtype=np.float64)


def logistic_labels(
    train: Sequence[Series], validation: Sequence[Series], measured: Sequence[Series]
) -> list[str]:
    """The labels that logistic regression on four numbers of each column gives to some series.

    They are mean, deviation, least and greatest.

    Args:
        train: The series to learn from.
        validation: Those to choose the strength of the fit by.
        measured: Those to be labelled.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    if find_spec("sklearn") is None:
        raise MissingExtraError(what="The baselines", package="scikit-learn", extra="series")
    # Only here: it takes a second to load, and nothing else needs it.
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known, checked = ([each.label for each in part] for part in (train, validation))
    fits = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=ITERATIONS)).fit(
            _summaries(train), known
        )
        for c in STRENGTHS
    ]
    best = max(fits, key=lambda fit: float(fit.score(_summaries(validation), checked)))
    return best.predict(_summaries(measured)).tolist()


def _summaries(series: Sequence[Series]) -> np.ndarray:
    found = [[each.values.mean(0), each.values.std(0), each.values.min(0), each.values.max(0)]
             for each in series]  # fmt: skip
    return np.array(found).reshape(len(series), -1)
