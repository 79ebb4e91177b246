"""Series made of the columns of a file."""

from collections.abc import Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unrolled.data.alphabet import printable
from unrolled.data.examples.columns import find_column
from unrolled.data.series.panel import Panel, Series
from unrolled.data.series.tables import Table, read_table
from unrolled.errors import (
    NumberError,
    SeriesFileError,
    SeriesLabelError,
    SeriesNameError,
    SettingError,
)

MEND = "Mend it, or name the columns to read with --columns."
HOLD = "Mend it, or take the number before it with --missing hold."
GREATEST = 1e100  # of a number: its square is still one
SMALLER = f"Numbers up to {GREATEST:g} are read. Give the column in a larger unit."
FIRST = "It is the first of its series, so there is none before it to hold."
SHOWN = 40  # characters of what is no number
MISSING = {"", "na", "n/a", "none", "null", "nan", "?", "-"}


@dataclass(frozen=True)
class Wanted:
    """What is read of a file."""

    columns: Sequence[str] = ()
    """Of numbers; empty: all whose first value is a number."""
    series_column: str = ""
    """Which says of what series a row is; empty: all rows are one."""
    label_column: str = ""
    labelled: bool = False
    """Whether each series has a label."""
    hold: bool = False
    """Whether the number before takes the place of a missing one."""


def read_panel(path: Path, wanted: Wanted, encoding: str = "utf-8") -> Panel:
    """The series of a file, each with all its steps in the file's order.

    Args:
        path: The file; see `read_table`.
        wanted: What is read of it.
        encoding: How the characters of text are written as bytes.

    Raises:
        ColumnError: There is no column of a name.
        NumberError: A value is no number, is missing, or is too large.
        SeriesNameError: A row does not say of which series it is.
        SeriesLabelError: A series has two labels.
        SeriesFileError: There is nothing to read, or the file is of no known format.
        SettingError: A column has to be named.
    """
    table = read_table(path, encoding, labelled=wanted.labelled)
    series, label = (
        own or _found(table, name)
        for own, name in (
            (table.series_column, wanted.series_column),
            (table.label_column, wanted.label_column),
        )
    )
    for name, column in (("series_column", series), ("label_column", label)):
        if wanted.labelled and not column:
            raise SettingError(name=name, got="''", wanted="the name of a column, to predict class")
    others = [name for name in table.columns if name not in (series, label)]
    columns = [*dict.fromkeys(_found(table, name) for name in wanted.columns)]
    columns = columns or [name for name in others if _is_numeric(table, name)]
    rows = _rows_of(table, series)
    if not columns or not rows:
        raise _nothing(table, rows)
    values = np.stack([_numbers(table, name) for name in columns], axis=-1)
    great = np.isfinite(values) & (np.abs(values) > GREATEST)
    _refuse(table, columns, great, np.arange(len(values)), SMALLER)
    labels = {name: _label(table, label, name, at) if label else "" for name, at in rows.items()}
    return Panel(
        columns,
        [
            Series(name, _whole(table, columns, values, at, hold=wanted.hold), labels[name])
            for name, at in rows.items()
        ],
        () if wanted.columns else tuple(name for name in others if name not in columns),
    )


def _nothing(table: Table, rows: Sized) -> SeriesFileError:
    """The error of a file in which there is nothing to read."""
    names = ", ".join(map(printable, table.columns))
    lacking = "column of numbers" if rows else "row"
    problem = f"has no {lacking} (its columns: {names})" if names else "is empty"
    wanted = "a row for each step, names in the first line, and numbers with a point, as 0.5"
    return SeriesFileError(path=printable(str(table.path)), problem=problem, wanted=wanted)


def _found(table: Table, name: str) -> str:
    if not name or name in table.columns:
        return name
    return find_column(table.path, list(table.columns), [name])


def _is_numeric(table: Table, name: str) -> bool:
    """Whether the first value of a column that is not missing is a number."""
    first = next((value for value in table.columns[name] if not _is_missing(value)), None)
    return first is not None and _number(first) is not None


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in MISSING)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
    except OverflowError:  # a whole number beyond all floats
        return float("inf")


def _numbers(table: Table, name: str) -> np.ndarray:
    """A column as float64; what is missing is NaN."""
    given = table.columns[name]
    if isinstance(given, np.ndarray) and given.dtype.kind in "biuf":
        return given.astype(np.float64)
    found = np.empty(len(given))
    for row, value in enumerate(given):
        number = float("nan") if _is_missing(value) else _number(value)
        if number is None:
            raise _error(table, name, row, MEND)
        found[row] = number
    return found


def _rows_of(table: Table, column: str) -> dict[str, np.ndarray]:
    """The rows of each series by its name."""
    if not column:
        count = len(next(iter(table.columns.values()), ()))
        return {"": np.arange(count)} if count else {}
    rows: dict[str, list[int]] = {}
    for row in range(len(table.columns[column])):
        rows.setdefault(_name(table, column, row), []).append(row)
    return {name: np.array(each) for name, each in rows.items()}


def _label(table: Table, column: str, series: str, rows: np.ndarray) -> str:
    """The one label of a series."""
    first = _name(table, column, rows[0])
    for row in rows[1:]:
        label = _name(table, column, row)
        if label != first:
            said = {"got": label, "before": first, "name": series}
            path = printable(str(table.path))
            raise SeriesLabelError(path=path, place=table.place(row), **said)
    return first


def _name(table: Table, column: str, row: int) -> str:
    value = table.columns[column][row]
    if value is None or not str(value).strip():
        path, place = printable(str(table.path)), table.place(row)
        raise SeriesNameError(path=path, place=place, column=column)
    return str(value).strip()


def _whole(
    table: Table, columns: Sequence[str], values: np.ndarray, rows: np.ndarray, *, hold: bool
) -> np.ndarray:
    """The numbers of a series, none of which is missing."""
    own = values[rows]
    missing = ~np.isfinite(own)
    refused, remedy = (missing[:1], FIRST) if hold else (missing, HOLD)
    _refuse(table, columns, refused, rows, remedy)
    steps = np.where(missing, 0, np.arange(len(own))[:, None])
    return np.take_along_axis(own, np.maximum.accumulate(steps), axis=0)


def _refuse(
    table: Table, columns: Sequence[str], wrong: np.ndarray, rows: np.ndarray, remedy: str
) -> None:
    """Show the first of the values that are wrong, if any is, where the rows stand in the file."""
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        raise _error(table, columns[column], int(rows[row]), remedy)


def _error(table: Table, column: str, row: int, remedy: str) -> NumberError:
    value = table.columns[column][row]
    got = "nothing" if value is None or value == "" else f"{str(value)[:SHOWN]!r}"
    return NumberError(
        path=printable(str(table.path)), place=table.place(row), got=got, column=column,
        remedy=remedy,
    )  # fmt: skip
