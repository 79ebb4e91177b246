"""Sentences with a tag for each word: columns as CoNLL has them, and word/TAG."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from unrolled.data.examples.columns import read_text, row_error
from unrolled.data.examples.kinds import Tagged

DOCUMENT = "-DOCSTART-"  # a line of CoNLL-2003 between documents
COMMENT = "# "
UNIVERSAL = 10  # columns of CoNLL-U, the first of which numbers the words: 3, 3-4, 3.1
_PLACE = re.compile(r"\d+([-.]\d+)?")


class TagColumns(NamedTuple):
    """Which columns are read, counted from 0, or from -1 at the end."""

    word: int
    tag: int


def read_tagged(
    files: Sequence[Path], *, columns: TagColumns | None = None, encoding: str = "utf-8"
) -> Iterator[Tagged]:
    """The sentences of files: a word a line in columns, or a sentence a line as word/TAG.

    Args:
        files: The files of one part.
        columns: Which to read; None: word first and tag last, or the second and the fourth of
            CoNLL-U.
        encoding: How the characters are written as bytes.

    Raises:
        RowError: A line of a file is not as its format has it.
    """
    for file in files:
        lines = read_text(file, encoding).split("\n")
        first = next((line for line in lines if line.strip()), "")
        if columns is None and all("/" in token for token in first.split()):
            yield from read_word_tag(file, lines)
        else:
            yield from read_conll(file, lines, columns)


def read_word_tag(path: Path, lines: Sequence[str]) -> Iterator[Tagged]:
    """Sentences such as `The/at jury/nn said/vbd`; the tag stands after the last stroke."""
    for number, line in enumerate(lines, start=1):
        tokens = (token.rpartition("/") for token in line.split())
        pairs = [(word, tag) for word, _, tag in tokens]
        for word, tag in pairs:
            if not (word and tag):
                problem = f"has {f'{word}/{tag}'[:40]!r} where a word/TAG is wanted"
                raise row_error(path, number, problem)
        if pairs:
            yield _sentence(pairs)


def read_conll(
    path: Path, lines: Sequence[str], columns: TagColumns | None = None
) -> Iterator[Tagged]:
    """Sentences of a word a line, with an empty line after each; all lines are equally wide."""
    rows: list[tuple[str, str]] = []
    width, universal = 0, False
    for number, line in enumerate([*lines, ""], start=1):
        fields = line.split("\t") if "\t" in line else line.split()
        if not line.strip():
            if rows:
                yield _sentence(rows)
            rows = []
        elif not line.startswith((COMMENT, DOCUMENT)):
            if not width:
                width = len(fields)
                universal = width == UNIVERSAL and bool(_PLACE.fullmatch(fields[0]))
                columns = _columns(path, number, width, columns, universal=universal)
            if len(fields) != width:
                problem = f"has not {width} columns like those before, but {len(fields)}"
                raise row_error(path, number, problem)
            assert columns is not None
            if not universal or fields[0].isdigit():  # 3-4 stands for both words that follow
                rows.append((fields[columns.word].strip(), fields[columns.tag].strip()))


def _columns(
    path: Path, line: int, width: int, given: TagColumns | None, *, universal: bool
) -> TagColumns:
    columns = given or (TagColumns(1, 3) if universal else TagColumns(0, -1))
    if width < 2 or not all(-width <= column < width for column in columns):
        wanted = " and ".join(map(str, columns))
        problem = f"is too narrow for columns {wanted}, the first being 0: its width is {width}"
        raise row_error(path, line, problem)
    return columns


def _sentence(pairs: Sequence[tuple[str, str]]) -> Tagged:
    words, tags = zip(*pairs, strict=True)
    return Tagged(words, tags)
