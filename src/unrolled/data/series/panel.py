"""What series are."""

import hashlib
import json
from typing import NamedTuple

import numpy as np


class Series(NamedTuple):
    """Numbers in the order of time."""

    name: str
    values: np.ndarray  # T x X, float64
    label: str = ""


class Panel(NamedTuple):
    """Series that have the same columns."""

    columns: list[str]
    series: list[Series]
    left_out: tuple[str, ...] = ()
    """Columns of the file that hold no numbers."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all names and numbers in their order."""
        found = hashlib.sha256(json.dumps(self.columns).encode())
        for name, values, label in self.series:
            found.update(json.dumps([name, label, len(values)]).encode())
            found.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return found.hexdigest()
