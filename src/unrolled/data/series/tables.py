"""Columns by name, from every format of tables."""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from unrolled.data.alphabet import printable
from unrolled.data.examples.columns import SUFFIXES, read_rows, row_error
from unrolled.data.series.arrays import Arrays, read_npy, read_npz, shown
from unrolled.errors import MissingExtraError, SeriesFileError

PARQUET = {".parquet", ".pq"}
KNOWN = ".csv, .tsv, .json, .jsonl, .parquet, .npy or .npz"


class Table(NamedTuple):
    """Columns of equal length, in the order of the file."""

    path: Path
    columns: Mapping[str, Any]
    place: Callable[[int], str]
    """Where in the file a row stands."""
    series_column: str = ""
    """Which says of what series a row is, where the file itself fixes that."""
    label_column: str = ""


def read_table(path: Path, encoding: str, *, labelled: bool = False) -> Table:
    """All columns of a file, told by its name: text, Parquet or NumPy.

    Args:
        path: The file.
        encoding: How the characters of text are written as bytes.
        labelled: Whether an .npz holds series with labels, X and y, or else columns.

    Raises:
        SeriesFileError: It is of another format, or none.
        MissingExtraError: It is Parquet, and pyarrow is not installed.
        RowError: A line of text is not as its format has it.
    """
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return _text(path, encoding)
    if suffix in PARQUET:
        return _parquet(path)
    if suffix == ".npz":
        return _of_arrays(path, read_npz(path, labelled=labelled))
    if suffix == ".npy":
        return _of_arrays(path, read_npy(path))
    raise SeriesFileError(path=printable(str(path)), problem="is of no known format", wanted=KNOWN)


def _text(path: Path, encoding: str) -> Table:
    rows = read_rows(path, encoding)
    _, head = next(rows, (1, list[str]()))
    lines: list[int] = []
    columns: list[list[Any]] = [[] for _ in head]
    for line, row in rows:
        lines.append(line)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    twice = next((name for at, name in enumerate(head) if name in head[:at]), None)
    if twice is not None:
        raise row_error(path, 1, f"names the column {twice!r} twice")
    word = "entry" if path.suffix.lower() == ".json" else "line"
    return Table(path, dict(zip(head, columns, strict=True)), lambda row: f"{word} {lines[row]}")


def _parquet(path: Path) -> Table:
    if find_spec("pyarrow") is None:
        raise MissingExtraError(what="Parquet files", package="pyarrow", extra="series")
    # Only here: it takes its time to load, and nothing else needs it.
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            parts = [file.read_row_group(at).to_pydict() for at in range(file.num_row_groups)]
            names = file.schema_arrow.names
    except (ArrowException, OSError, ValueError) as error:
        problem = f"is no Parquet: {str(error).splitlines()[0]}"
        raise SeriesFileError(path=printable(str(path)), problem=problem, wanted=KNOWN) from None
    if len({*names}) < len(names):
        problem = "names a column twice"
        raise SeriesFileError(path=printable(str(path)), problem=problem, wanted="different names")
    columns = {name: [*chain.from_iterable(part[name] for part in parts)] for name in names}
    return Table(path, columns, lambda row: f"row {row + 1}")


def _of_arrays(path: Path, arrays: Arrays) -> Table:
    if arrays.labels is None:
        return Table(path, arrays.columns, lambda row: f"row {row + 1}")
    columns = {**arrays.columns, "series": arrays.series, "label": arrays.labels}
    return Table(
        path, columns, lambda row: shown(row, arrays.steps), series_column="series",
        label_column="label",
    )  # fmt: skip
