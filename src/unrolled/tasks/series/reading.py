"""The series of a run, from the file or the named set that its settings name."""

from pathlib import Path
from typing import Any, NamedTuple

from unrolled.data.alphabet import printable
from unrolled.data.examples.sources import find_source
from unrolled.data.series.panel import Panel
from unrolled.data.series.reading import Wanted, read_panel
from unrolled.data.sets import SETS
from unrolled.errors import SeriesFileError
from unrolled.tasks.series.settings import SeriesSettings
from unrolled.tasks.texts.reading import Report

SHOWN = 20  # names of columns that are left out


class Read(NamedTuple):
    """Series, and where they are from."""

    name: str
    file: Path
    panel: Panel

    def described(self) -> dict[str, Any]:
        """What a run keeps of its data, as JSON values."""
        rows = sum(len(each.values) for each in self.panel.series)
        counts = {"series": len(self.panel.series), "rows": rows}
        return {"name": self.name, "fingerprint": self.panel.fingerprint, "examples": counts}


def read_data(
    settings: SeriesSettings,
    data: str | Path,
    encoding: str,
    *,
    columns: tuple[str, ...],
    report: Report = lambda line: None,
) -> Read:
    """The series of a file or a named set.

    Args:
        settings: Which columns mean what, and what to do where a number is missing.
        data: The file or the set.
        encoding: How the characters of a file are written as bytes.
        columns: The columns of numbers to read; none: all that there are.
        report: Is told what is being done.

    Raises:
        SeriesFileError: It is more than one file.
        UnrolledError: Many other kinds; see `find_source` and `read_panel`.
    """
    source = find_source(data, "series of numbers", encoding, report)
    files = [file for part in source.parts.values() for file in part]
    if len(files) != 1:
        problem = f"holds {len(files)} files"
        path = printable(str(data))
        raise SeriesFileError(path=path, problem=problem, wanted="one file, with all series in it")
    wanted = Wanted(
        columns, settings.series_column, settings.label_column,
        labelled=settings.predict == "class", hold=settings.missing == "hold",
    )  # fmt: skip
    panel = read_panel(files[0], wanted, source.encoding)
    if panel.left_out:
        names = ", ".join(map(printable, panel.left_out[:SHOWN]))
        more = ", ..." if len(panel.left_out) > SHOWN else ""
        report(f"columns left out, as they are no numbers: {names}{more}")
    return Read(source.name, files[0], panel)


def columns_of(settings: SeriesSettings) -> tuple[str, ...]:
    """The columns to read that settings name, or the named set: a target is read, too."""
    known = SETS.get(settings.data)
    named = tuple(settings.columns) or (known.columns if known else ())
    also = [name for name in targets_named(settings) if name not in named]
    return (*named, *also) if named else ()


def targets_named(settings: SeriesSettings) -> tuple[str, ...]:
    """The targets that settings name, or the named set that they name."""
    known = SETS.get(settings.data)
    own = (known.target,) if known and known.target else ()
    return tuple(settings.target) or own
