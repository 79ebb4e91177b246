"""Texts with labels: folders of files, named columns, trees of the Stanford Sentiment Treebank."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from unrolled.data.examples.columns import SUFFIXES, read_columns, read_text, row_error
from unrolled.data.examples.kinds import Labelled

TEXT_COLUMNS = ("text", "sentence", "review", "tweet", "content", "comment")
LABEL_COLUMNS = ("label", "sentiment", "class", "polarity", "category", "stars")
UNLABELLED = {"unsup"}  # folders of the set of film reviews that hold texts without labels
_LEAF = re.compile(r"\(\S+ ([^()]+)\)")
_ROOT = re.compile(r"\((\S+) ")
_BRACKETS = {"-LRB-": "(", "-RRB-": ")"}


def read_labelled(
    files: Sequence[Path], *, text_column: str = "", label_column: str = "", encoding: str = "utf-8"
) -> Iterator[Labelled]:
    """The labelled texts of files, in whatever format each is.

    Columns are told by the name (.csv, .tsv, .json, .jsonl), trees by the bracket with which they
    begin; any other file is a text, and its folder the label.

    Args:
        files: The files of one part.
        text_column: The column with the text; empty: one of `TEXT_COLUMNS`.
        label_column: The column with the label; empty: one of `LABEL_COLUMNS`.
        encoding: How the characters are written as bytes.

    Raises:
        ColumnError: A file has no such column.
        RowError: A line of a file is not as its format has it.
    """
    columns = {
        "--text-column": [text_column] if text_column else TEXT_COLUMNS,
        "--label-column": [label_column] if label_column else LABEL_COLUMNS,
    }
    for file in files:
        if file.suffix.lower() in SUFFIXES:
            for text, label in read_columns(file, columns, encoding):
                yield Labelled(text, label.strip())
            continue
        text = read_text(file, encoding)
        if text.startswith("("):
            yield from read_trees(file, text)
        elif file.parent.name not in UNLABELLED:
            yield Labelled(text, file.parent.name)


def read_trees(path: Path, text: str) -> Iterator[Labelled]:
    """The sentences of trees, one a line, each with the label of its root.

    As in the Stanford Sentiment Treebank (Socher et al. 2013): `(3 (2 It) (4 (2 works) (2 .)))`.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        root, leaves = _ROOT.match(line), _LEAF.findall(line)
        if root is None or not leaves or line.count("(") != line.count(")"):
            raise row_error(path, number, "is no tree, as (3 (2 It) (2 works)) is one")
        words = [_BRACKETS.get(word) or word.replace("\\/", "/") for word in leaves]
        yield Labelled(" ".join(words), root[1])
