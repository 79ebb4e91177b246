"""The live display of a run in a terminal."""

import sys
import time

from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from unrolled.training.watchers import Standing, clean

SECONDS = 0.1  # between refreshes; drawing more often is not seen and not free


class Live:
    """One bar that moves, with samples above it."""

    def __init__(self) -> None:
        self.console = Console(file=sys.stderr)
        self.bar = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            console=self.console,
            auto_refresh=False,
            transient=True,
        )
        self.row = self.bar.add_task("starting", total=1.0)
        self._shown = 0.0

    def step(self, standing: Standing) -> None:
        """Move the bar, at most ten times a second; the first step brings it."""
        now = time.monotonic()
        if now - self._shown >= SECONDS:
            self._shown = now
            self.bar.start()
            self.bar.update(self.row, completed=standing.done, description=standing.line())
            self.bar.refresh()

    def say(self, text: str) -> None:
        """A line above the bar."""
        self.bar.print(Text(clean(text)))

    def show_sample(self, text: str) -> None:
        """The sample in a frame above the bar."""
        self.bar.print(Panel(Text(clean(text)), title="a sample", title_align="left"))

    def close(self) -> None:
        """Take the bar away."""
        self.bar.stop()
