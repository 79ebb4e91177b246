"""What the command prints of a run: to standard output, plain, so that it pipes."""

import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from unrolled.training.watchers import Lines, clean

_SAMPLE = 500  # characters
_TEMPERATURE = 0.7
_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def after_training(trained: Any) -> int:
    """Print how training ended, the figures, a sample, and what to type next; the exit code.

    Of several processes the first alone measures and prints.
    """
    from unrolled.training.group import join, launcher  # torch, which training has loaded

    ending, path = trained.ending, typed(trained.path)
    code = 0 if ending.signal is None else _CODES[ending.signal]
    if not join().is_first:
        return code
    if code:
        print(f"stopped and saved at step {ending.step:,}. To go on:")
        print(f"  {launcher()}unrolled resume {path}")
        return code
    Lines(sys.stderr).say(f"{ending.reason} at step {ending.step:,}; measuring on the test part")
    print_evaluation(trained, trained.evaluate())
    if trained.takes == "beginning":
        _print_text(trained)
    print("\nnext:")
    for line in trained.advice(path):
        print(f"  {clean(line)}")
    return 0


def _print_text(trained: Any) -> None:
    from unrolled.models.sampling import Choice  # torch, which training has loaded

    print(f"\nit writes, at temperature {_TEMPERATURE}:\n")
    written = trained.generate(length=_SAMPLE, choice=Choice(_TEMPERATURE), seed=1)
    print(clean("".join(written)).strip("\n"))


def typed(path: Path) -> str:
    """A path as one would type it from here."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def print_evaluation(trained: Any, figures: Any) -> None:
    """Print the figures of a run, as its task tells them."""
    for line in trained.tell(figures):
        print(clean(line))
