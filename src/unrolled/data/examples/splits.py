"""The three parts of a set of examples; those that it does not have are made."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from unrolled.data.alphabet import printable
from unrolled.data.examples.kinds import Example
from unrolled.data.examples.parts import Parts
from unrolled.errors import EmptyTextError, NoExamplesError, SplitError

Kind = TypeVar("Kind", bound=Example)
_ONE = 1 << 64


class Splits(NamedTuple, Generic[Kind]):
    """Examples to train on, to validate on, and for the figures that count."""

    train: list[Kind]
    validation: list[Kind]
    test: list[Kind]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all examples in their order, part by part."""
        found = hashlib.sha256()
        for part in self:
            for example in part:
                found.update(json.dumps(example).encode() + b"\n")
            found.update(b"\n")
        return found.hexdigest()


def read_splits(
    parts: Parts,
    read: Callable[[Sequence[Path]], Iterable[Kind]],
    *,
    validation: float = 0.05,
    test: float = 0.05,
    report: Callable[[str], None] = lambda line: None,
) -> Splits[Kind]:
    """The examples of a set, its own parts as they are, the others taken from the first.

    Args:
        parts: The set's files.
        read: Gives the examples of some files.
        validation: Share of the examples, where the set has no such part.
        test: Likewise.
        report: Is told how many examples have an empty text and are left out.

    Raises:
        EmptyTextError: There is none at all.
        NoExamplesError: There is none to train on.
        SplitError: The shares are none, or leave nothing to train on.
    """
    found = {name: list(read(files)) for name, files in parts.items()}
    full = {name: [each for each in part if _is_full(each)] for name, part in found.items()}
    empty = sum(map(len, found.values())) - sum(map(len, full.values()))
    if empty:
        report(f"examples with an empty side, left out: {empty:,}")
    if not any(full.values()):
        raise nothing_in(parts)
    made = split(
        full["train"],
        validation=0.0 if full["validation"] else validation,
        test=0.0 if full["test"] else test,
    )
    splits = Splits(made.train, full["validation"] or made.validation, full["test"] or made.test)
    if not all(splits):
        counts = ", ".join(f"{name} {len(part):,}" for name, part in splits._asdict().items())
        raise NoExamplesError(path=_place(parts), counts=counts)
    return splits


def nothing_in(parts: Parts) -> EmptyTextError:
    """The error of files without an example."""
    return EmptyTextError(path=_place(parts), emptiness="holds no examples")


def _place(parts: Parts) -> str:
    """The first of the files, as messages have it."""
    return printable(str(next((file for files in parts.values() for file in files), "")))


def split(
    examples: Sequence[Kind],
    *,
    validation: float,
    test: float,
    key: Callable[[Kind], str] = lambda example: example.text,
) -> Splits[Kind]:
    """Parts by a hash of each text, so that equal texts are never in two parts.

    An example stays in its part whatever comes before or after it.

    Args:
        examples: All of them.
        validation: Share to validate on.
        test: Share for the figures that count.
        key: What of an example is never in two parts, if not its text.

    Raises:
        SplitError: The shares are none, or leave nothing to train on.
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise SplitError(validation=validation, test=test)
    parts = Splits[Kind]([], [], [])
    for example in examples:
        digest = hashlib.sha256(key(example).encode()).digest()
        place = int.from_bytes(digest[:8], "big") / _ONE
        part = (
            parts.test if place < test
            else parts.validation if place < test + validation
            else parts.train
        )  # fmt: skip
        part.append(example)
    return parts


def _is_full(example: Example) -> bool:
    return all(map(len, (part.strip() if isinstance(part, str) else part for part in example)))
