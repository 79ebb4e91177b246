"""A process that kills copies of itself in the middle of saving, each at another file call.

Started with `python -m`, so that torch is imported once and a fork is quick. Each copy works on a
folder of its own, `TARGETS/MODE/AT`, and notes beside it, in `AT.saved`, the steps whose save has
returned.
"""

import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tests.training.storage.file_calls import ORIGINAL, watched
from tests.training.storage.power_cut import PowerCut

from unrolled.training.storage.checkpoint import Checkpoint
from unrolled.training.storage.run_folder import open_run


def checkpoint_of(step: int) -> Checkpoint:
    """A checkpoint in which every value tells its step."""
    return Checkpoint(
        step=step,
        weights={"weight": torch.full((40, 30), float(step))},
        optimizer={"state.0.momentum": torch.full((40, 30), -float(step))},
        carried={"rng.cpu": torch.full((50,), step % 251, dtype=torch.uint8)},
        progress={"step": step},
    )


def work(path: Path, note: Callable[[int], None]) -> None:
    """Resume a run and save three times, twice at the same step."""
    with open_run(path) as run:
        run.truncate_metrics(100)
        for step, best in [(200, True), (300, False), (300, False)]:
            run.append_metrics({"step": step, "loss": 1.0 / step})
            run.save(checkpoint_of(step), best=best, keep=1)
            note(step)


def count_calls(path: Path) -> int:
    """How many file calls the work makes."""
    calls = []
    with watched(lambda number, *_: calls.append(number)):
        work(path, lambda step: None)
    return len(calls)


def die_at(path: Path, at: int, *, by_power: bool) -> None:
    """Do the work and die before file call `at`; in the middle of it, if it is a write."""
    spare = path.with_suffix(".spare")
    spare.mkdir()
    power = PowerCut(path, spare)
    notes = path.with_suffix(".saved").open("a", buffering=1)

    def before(number: int, name: str, arguments: tuple) -> None:
        if number == at:
            if name == "write":
                half = len(arguments[1]) // 2
                power.follow(number, name, arguments)
                ORIGINAL["write"](arguments[0], arguments[1][:half])
            if by_power:
                power.strike()
            os.kill(os.getpid(), signal.SIGKILL)
        power.follow(number, name, arguments)

    with watched(before):
        work(path, lambda step: print(step, file=notes))


def save_for_ever(path: Path) -> None:
    """Save one step after the other until killed from outside."""
    notes = path.with_suffix(".saved").open("a", buffering=1)
    with open_run(path) as run:
        for step in range(200, 10**6):
            run.append_metrics({"step": step})
            run.save(checkpoint_of(step), best=step % 3 == 0, keep=1)
            print(step, file=notes)


def in_child(job: Callable[[], None], kill_after: float | None = None) -> None:
    """Run a job in a forked copy of this process and wait for its end."""
    child = os.fork()
    if child == 0:
        job()
        os._exit(0)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"the child ended with {status}"


def kill_at_calls(source: Path, targets: Path, *, every: int, by_power: bool) -> None:
    """Kill before every so many of the work's file calls; folder 0 is of a work that ended."""
    number = count_calls(shutil.copytree(source, targets / "0"))
    for at in range(1, number + 1, every):
        path = shutil.copytree(source, targets / f"{at}")
        in_child(lambda path=path, at=at: die_at(path, at, by_power=by_power))


def kill_at_random(source: Path, targets: Path, *, times: int) -> None:
    """Kill at moments that follow from nothing in the code."""
    moments = random.Random(7)
    for at in range(times):
        path = shutil.copytree(source, targets / f"{at}")
        in_child(lambda path=path: save_for_ever(path), kill_after=moments.uniform(0.005, 0.15))


def main(source: Path, targets: Path, jobs: list[str]) -> None:
    """Do jobs such as `kill:17`, `power:17` (every 17th call) and `random:5` (five times)."""
    for mode, number in (job.split(":") for job in jobs):
        (targets / mode).mkdir()
        if mode == "random":
            kill_at_random(source, targets / mode, times=int(number))
        else:
            by_power = mode == "power"
            kill_at_calls(source, targets / mode, every=int(number), by_power=by_power)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
