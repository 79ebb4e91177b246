"""What numbers the sentences of both sides."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from unrolled.data.examples.kinds import Pair
from unrolled.data.examples.splits import Splits
from unrolled.data.tokenizer import BEGIN, END, Tokenizer, Unit
from unrolled.errors import SettingError
from unrolled.models.search import Ends
from unrolled.tasks.texts.reading import Report, cut, kept_codes, learned
from unrolled.tasks.translate.settings import TranslateSettings

SHORT = 40  # characters of a sentence, in the mean, up to which characters are read one by one
ROOM = 10  # units more than the longest target of the training part that are written


class Coded(NamedTuple):
    """Pairs as a model reads and writes them."""

    sources: list[np.ndarray]
    """Each with an end."""
    targets: list[np.ndarray]
    """Each with a beginning and an end."""


class Coder:
    """The units of both sides by number."""

    def __init__(self, source: Tokenizer, target: Tokenizer, longest: int, written: int) -> None:
        """Take what was learned.

        Args:
            source: Of what is read.
            target: Of what is written.
            longest: Units of a sentence that are read.
            written: Units that are written, at most.
        """
        self.source, self.target = source, target
        self._longest = longest
        symbols = target.symbols
        self.ends = Ends(symbols.index(BEGIN), symbols.index(END), written)
        self._source_end = source.symbols.index(END)

    @classmethod
    def learn(cls, settings: TranslateSettings, splits: Splits[Pair]) -> Self:
        """The units of both sides of a training part."""
        sides = [*zip(*splits.train, strict=True)]
        unit = _unit(sides[0]) if settings.unit == "auto" else settings.unit
        if settings.model == "transformer":  # whose one matrix embeds both sides
            source = target = learned(settings, unit, chain(*sides))
        else:
            source, target = (learned(settings, unit, side) for side in sides)
        longest = max(map(len, target.encode(sides[1])))
        return cls(source, target, settings.longest, min(settings.longest, longest + ROOM))

    @classmethod
    def from_json(cls, given: Any, settings: TranslateSettings, path: Path) -> Self:
        """What `to_json` gave.

        Raises:
            DamagedFileError: It is none.
        """
        kept = kept_codes(given, {"source": str, "target": str, "written": int}, path)
        source, target = (Tokenizer.from_json(kept[side]) for side in ("source", "target"))
        return cls(source, target, settings.longest, kept["written"])

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        sides = {"source": self.source.to_json(), "target": self.target.to_json()}
        return {**sides, "written": self.ends.longest}

    def sources(self, texts: Sequence[str], report: Report = lambda line: None) -> list[np.ndarray]:
        """Sentences as numbers, each with an end."""
        end = np.array([self._source_end], dtype=np.int32)
        rows = cut(self.source.encode(texts), self._longest, report)
        return [np.concatenate([row, end]) for row in rows]

    def as_written(self, targets: Sequence[str]) -> list[str]:
        """Targets as the model would write them, with which what it writes is compared."""
        return [self.target.respelled(target) for target in targets]

    def code(self, pairs: Sequence[Pair], report: Report = lambda line: None) -> Coded:
        """Pairs as numbers; those of which a side is longer than a model reads are left out."""
        sources = self.source.encode([pair.source for pair in pairs])
        targets = self.target.encode([pair.target for pair in pairs])
        fit = [
            row
            for row, sides in enumerate(zip(sources, targets, strict=True))
            if max(map(len, sides)) <= self._longest
        ]
        if len(fit) < len(pairs):
            longer = len(pairs) - len(fit)
            report(f"pairs longer than {self._longest:,} units, left out: {longer:,}")
        if not fit:
            wanted = (
                f"a number of units that some pairs have; all {len(pairs):,} of a part are longer"
            )
            raise SettingError(name="longest", got=self._longest, wanted=wanted)
        begin, end = (np.array([one], dtype=np.int32) for one in self.ends[:2])
        read_end = np.array([self._source_end], dtype=np.int32)
        return Coded(
            [np.concatenate([sources[row], read_end]) for row in fit],
            [np.concatenate([begin, targets[row], end]) for row in fit],
        )


def _unit(sentences: Sequence[str]) -> Unit:
    return "characters" if sum(map(len, sentences)) <= SHORT * len(sentences) else "subwords"
