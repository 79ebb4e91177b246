"""Small series, and settings under which they are learned in no time."""

from pathlib import Path

import numpy as np

import unrolled

CALM = {"learning_rate": 0.01, "warmup_steps": 0, "threads": 1, "hidden_size": 16}


def train(data, out: Path, **changes):
    """A run that lasts some steps."""
    return unrolled.train("series", data, out=out, **{**CALM, "steps": 150, **changes})


def write_table(path: Path, **columns) -> Path:
    """A CSV of some columns."""
    rows = zip(*columns.values(), strict=True)
    path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in rows), ""]))
    return path


def wave(steps: int, *, period: float = 12.0, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    """A sine with noise, in a unit of its own: T."""
    draws = np.random.default_rng(seed)
    clean = np.sin(2 * np.pi * np.arange(steps) / period)
    return 50 + 10 * (clean + noise * draws.standard_normal(steps))


def two_kinds(count: int, seed: int = 0) -> dict[str, list]:
    """Series of 8 to 20 steps: one jump up, then one down, or the other way around."""
    draws = np.random.default_rng(seed)
    table: dict[str, list] = {"name": [], "kind": [], "a": []}
    for number in range(count):
        kind = int(draws.integers(2))
        steps = int(draws.integers(8, 21))
        values = 0.1 * draws.standard_normal(steps)
        early, late = draws.integers(0, 4), draws.integers(4, 8)
        values[[early, late]] += (2, -2) if kind else (-2, 2)
        table["name"] += [f"n{number}"] * steps
        table["kind"] += [("down", "up")[kind]] * steps
        table["a"] += values.round(3).tolist()
    return table
