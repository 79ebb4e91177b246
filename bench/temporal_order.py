"""Who learns the temporal order of two signals, how far apart, and how soon (Pascanu et al. 2013).

A plain rnn without clipping, with clipping, and with clipping and Omega, beside an lstm: several
seeds at several lengths, each until it is solved (below 1 % wrong of 10,000 sequences) or its steps
are up. All have 50 units and batches of 20. The rnn starts as the paper's (15 connections a unit,
spectral radius 0.95) and learns with Adam at 1e-3; the lstm starts with its forget gates at
sigmoid(2) and learns at 5e-3: of 1e-3 and 5e-3 what serves each better. Prints a Markdown table.

    python bench/temporal_order.py --steps 10000 --lengths 20 50 100 150 --seeds 3
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from machine import describe

import unrolled
from unrolled.errors import DivergedError

SHARED: dict[str, Any] = {
    "hidden_size": 50,
    "batch_size": 20,
    "schedule": "constant",
    "evaluate_every": 50,
}
PLAIN: dict[str, Any] = {"cell": "rnn", "start": "smart", "learning_rate": 1e-3}
OPEN = replace(unrolled.find_cell("lstm"), init={"b.f": 2.0})
CONTENDERS: dict[str, dict[str, Any]] = {
    "rnn": {**PLAIN, "clip_norm": 0.0},
    "rnn, clipped": {**PLAIN, "clip_norm": 1.0},
    "rnn, clipped, Omega": {
        **PLAIN,
        "clip_norm": 1.0,
        "omega": 2.0,
        "omega_form": "released",
    },
    "lstm": {"cell": OPEN, "clip_norm": 1.0, "learning_rate": 5e-3},
}


@dataclass(frozen=True)
class Outcome:
    """How one training ended."""

    contender: str
    length: int
    seed: int
    reason: str
    sequences: int


def main() -> None:
    """Train them all, and print the table; Ctrl-C prints what there is so far."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10_000, help="of each training, at most")
    parser.add_argument("--lengths", type=int, nargs="+", default=[20, 50, 100, 150])
    parser.add_argument("--seeds", type=int, default=3, help="how many, counted from 0")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=[*CONTENDERS])
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    outcomes = []
    for outcome in trainings(options):
        outcomes.append(outcome)
        print(outcome, file=sys.stderr, flush=True)
        if outcome.reason == "interrupted":
            outcomes.pop()
            break
    print(f"{describe()}; {options.steps:,} steps each at most\n")
    print(table(outcomes, options.contenders, options.lengths))


def trainings(options: argparse.Namespace) -> Iterator[Outcome]:
    """Every training in turn, all seeds of a length before the next length."""
    for length in options.lengths:
        for seed in range(options.seeds):
            for contender in options.contenders:
                yield training(contender, length, seed, options)


def training(contender: str, length: int, seed: int, options: argparse.Namespace) -> Outcome:
    """One training in a folder that is thrown away."""
    settings = {**SHARED, **CONTENDERS[contender], "length": length, "seed": seed}
    with tempfile.TemporaryDirectory() as folder:
        try:
            run = unrolled.train(
                "temporal-order",
                out=Path(folder) / "run",
                steps=options.steps,
                threads=options.threads,
                save_seconds=1e9,
                **settings,
            )
        except DivergedError as error:
            reached = error.facts["step"] * settings["batch_size"]
            return Outcome(contender, length, seed, "diverged", reached)
        reached = run.ending.step * settings["batch_size"]
        return Outcome(contender, length, seed, run.ending.reason, reached)


def table(outcomes: list[Outcome], contenders: list[str], lengths: list[int]) -> str:
    """A row a length, a column a contender: how many seeds solved it, after how many sequences."""
    lines = [f"| length | {' | '.join(contenders)} |", "|---" * (len(contenders) + 1) + "|"]
    for length in lengths:
        cells = (
            summary([o for o in outcomes if (o.contender, o.length) == (contender, length)])
            for contender in contenders
        )
        lines.append(f"| {length} | {' | '.join(cells)} |")
    return "\n".join(lines)


def summary(outcomes: list[Outcome]) -> str:
    """So many of so many seeds, and the median of the sequences that these needed."""
    solved = [outcome.sequences for outcome in outcomes if outcome.reason == "solved"]
    text = f"{len(solved)} of {len(outcomes)}"
    if diverged := sum(outcome.reason == "diverged" for outcome in outcomes):
        text += f" ({diverged} diverged)"
    return f"{text}, {statistics.median(solved):,.0f} sequences" if solved else text


if __name__ == "__main__":
    main()
