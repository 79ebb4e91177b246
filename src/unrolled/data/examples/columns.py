"""Named columns of CSV, TSV, JSON and JSON Lines."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from unrolled.data.alphabet import printable
from unrolled.data.text_files import did_you_mean, known_encoding, read_pieces
from unrolled.errors import ColumnError, EmptyTextError, RowError

DELIMITERS = {".csv": ",;", ".tsv": "\t"}
"""Between fields; of two, the second is so where the first line has it and not the first."""
JSON_LINES = {".jsonl", ".ndjson"}
SUFFIXES = frozenset({*DELIMITERS, *JSON_LINES, ".json"})
LONGEST = 1 << 24  # characters of a field


def read_text(path: Path, encoding: str) -> str:
    """All of a text file.

    Raises:
        UnreadableTextError: It cannot be read.
        BinaryTextError: It holds a NUL.
        TextEncodingError: It is of another encoding.
    """
    pieces = read_pieces([path], known_encoding(encoding))
    return b"".join(data for _, data in pieces).decode()


def row_error(path: Path, line: int, problem: str) -> RowError:
    """The error of a line that is not as its format has it."""
    return RowError(path=printable(str(path)), line=line, problem=printable(problem))


def read_columns(
    path: Path, wanted: Mapping[str, Sequence[str]], encoding: str
) -> Iterator[tuple[str, ...]]:
    """The values of some columns, row by row.

    Args:
        path: A file whose name ends in one of `SUFFIXES`. CSV and TSV name their columns in the
            first line; JSON is a list of objects, JSON Lines an object a line.
        wanted: Of each column the flag that names it, and names it may have: the first that is
            there is taken.
        encoding: How the characters are written as bytes.

    Raises:
        ColumnError: There is no column of these names.
        EmptyTextError: There is no first line that names columns.
        RowError: A row has too few or too many fields, or is no object, or a value is none.
    """
    if path.suffix.lower() in DELIMITERS:
        rows = _separated(path, encoding)
        _, head = next(rows)
        if not head:
            emptiness = "has no first line that names its columns"
            raise EmptyTextError(path=printable(str(path)), emptiness=emptiness)
        places = [head.index(name) for name in _found(path, head, wanted)]
        yield from (tuple(row[place] for place in places) for _, row in rows)
    else:
        for line, row in _objects(path, encoding):
            names = _found(path, tuple(row), wanted)
            yield tuple(_plain(path, line, name, row[name]) for name in names)


def read_rows(path: Path, encoding: str) -> Iterator[tuple[int, list[Any]]]:
    """The names of all columns, then all rows, each with its line; the same formats.

    Args:
        path: A file whose name ends in one of `SUFFIXES`.
        encoding: How the characters are written as bytes.

    Raises:
        RowError: A row has other columns than the first, or is no object.
    """
    if path.suffix.lower() in DELIMITERS:
        yield from _separated(path, encoding)
        return
    head: list[str] = []
    for line, row in _objects(path, encoding):
        if not head:
            head = list(row)
            yield line, head
        if row.keys() != set(head):
            name = min(row.keys() ^ set(head))
            problem = f"has no {name!r}" if name in head else f"has {name!r}, which the first lacks"
            raise row_error(path, line, problem)
        yield line, [row[name] for name in head]


def _objects(path: Path, encoding: str) -> Iterator[tuple[int, dict[str, Any]]]:
    read = _json_lines if path.suffix.lower() in JSON_LINES else _json
    return read(path, read_text(path, encoding))


def _separated(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """The first line, then all others that are not empty."""
    text = read_text(path, encoding)
    before = csv.field_size_limit(LONGEST)
    stream = io.StringIO(text, newline="")
    rows = csv.reader(stream, delimiter=_delimiter(path, text), strict=True)
    try:
        head = next(rows, [])
        yield 1, head
        for row in rows:
            if len(row) != len(head) and row:
                problem = f"has {len(row)} fields, but the first line names {len(head)}"
                raise row_error(path, rows.line_num, problem)
            if row:
                yield rows.line_num, row
    except csv.Error as error:
        raise row_error(path, rows.line_num, f"is no CSV: {error}") from None
    finally:
        csv.field_size_limit(before)


def _delimiter(path: Path, text: str) -> str:
    """What stands between fields: in half of Europe a semicolon, for the comma is in numbers."""
    usual, *others = DELIMITERS[path.suffix.lower()]
    first = text.partition("\n")[0]
    return next((other for other in others if other in first and usual not in first), usual)


def _json(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    found = _parsed(path, 1, text)
    if not isinstance(found, list):
        raise row_error(path, 1, "begins no list of objects")
    for number, row in enumerate(found, start=1):
        yield number, _object(path, number, row)


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _object(path, number, _parsed(path, number, line))


def _parsed(path: Path, line: int, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise row_error(path, line, f"is no JSON: {error}") from None


def _object(path: Path, line: int, row: Any) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise row_error(path, line, "is no object")
    return row


def _plain(path: Path, line: int, name: str, value: Any) -> str:
    if isinstance(value, str | int | float):  # a truth value is a whole number
        return str(value)
    raise row_error(path, line, f"has no text or number under {name!r}")


def _found(path: Path, known: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> list[str]:
    return [find_column(path, known, names, flag) for flag, names in wanted.items()]


def find_column(path: Path, known: Sequence[str], names: Sequence[str], flag: str = "") -> str:
    """The first of some names that is known, whatever its capitals.

    Args:
        path: The file, for messages.
        known: The names of its columns.
        names: Those it may have.
        flag: What names the column in the command.

    Raises:
        ColumnError: None is.
    """
    folded = {name.strip().casefold(): name for name in known}
    for name in names:
        if name.casefold() in folded:
            return folded[name.casefold()]
    raise ColumnError(
        path=printable(str(path)),
        wanted=" or ".join(map(repr, names)),
        known=", ".join(map(printable, known)) or "none",
        hint=did_you_mean(names[0], known),
        remedy=f" Name the one that is meant with {flag}." if flag else "",
    )
