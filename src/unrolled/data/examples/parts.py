"""The files of a set, by the part of the set that each belongs to."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from unrolled.data.text_files import find_files, known_encoding

PartName = Literal["train", "validation", "test"]
WORDS: Mapping[PartName, frozenset[str]] = {
    "train": frozenset({"train", "training"}),
    "validation": frozenset({"validation", "valid", "val", "dev", "testa"}),
    "test": frozenset({"test", "testing", "testb"}),
}
"""Words by which public sets name their parts; CoNLL-2003's testa is for validation."""
Parts = Mapping[PartName, list[Path]]


def find_parts(source: Path, encoding: str) -> Parts:
    """The text files of a set, in their order.

    Parts are told by a word of the name of what lies in the folder: `train.tsv`, `eng.testa`,
    `test/pos/1.txt`. Where nothing is called train, everything is, and the other parts are empty.

    Args:
        source: A file, or the folder of a set.
        encoding: How the files' characters are written as bytes.

    Raises:
        UnrolledError: There are no files, or they cannot be read; see `find_files`.
    """
    files = find_files(source, known_encoding(encoding))
    names = [file.relative_to(source).parts[0] for file in files] if source.is_dir() else [""]
    return sorted_out(files, names)


def sorted_out(files: Sequence[Path], names: Sequence[str]) -> Parts:
    """Files by the parts that their names speak of; all train where none does."""
    found: dict[PartName, list[Path]] = {name: [] for name in WORDS}
    for file, name in zip(files, names, strict=True):
        part = part_of(name)
        if part:
            found[part].append(file)
    return found if found["train"] else {"train": list(files), "validation": [], "test": []}


def part_of(name: str) -> PartName | None:
    """The part that the name of a file or a folder speaks of, if it does."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    return next((part for part, known in WORDS.items() if words & known), None)
