"""Tables as they fill, and on a terminal a bar that says what is being measured."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

from unrolled.study.speed.grid import Grid, markdown, show
from unrolled.study.speed.record import Measurement
from unrolled.study.speed.table import grids, legend, summary

if TYPE_CHECKING:
    from rich.progress import Progress


class Printer:
    """A `with` block that takes measurements and prints a table when its last one has come.

    The bar is on standard error, and only on a terminal; it draws between measurements, so that it
    takes no time from them. Leaving the block prints what is left and the means.
    """

    def __init__(self, *, as_markdown: bool, total: int) -> None:
        """Make it.

        Args:
            as_markdown: The form of the tables.
            total: How many measurements will come.
        """
        self.measured: list[Measurement] = []
        self._waiting: list[Measurement] = []
        self._as_markdown = as_markdown
        self._bar = _bar(total) if sys.stderr.isatty() else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._flush()
        if self._bar is not None:
            self._bar.stop()
        means = summary(self.measured)
        if means is not None:
            self._print(means)
        if self.measured:
            print(legend(self.measured), flush=True)

    def say(self, doing: str) -> None:
        """What is being done."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=doing)
            self._bar.refresh()

    def add(self, measurement: Measurement) -> None:
        """A measurement; those of one cell and thread count come one after the other."""
        if self._waiting and _place(self._waiting[-1]) != _place(measurement):
            self._flush()
        self._waiting.append(measurement)
        self.measured.append(measurement)
        if self._bar is not None:
            self._bar.advance(self._bar.task_ids[0])

    def _flush(self) -> None:
        """Print what waits, with the bar out of the way."""
        if self._bar is not None and self._waiting:
            self._bar.stop()
        for grid in grids(self._waiting):
            self._print(grid)
        if self._bar is not None and self._waiting:
            self._bar.start()
        self._waiting.clear()

    def _print(self, grid: Grid) -> None:
        if self._as_markdown:
            print(markdown(grid), end="\n\n", flush=True)
        else:
            show(grid, sys.stdout)


def _place(measurement: Measurement) -> tuple[str, str, int]:
    return measurement.section, measurement.cell, measurement.threads


def _bar(total: int) -> "Progress":
    from rich.console import Console  # only where it is shown
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        console=Console(file=sys.stderr),
        transient=True,
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    bar.add_task("starting", total=total)
    return bar
