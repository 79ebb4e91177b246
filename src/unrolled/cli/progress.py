"""What is told on standard error: how far long work is, and what went wrong."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ERASED = "\x1b[K"  # what a terminal takes for: nothing from here to the end of the line


@contextmanager
def shown_progress() -> Iterator[Callable[[str, float], None]]:
    """What is to be told, as it goes, what is being done and the share of all that is done."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich.console import Console  # only where it is shown
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.text import Text

    columns = BarColumn(bar_width=24), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        row = bar.add_task("starting", total=1.0)

        def move(what: str, share: float) -> None:
            bar.update(row, completed=share, description=Text(what).markup)

        yield move


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """In a terminal, say what is being waited for, for as long as that takes.

    Args:
        what: Such as "loading".
    """
    if not sys.stderr.isatty():
        yield
        return
    print(f"{what} ...\r", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        print(_ERASED, end="", file=sys.stderr, flush=True)


def complain(message: object) -> None:
    """Say what went wrong, as all of the command does."""
    from unrolled.training.watchers import clean

    print(f"unrolled: {clean(str(message))}", file=sys.stderr)


def _lines() -> Callable[[str, float], None]:
    """A line for each new thing that is done; nobody need read them to the end."""
    from unrolled.training.watchers import Lines

    lines, latest = Lines(sys.stderr), [""]

    def line(what: str, share: float) -> None:
        if what != latest[0]:
            latest[0] = what
            lines.say(f"{share:4.0%}  {what}")

    return line
