"""Arrays of NumPy's own files; pickled objects are refused."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled.data.alphabet import printable
from unrolled.errors import SeriesFileError

ONE_LENGTH = "arrays of one length, T, each a column"
COLUMNS = "columns of numbers: an array of T, or of T x C in an .npy"
LABELLED = "numbers X of N x T or N x T x C, and labels y of N"
_DAMAGE = (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error)


class Arrays(NamedTuple):
    """Columns, and of series with labels also what each row belongs to."""

    columns: dict[str, np.ndarray]
    steps: int  # of each series
    series: Any = None
    labels: Any = None


def read_npy(path: Path) -> Arrays:
    """An array of T x C as columns that are called 0, 1, 2, ...

    Raises:
        SeriesFileError: It is another, or none.
    """
    array = _loaded(path, COLUMNS)
    if not isinstance(array, np.ndarray) or not _is_numeric(array) or array.ndim not in (1, 2):
        raise _other(path, "the array", array, COLUMNS)
    return Arrays(_columns(array[:, None] if array.ndim == 1 else array), len(array))


def read_npz(path: Path, *, labelled: bool) -> Arrays:
    """Arrays of T as columns of their names, or series with labels, X and y.

    Raises:
        SeriesFileError: There are others.
    """
    wanted = LABELLED if labelled else COLUMNS
    arrays = _loaded(path, wanted)
    if not isinstance(arrays, dict):
        raise _other(path, "the array", arrays, wanted)
    return _labelled(path, arrays) if labelled else _named(path, arrays)


def shown(row: int, steps: int) -> str:
    """Where a row of X stands."""
    return f"X[{row // steps}, {row % steps}]"


def _named(path: Path, arrays: dict[str, np.ndarray]) -> Arrays:
    wanted = ONE_LENGTH
    if {"X", "y"} <= {*arrays}:
        wanted += ", or --predict class to learn the labels y of the series X"
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    for name, array in arrays.items():
        if array.ndim != 1 or len(lengths) > 1:
            raise _other(path, name, array, wanted)
    return Arrays(arrays, max(lengths, default=0))


def _labelled(path: Path, arrays: dict[str, np.ndarray]) -> Arrays:
    numbers, labels = arrays.get("X"), arrays.get("y")
    if numbers is None or labels is None:
        held = ", ".join(map(printable, arrays)) or "nothing"
        raise _error(path, f"holds {held}", LABELLED)
    if numbers.ndim not in (2, 3) or not _is_numeric(numbers) or not numbers.size:
        raise _other(path, "X", numbers, LABELLED)
    count, steps = numbers.shape[:2]
    if labels.shape != (count,):
        raise _other(path, f"{count} series and y", labels, LABELLED)
    series, named = (np.repeat(each, steps) for each in (np.arange(count), labels))
    return Arrays(_columns(numbers.reshape(count * steps, -1)), steps, series, named)


def _columns(array: np.ndarray) -> dict[str, np.ndarray]:
    return {str(number): column for number, column in enumerate(array.T)}


def _is_numeric(array: np.ndarray) -> bool:
    return array.dtype.kind in "biuf"


def _loaded(path: Path, wanted: str) -> Any:
    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            return {name: found[name] for name in found.files}
    except _DAMAGE as error:
        reason = " ".join(str(error).split())
        pickled = "pickle" in reason
        problem = "holds pickled objects, which are not read" if pickled else f"is none: {reason}"
        raise _error(path, problem, wanted) from None


def _other(path: Path, name: str, array: Any, wanted: str) -> SeriesFileError:
    size = " x ".join(map(str, np.shape(array))) or "1"
    kind = getattr(array, "dtype", type(array).__name__)
    return _error(path, f"has for {name} {size} of {kind}", wanted)


def _error(path: Path, problem: str, wanted: str) -> SeriesFileError:
    return SeriesFileError(path=printable(str(path)), problem=printable(problem), wanted=wanted)
