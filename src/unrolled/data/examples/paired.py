"""Pairs of sentences: tab-separated lines, or two files whose lines belong together."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from unrolled.data.alphabet import printable
from unrolled.data.examples.columns import SUFFIXES, read_columns, read_text, row_error
from unrolled.data.examples.kinds import Pair
from unrolled.errors import LanguageError, UnequalLinesError

_NO_LANGUAGES = {"txt", "tsv", "tab", "csv"}


def read_pairs(
    files: Sequence[Path], *, source: str = "", target: str = "", encoding: str = "utf-8"
) -> Iterator[Pair]:
    """The pairs of files.

    Args:
        files: The files of one part: tab-separated lines (source, target, and what comes after is
            passed over, as where attributions follow); .csv, .json or .jsonl with two columns; or
            parallel files, whose names end in the languages: train.en beside train.de.
        source: The language, or the column, that is read. Empty: the first of tab-separated.
        target: That is written. Empty: the second.
        encoding: How the characters are written as bytes.

    Raises:
        ColumnError: A file has no such column.
        LanguageError: Parallel files are not of both languages.
        RowError: A line of a file is not as its format has it.
        UnequalLinesError: Parallel files have not as many lines.
    """
    columns = {"--source": [source or "source"], "--target": [target or "target"]}
    parallel = {file for file in files if _is_language(file)}
    for file in files:
        if file.suffix.lower() in SUFFIXES - {".tsv"}:
            yield from (Pair(*row) for row in read_columns(file, columns, encoding))
        elif file not in parallel:
            yield from read_tab_separated(file, read_text(file, encoding))
    yield from _parallel(sorted(parallel), source, target, encoding)


def read_tab_separated(path: Path, text: str) -> Iterator[Pair]:
    """A pair a line: source, tab, target; more columns are passed over."""
    for number, line in enumerate(text.split("\n"), start=1):
        fields = line.split("\t")
        if len(fields) >= 2:
            yield Pair(fields[0], fields[1])
        elif line.strip():
            raise row_error(path, number, "has no tab between two sentences")


def _is_language(file: Path) -> bool:
    """Whether a name ends as in train.en or train.pt_BR."""
    language = re.split("[_-]", file.suffix[1:])[0]
    return len(language) in (2, 3) and language.isalpha() and language.lower() not in _NO_LANGUAGES


def _parallel(files: Sequence[Path], source: str, target: str, encoding: str) -> Iterator[Pair]:
    for stem in dict.fromkeys(file.with_suffix("") for file in files):
        known = [file.suffix[1:] for file in files if file.with_suffix("") == stem]
        missing = [language for language in (source, target) if language not in known]
        if missing:
            absent = f"there is no file in the language {missing[0]}"
            problem = absent if missing[0] else "are parallel files, of which two are wanted"
            facts = {"problem": problem, "known": ", ".join(known)}
            raise LanguageError(stem=printable(str(stem)), **facts)
        sides = [_lines(Path(f"{stem}.{each}"), encoding) for each in (source, target)]
        counts = {"sources": len(sides[0]), "targets": len(sides[1])}
        if len(set(counts.values())) > 1:
            facts = {"source": source, "target": target, **counts}
            raise UnequalLinesError(stem=printable(str(stem)), **facts)
        yield from map(Pair, *sides)


def _lines(path: Path, encoding: str) -> list[str]:
    return read_text(path, encoding).removesuffix("\n").split("\n")
