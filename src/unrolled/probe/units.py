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
from unrolled.probe.scores import r_squared
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


def units_of(tape: Tape) -> list[Unit]:
    """Every unit of a tape, in its order."""
    return [Unit(s, i) for s, values in tape.values.items() for i in range(len(values))]


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


class Part:
    """A part of a text: the courses of all units of a tape, one W x N array, and of some tracks."""

    def __init__(self, tape: Tape, tracks: Sequence[Track], part: slice) -> None:
        self.units = units_of(tape)
        length = len(range(*part.indices(len(tape))))
        self.tracks = np.array([t.values[part] for t in tracks]).reshape(len(tracks), length)
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
    halves = slice(0, half), slice(half, len(tape))
    known = [t for t in tracks if all(np.ptp(t.values[part]) > 0 for part in halves)]
    silent = [t for t in tracks if t not in known]
    first, second = (Part(tape, known, part) for part in halves)
    if not known:
        nothing = np.zeros((len(first), 0))
        return Finding([], silent, first.units, [], Association(nothing, nothing, nothing, 0))
    before, after = (associate(p, p.tracks, shifts=shifts, seed=seed) for p in (first, second))
    best: list[Found] = []
    for column, (track, row) in enumerate(zip(known, _choice(before), strict=True)):
        unit, pair = first.units[row], (row, column)
        rises, p = bool(before.correlation[pair] > 0), float(after.p[pair])
        courses = [(part.course(unit), part.tracks[column]) for part in (first, second)]
        if track.is_number:
            best.append(Found(track, unit, explained(*courses), rises, None, p))
        else:
            auc = float(after.auc[pair] if rises else 1 - after.auc[pair])
            best.append(Found(track, unit, auc, rises, _threshold(*courses[0], rises=rises), p))
    return Finding(best, silent, first.units, known, after)


def _choice(association: Association) -> np.ndarray:
    """Of each track the row of the unit that follows it most closely, and not just by chance.

    A slow drift goes along with any other for half a text: units of which chance explains more
    come after all others.
    """
    strength = np.abs(np.nan_to_num(association.correlation))
    return np.where(association.p < LIKELY, 1 + strength, -association.p).argmax(0)


def explained(first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> float:
    """R² of a line from a unit's course to a track's, drawn through one part, on another."""
    course, track = (numbers.astype(np.float64) for numbers in first)
    slope, height = np.polyfit(course, track, 1)
    course, track = second
    return r_squared(slope * course + height, track)


def _threshold(course: np.ndarray, track: np.ndarray, *, rises: bool) -> float:
    on = track > 0
    return best_threshold(course, on) if rises else -best_threshold(-course, on)


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
