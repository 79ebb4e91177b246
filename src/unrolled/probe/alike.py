"""What a unit is most excited about, and which units are excited about the same."""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from unrolled.probe.recorder import Tape
from unrolled.probe.units import Unit

APART = 60  # characters between two places that are shown
PLACES = 20_000  # that correlations are taken over
ALIKE = 0.7  # the mean correlation from which units count as alike


def strongest_places(course: np.ndarray, count: int, *, apart: int = APART) -> list[int]:
    """Where a unit is highest, the highest first, no two places close to each other.

    Args:
        course: The unit's values (N).
        count: How many places, at most.
        apart: Characters between any two.
    """
    kept: list[int] = []
    pool = min(len(course), count * 4 * apart)
    high = np.argpartition(course, -pool)[-pool:]
    for place in high[np.argsort(-course[high], kind="stable")]:
        if all(abs(place - other) >= apart for other in kept):
            kept.append(int(place))
            if len(kept) == count:
                break
    return kept


def clusters(tape: Tape, units: list[Unit], *, alike: float = ALIKE) -> list[list[Unit]]:
    """Groups of two or more units that rise and fall together, or against each other.

    Average linkage over 1 - |r|, r being the correlation of two units; the largest group first.

    Args:
        tape: What a network did while it read the text.
        units: Those to compare.
        alike: The mean |r| between the units of a group, at least.
    """
    places = np.linspace(0, len(tape), min(PLACES, len(tape)), endpoint=False).astype(np.int64)
    rows = np.stack([tape.values[unit.source][unit.index, places] for unit in units])
    changing = np.flatnonzero(np.ptp(rows, axis=1) > 0)
    if len(changing) < 2:
        return []
    distance = np.clip(1 - np.abs(np.corrcoef(rows[changing])), 0, 1)
    np.fill_diagonal(distance, 0)
    near = squareform(distance, checks=False)
    labels = fcluster(linkage(near, "average"), 1 - alike, criterion="distance")
    groups = [[units[row] for row in changing[labels == label]] for label in np.unique(labels)]
    return sorted((group for group in groups if len(group) > 1), key=len, reverse=True)
