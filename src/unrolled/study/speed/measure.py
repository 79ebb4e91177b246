"""Taking turns: every contender runs once a round, each round begins with another one.

What disturbs a shared machine then disturbs all alike; minima and medians of the rounds are kept.
"""

import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from unrolled.study.speed.trial import Trial

SETTLE = 1e-3  # seconds before a turn, in which spinning threads of the turn before fall asleep
QUICK = 5e-3  # a run shorter than this is run once more, untimed, to find caches as in a loop
MOST_ROUNDS = 1000


@dataclass(frozen=True)
class Times:
    """The seconds of one contender, round by round."""

    seconds: tuple[float, ...]

    @property
    def minimum(self) -> float:
        """The least disturbed round."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """The usual round."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Budget:
    """How long to measure: until the seconds are used, but no fewer rounds than this."""

    seconds: float
    rounds: int


def first_line(error: Exception) -> str:
    """An error in a line: its kind and the first line of what it says."""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0]}" if said else type(error).__name__


def take_turns(
    trials: Mapping[str, Trial],
    budget: Budget,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[dict[str, Times], dict[str, str]]:
    """The times of all trials, and the error of each that failed on the way.

    Args:
        trials: By name; each has run once already.
        budget: How long.
        clock: Seconds.
    """
    found: dict[str, list[float]] = {name: [] for name in trials}
    failed: dict[str, str] = {}
    begun, done = clock(), 0
    with _no_collection():
        while done < budget.rounds or (clock() - begun < budget.seconds and done < MOST_ROUNDS):
            for name in in_turn([name for name in trials if name not in failed], done):
                try:
                    found[name].append(_turn(trials[name], found[name], clock))
                except Exception as error:  # noqa: BLE001  whatever a peer may raise
                    failed[name] = first_line(error)
            done += 1
    return {n: Times(tuple(s)) for n, s in found.items() if n not in failed}, failed


def in_turn(names: list[str], done: int) -> list[str]:
    """The order of a round: each begins one contender later than the one before."""
    start = done % len(names) if names else 0
    return names[start:] + names[:start]


def _turn(trial: Trial, before: list[float], clock: Callable[[], float]) -> float:
    """The seconds of one run."""
    time.sleep(SETTLE)
    if not before or before[-1] < QUICK:
        trial.prepare()
        trial.run()
    trial.prepare()
    start = clock()
    result = trial.run()
    taken = clock() - start
    del result  # before the next contender needs the memory
    return taken


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's garbage collector out of the times."""
    was_on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
