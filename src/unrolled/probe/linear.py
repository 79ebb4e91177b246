"""What all units together know of a track: a line through every unit, beside the single best one.

Ridge regression on standardized units, fitted on the first half of the text and judged on the
second. It says what can be read off linearly, not what the network reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrolled.probe.recorder import Tape
from unrolled.probe.scores import auc, r_squared
from unrolled.probe.tracks import Track

PLACES = 50_000  # of each half, evenly spread, that are looked at
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
    first, second = _places(0, half), _places(half, len(tape))
    wanted = np.stack([track.values for track in tracks])
    units = _units(tape, first)
    means, spread = units.mean(1, keepdims=True), units.std(1, keepdims=True)
    units = _standardized(units, means, spread)
    weights = np.linalg.solve(
        units @ units.T / len(first) + RIDGE * np.eye(len(units)),
        units @ _centred(wanted[:, first]).T / len(first),
    )
    read = weights.T @ _standardized(_units(tape, second), means, spread)
    height = wanted[:, first].mean(1)
    return [
        Readable(t, r_squared(r + h, w) if t.is_number else auc(r, w > 0))
        for t, r, h, w in zip(tracks, read, height, wanted[:, second], strict=True)
    ]


def _places(begin: int, end: int) -> np.ndarray:
    return np.linspace(begin, end, min(PLACES, end - begin), endpoint=False).astype(np.int64)


def _units(tape: Tape, places: np.ndarray) -> np.ndarray:
    """All units at some places (W x n)."""
    return np.concatenate([values[:, places] for values in tape.values.values()])


def _standardized(units: np.ndarray, means: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.clip((units - means) / np.where(spread > 0, spread, 1), -FARTHEST, FARTHEST)


def _centred(rows: np.ndarray) -> np.ndarray:
    return rows - rows.mean(1, keepdims=True)
