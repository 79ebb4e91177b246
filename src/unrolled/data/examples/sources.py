"""The files of examples that a user's DATA means."""

from pathlib import Path
from typing import NamedTuple

from unrolled.data.examples.parts import Parts, find_parts, sorted_out
from unrolled.data.fetch import Report
from unrolled.data.sets import SETS, Kind, of_kind
from unrolled.data.text_files import did_you_mean
from unrolled.errors import TextNotFoundError


class Source(NamedTuple):
    """Where examples are read from."""

    name: str
    parts: Parts
    encoding: str


def find_source(
    data: str | Path, kind: Kind, encoding: str = "utf-8", report: Report = lambda line: None
) -> Source:
    """The files of a named set, of a folder, or one file.

    Args:
        data: The name of a set, even beside a file of that name, or a path.
        kind: What the examples have to be.
        encoding: How the characters of files are written as bytes; a named set knows its own.
        report: Is told what is being done when that takes its time.

    Raises:
        SetKindError: The set is made of something else.
        TextNotFoundError: There is neither a set nor a path of that name.
        UnrolledError: Its files cannot be read; see `find_files`.
    """
    if isinstance(data, str) and data in SETS:
        found = of_kind(data, kind)
        files = list(found.files(report))
        return Source(data, sorted_out(files, [file.name for file in files]), found.encoding)
    path = Path(data)
    try:
        return Source(path.resolve().name, find_parts(path, encoding), encoding)
    except TextNotFoundError as error:
        known = [name for name, row in SETS.items() if row.kind == kind]
        hint = did_you_mean(str(data), known) or error.facts["hint"]
        raise TextNotFoundError(path=error.facts["path"], hint=hint) from None
