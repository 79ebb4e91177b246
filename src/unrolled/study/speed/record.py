"""What a measurement is: who took part, what came of it, and the ratios between them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal

from unrolled.study.speed.measure import Times
from unrolled.study.speed.points import Point

Status = Literal["timed", "skipped", "failed", "wrong"]


@dataclass(frozen=True)
class Entry:
    """One contender: its times, or why there are none."""

    status: Status
    why: str = ""
    setup: float = 0.0  # seconds to build it and run it once, compiling included
    times: Times | None = None


@dataclass(frozen=True)
class Measurement:
    """All contenders on one piece of work, in one series of rounds."""

    section: str  # "layers", "lengths", "min-char-rnn", "sampling"
    cell: str
    mode: str  # "forward", "forward+backward"; "training", "sampling" of characters
    threads: int
    point: Point
    steps: int
    dtype: str
    entries: Mapping[str, Entry]
    ours: tuple[str, ...]  # names that ratios may refer to, best first
    products: Times | None = None  # the bare matrix products
    operations: int = 0  # in those products
    characters: int = 0  # in one run, for the sections that count them
    filled: float = 1.0  # share of T*B that the lengths fill
    notes: tuple[str, ...] = field(default=())

    @property
    def group(self) -> tuple[str, str, str, int]:
        """Measurements with the same one stand in one table."""
        return self.section, self.cell, self.mode, self.threads

    @property
    def timed(self) -> dict[str, Times]:
        """The times of those that have some."""
        return {name: e.times for name, e in self.entries.items() if e.times is not None}

    @property
    def reference(self) -> str | None:
        """The contender of ours that ratios refer to."""
        return next((name for name in self.ours if name in self.timed), None)

    def ratio(self, name: str, *, median: bool = False) -> float | None:
        """A contender's time over ours: above 1, ours is faster."""
        reference, timed = self.reference, self.timed
        if reference is None or name not in timed:
            return None
        kind = "median" if median else "minimum"
        return getattr(timed[name], kind) / getattr(timed[reference], kind)

    def share(self, name: str) -> float | None:
        """The part of the matrix products' rate that a contender reaches."""
        if self.products is None or name not in self.timed:
            return None
        return self.products.minimum / self.timed[name].minimum


def geometric_mean(numbers: Iterable[float]) -> float | None:
    """The geometric mean; None of nothing."""
    logarithms = [math.log(number) for number in numbers]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else None


def mean_ratios(measurements: Iterable[Measurement]) -> dict[str, float]:
    """The geometric mean of each contender's ratio over the points at which it has one."""
    found: dict[str, list[float]] = {}
    for measurement in measurements:
        for name in measurement.timed:
            ratio = measurement.ratio(name)
            if ratio is not None and name != measurement.reference:
                found.setdefault(name, []).append(ratio)
    return {name: mean for name, r in found.items() if (mean := geometric_mean(r)) is not None}


def mean_per_operation(
    group: Iterable[Measurement], everything: Iterable[Measurement]
) -> float | None:
    """Our time for an operation in products over lstm's, the geometric mean over the points.

    Args:
        group: The measurements of a cell.
        everything: Where lstm's at the same points are looked for.
    """
    key = attrgetter("section", "mode", "threads", "point")
    lstm = {key(m): _per_operation(m) for m in everything if m.cell == "lstm"}
    pairs = [(_per_operation(m), lstm.get(key(m))) for m in group]
    return geometric_mean(own / its for own, its in pairs if own and its)


def _per_operation(measurement: Measurement) -> float | None:
    reference = measurement.reference
    if reference is None or not measurement.operations:
        return None
    return measurement.timed[reference].minimum / measurement.operations
