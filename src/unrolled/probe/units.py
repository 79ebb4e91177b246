"""The cell finder: which unit of a network follows which track of a text, found without a hint.

The text is cut in two. Units, thresholds and lines are chosen on the first part; every figure is of
the second, which nothing was chosen on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from unrolled.errors import TextTooShortError
from unrolled.probe.association import LEAST_SHIFTS, SHIFTS, Association, associate
from unrolled.probe.recorder import Tape
from unrolled.probe.taps import Source
from unrolled.probe.tracks import Track

LIKELY = 0.05  # a chance that is no reason to choose a unit


@dataclass(frozen=True)
class Unit:
    """One unit of a network."""

    source: Source
    index: int

    def __str__(self) -> str:
        return f"unit {self.index} of {self.source}"


@dataclass(frozen=True)
class Found:
    """The unit that follows a track best."""

    track: Track
    unit: Unit
    score: float
    """Of a track that is on or off the AUC, turned so that a half is chance and 1 perfect; of a
    track of numbers R², the share of its variance that a line through the unit's values explains.
    """
    rises: bool
    """Whether the unit is high where the track is."""
    threshold: float | None
    """The value that parts on and off best, on the first part; None for a track of numbers."""
    p: float
    """That the best of all pairs does so well by chance."""

    @property
    def measure(self) -> str:
        """What the score is."""
        return "AUC" if self.threshold is not None else "R²"


@dataclass(frozen=True, eq=False)
class Finding:
    """What the finder found."""

    best: list[Found]
    """For each track that changes, in the order in which they came."""
    silent: list[Track]
    """Tracks that never change in one of the parts, of which nothing can be said."""
    units: list[Unit]
    """W, in the order of the rows of `association`."""
    tracks: list[Track]
    """K, in the order of its columns."""
    association: Association


class Stacked:
    """All units of a tape over a part of the text, source after source, as one W x N array."""

    def __init__(self, tape: Tape, part: slice) -> None:
        self.units = [Unit(s, i) for s, values in tape.values.items() for i in range(len(values))]
        self._tape = tape
        self._part = part

    def __len__(self) -> int:
        return len(self.units)

    def __getitem__(self, index: slice) -> np.ndarray:
        return np.stack([self.course(unit) for unit in self.units[index]])

    def course(self, unit: Unit) -> np.ndarray:
        """One unit's values."""
        return self._tape.values[unit.source][unit.index, self._part]


def find_units(
    tape: Tape, tracks: Sequence[Track], *, shifts: int = SHIFTS, seed: int = 0
) -> Finding:
    """For each track the unit that follows it best.

    Args:
        tape: What a network did while it read the text.
        tracks: What the text does, character by character.
        shifts: How many shifts of the text a p-value is drawn from.
        seed: The same one draws the same shifts.

    Raises:
        TextTooShortError: The text has fewer than 400 characters.
    """
    half, least = len(tape) // 2, 2 * (LEAST_SHIFTS + 1)
    if len(tape) < least:
        raise TextTooShortError(length=len(tape), purpose="the cell finder", least=least)
    first, second = slice(0, half), slice(half, len(tape))
    known, silent = _told_apart(tracks, first, second)
    fitted, tested = Stacked(tape, first), Stacked(tape, second)
    if not known:
        nothing = np.zeros((len(fitted), 0))
        return Finding([], silent, fitted.units, [], Association(nothing, nothing, nothing, 0))
    before, after = (np.stack([t.values[part] for t in known]) for part in (first, second))
    chosen = _choice(associate(fitted, before, shifts=shifts, seed=seed))
    association = associate(tested, after, shifts=shifts, seed=seed)
    best = [
        _found(track, fitted, tested, association, int(row), column)
        for column, (track, row) in enumerate(zip(known, chosen, strict=True))
    ]
    return Finding(best, silent, fitted.units, known, association)


def _choice(association: Association) -> np.ndarray:
    """Of each track the row of the unit that follows it most closely, and not just by chance.

    A slow drift goes along with any other for half a text: units of which chance explains more
    come after all others.
    """
    strength = np.abs(np.nan_to_num(association.correlation))
    return np.where(association.p < LIKELY, 1 + strength, -association.p).argmax(0)


def _told_apart(tracks: Sequence[Track], *parts: slice) -> tuple[list[Track], list[Track]]:
    """Tracks that change in all parts, and others."""
    changing = [all(np.ptp(track.values[part]) > 0 for part in parts) for track in tracks]
    pairs = list(zip(tracks, changing, strict=True))
    return [t for t, yes in pairs if yes], [t for t, yes in pairs if not yes]


def _found(
    track: Track, fitted: Stacked, tested: Stacked, association: Association, row: int, column: int
) -> Found:
    unit = fitted.units[row]
    half = len(fitted.course(unit))
    before, after = track.values[:half], track.values[half:]
    course, later = fitted.course(unit), tested.course(unit)
    rises = bool(np.corrcoef(course, before)[0, 1] > 0)
    p = float(association.p[row, column])
    if track.is_number:
        return Found(track, unit, explained(course, before, later, after), rises, None, p)
    auc = float(association.auc[row, column])
    threshold = best_threshold(course if rises else -course, before > 0)
    return Found(track, unit, auc if rises else 1 - auc, rises, threshold * (1 if rises else -1), p)


def explained(course: np.ndarray, track: np.ndarray, later: np.ndarray, after: np.ndarray) -> float:
    """R² of a line, drawn through one part of the text, on another."""
    slope, height = np.polyfit(course.astype(np.float64), track.astype(np.float64), 1)
    missed = after - (slope * later + height)
    return float(1 - (missed**2).mean() / after.astype(np.float64).var())


def best_threshold(course: np.ndarray, on: np.ndarray) -> float:
    """The value above which a unit counts as on, so that both sides are hit equally often at best.

    It is between two values of the unit; hits on either side are counted as shares of that side.
    """
    order = np.argsort(course, kind="stable")
    values, marks = course[order], on[order]
    hits = np.cumsum(~marks) / max(1, (~on).sum()) - np.cumsum(marks) / max(1, on.sum())
    ends = np.append(values[1:] > values[:-1], False)
    at = int(np.where(ends, hits, -1).argmax())
    return float((values[at] + values[min(at + 1, len(values) - 1)]) / 2)


def significant(finding: Finding, level: float = 0.01) -> Iterator[tuple[Unit, Track, float]]:
    """Every pair that chance does not explain: the unit, the track, p."""
    for row, column in np.argwhere(finding.association.p < level):
        p = float(finding.association.p[row, column])
        yield finding.units[row], finding.tracks[column], p
