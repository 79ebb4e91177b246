"""Examples for a task, and what its run keeps to know them again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from unrolled.data.examples.kinds import Example
from unrolled.data.examples.sources import Source
from unrolled.data.examples.splits import Splits, read_splits
from unrolled.data.sets import SETS
from unrolled.data.tokenizer import SPECIAL, Tokenizer, Unit
from unrolled.errors import DamagedFileError, DataChangedError
from unrolled.tasks.texts.settings import TextSettings

Kind = TypeVar("Kind", bound=Example)
Report = Callable[[str], None]
LOOKED_THROUGH = 100  # texts of the test part, among which one is chosen to be tried
SENTENCE, LONGEST = 40, 80  # characters of such a text: as many, or no more


def splits_of(
    source: Source,
    read: Callable[[Sequence[Path]], Iterable[Kind]],
    settings: TextSettings,
    report: Report,
) -> Splits[Kind]:
    """The examples of a source in three parts.

    Args:
        source: Its files.
        read: Gives the examples of some files.
        settings: Shares of the parts that it does not have.
        report: Is told what is left out.

    Raises:
        UnrolledError: Many kinds; see `read_splits`, and the readers.
    """
    shares = {"validation": settings.validation, "test": settings.test}
    return read_splits(source.parts, read, **shares, report=report)


def described(source: Source, splits: Splits[Any]) -> dict[str, Any]:
    """What a run keeps of its data, as JSON values."""
    counts = {name: len(part) for name, part in splits._asdict().items()}
    kept = {"name": source.name, "fingerprint": splits.fingerprint, "examples": counts}
    return {**kept, "text": _to_try(splits.test)}


def _to_try(examples: Sequence[Example]) -> str:
    """A text about as long as a sentence; one that begins as a flag does only if all do."""
    texts = (" ".join(each.text.split()) for each in examples[:LOOKED_THROUGH])
    return min(texts, key=lambda text: (text[:1] == "-", abs(len(text) - SENTENCE)))[:LONGEST]


class Known(Protocol):
    """Data that can be known again."""

    @property
    def fingerprint(self) -> str:
        """The same for the same data."""
        ...


def require_same(name: str, data: Known, config: Mapping[str, Any]) -> None:
    """Refuse data that is no longer what a run was trained on.

    Raises:
        DataChangedError: It is another.
    """
    kept = config.get("data")
    was = str(kept.get("fingerprint")) if isinstance(kept, Mapping) else "none"
    now = data.fingerprint
    if was != now:
        raise DataChangedError(name=name, was=was[:12], now=now[:12])


def absolute(data: str) -> str:
    """A user's DATA as it is found again from any folder."""
    return data if data in SETS else str(Path(data).absolute())


def cut(rows: Sequence[np.ndarray], longest: int, report: Report) -> list[np.ndarray]:
    """Sequences no longer than a model reads; how many were cut is told."""
    longer = sum(len(row) > longest for row in rows)
    if longer:
        report(f"texts longer than {longest:,} units, cut (--longest): {longer:,}")
    return [row[:longest] for row in rows]


class UnitSettings(Protocol):
    """What settings say of units of text."""

    @property
    def vocabulary(self) -> int:
        """How many have a number of their own, at most."""
        ...

    @property
    def least(self) -> int:
        """How often one must occur to have a number."""
        ...

    @property
    def lowercase(self) -> bool:
        """Whether capitals count as small letters."""
        ...


def learned(
    settings: UnitSettings, unit: Unit, texts: Iterable[str], special: Sequence[str] = SPECIAL
) -> Tokenizer:
    """The units of some texts, as many as the settings say, after what is special."""
    sizes = {"size": settings.vocabulary, "least": settings.least}
    return Tokenizer.learn(texts, unit, **sizes, lowercase=settings.lowercase, special=special)


def kept_codes(given: Any, wanted: Mapping[str, type], path: Path) -> Mapping[str, Any]:
    """What a run keeps of its codes, each part of the kind that it has to be; lists hold names.

    Raises:
        DamagedFileError: It is not as it was written.
    """
    for name, kind in wanted.items():
        part = given.get(name) if isinstance(given, Mapping) else None
        names = part if isinstance(part, list) else []
        if not isinstance(part, kind) or not all(isinstance(each, str) for each in names):
            raise DamagedFileError(
                path=path / "config.json", damage=f"lacks the {name} of its data"
            )
    return given
