"""`unrolled resume RUN`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from unrolled.cli.arguments import parse
from unrolled.cli.reports import after_training
from unrolled.errors import SettingError
from unrolled.training.watchers import watcher_for


@dataclass(frozen=True)
class Resume:
    """Go on with a run from its last checkpoint."""

    run: Positional[Path]
    """The run folder."""

    minutes: float | None = None
    """New limit of training time, counted from the run's start."""

    epochs: float | None = None
    """New limit of passes over the training part, counted from the run's start."""

    steps: int | None = None
    """New limit of steps, counted from the run's start."""

    device: str | None = None
    """Where to compute from now on: auto, cpu, cuda, cuda:1, mps. Default: as before."""

    threads: int | None = None
    """CPU threads from now on; 0: torch's choice. Default: as before."""


def run(given: Sequence[str]) -> int:
    """Go on, print what came of it, and say what to type next.

    Args:
        given: What was typed after the verb.
    """
    about = "Go on with a run, bit for bit as if it had never stopped."
    wanted = parse(Resume, given, prog="unrolled resume", about=about)
    limits = {"minutes": wanted.minutes, "epochs": wanted.epochs, "steps": wanted.steps}
    budget = {name: value for name, value in limits.items() if value is not None}
    for name, value in budget.items():
        if not value > 0:
            raise SettingError(name=name, got=value, wanted="more than 0")
    from unrolled.tasks.api import resume  # torch, only now

    where = {"device": wanted.device, "threads": wanted.threads}
    return after_training(resume(wanted.run, **where, watcher=watcher_for(sys.stderr), **budget))
