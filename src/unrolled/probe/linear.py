"""What all units together know of a track: a line through every unit, beside the single best one.

Ridge regression on standardized units, fitted on places of the first half of the text and judged on
all of the second. It says what can be read off linearly, not what the network reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrolled.probe.recorder import Tape
from unrolled.probe.scores import auc, r_squared
from unrolled.probe.tracks import Track

PLACES = 50_000  # evenly spread, on which lines are fitted; as many are read at once
LEAST = 100  # places where a track is on, and where it is off, if there are as many
RIDGE = 1e-2  # of a unit's variance
FARTHEST = 3.0  # standard deviations; a unit that runs off in one half would drown all others


@dataclass(frozen=True)
class Readable:
    """How well a track can be read off all units."""

    track: Track
    score: float
    """AUC of a track that is on or off, R² of one of numbers; on the second half."""


def linear_probes(tape: Tape, tracks: Sequence[Track]) -> list[Readable]:
    """How well each track can be read off all recorded units together.

    Args:
        tape: What a network did while it read the text.
        tracks: What the text does; each changes in both halves.
    """
    half = len(tape) // 2
    wanted = np.stack([track.values for track in tracks])
    places = _places(half, [track.values[:half] for track in tracks if not track.is_number])
    units = _units(tape, places)
    means, spread = units.mean(1, keepdims=True), units.std(1, keepdims=True)
    units = _standardized(units, means, spread)
    weights = np.linalg.solve(
        units @ units.T / len(places) + RIDGE * np.eye(len(units)),
        units @ _centred(wanted[:, places]).T / len(places),
    )
    pieces = (slice(begin, begin + PLACES) for begin in range(half, len(tape), PLACES))
    parts = [weights.T @ _standardized(_units(tape, piece), means, spread) for piece in pieces]
    height = wanted[:, places].mean(1)
    return [
        Readable(t, r_squared(r + h, w) if t.is_number else auc(r, w > 0))
        for t, r, h, w in zip(tracks, np.hstack(parts), height, wanted[:, half:], strict=True)
    ]


def _places(length: int, marks: Sequence[np.ndarray]) -> np.ndarray:
    """Evenly spread places, and a few more for each track that is hardly ever on, or off, at them.

    The few more weigh little in the lines of other tracks, and nothing is judged on them.
    """
    evenly = _spread(np.arange(length), PLACES)
    more = [
        _spread(np.flatnonzero(track == side), LEAST)
        for track in marks for side in (0, 1) if (track[evenly] == side).sum() < LEAST
    ]  # fmt: skip
    return np.unique(np.concatenate([evenly, *more]))


def _spread(places: np.ndarray, count: int) -> np.ndarray:
    """So many of some places, or all, evenly spread."""
    chosen = np.linspace(0, len(places), min(count, len(places)), endpoint=False)
    return places[chosen.astype(np.int64)]


def _units(tape: Tape, places: np.ndarray | slice) -> np.ndarray:
    """All units at some places (W x n)."""
    return np.concatenate([values[:, places] for values in tape.values.values()])


def _standardized(units: np.ndarray, means: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.clip((units - means) / np.where(spread > 0, spread, 1), -FARTHEST, FARTHEST)


def _centred(rows: np.ndarray) -> np.ndarray:
    return rows - rows.mean(1, keepdims=True)
