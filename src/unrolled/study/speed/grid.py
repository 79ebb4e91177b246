"""A table of texts and its three forms: for a terminal, plain where it is piped, Markdown."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Grid:
    """A title, a header, rows of texts, lines below; the columns from `ratios` on are ratios."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    ratios: int = 1


def plain(grid: Grid) -> str:
    """The table in aligned columns, the first to the left."""
    lines = [grid.header, *grid.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    body: list[str] = []
    for first, *others in lines:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        body.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join([grid.title, *body, *(f"  {note}" for note in grid.notes)])


def markdown(grid: Grid) -> str:
    """The table in Markdown."""
    rule = ("---", *("---:" for _ in grid.header[1:]))
    body = ["| " + " | ".join(line) + " |" for line in (grid.header, rule, *grid.rows)]
    notes = ["", *(f"- {note}" for note in grid.notes)] if grid.notes else []
    return "\n".join([f"**{grid.title}**", "", *body, *notes])


def show(grid: Grid, stream: TextIO) -> None:
    """Draw the table on a terminal, ratios below 1 in red; print it plainly anywhere else.

    A terminal that is too narrow gets no medians; one that is still too narrow breaks the lines.
    """
    if not stream.isatty():
        print(plain(grid), file=stream, end="\n\n", flush=True)
        return
    from rich.console import Console  # only where it is shown

    console = Console(file=stream)
    fitting = grid if _width(grid) <= console.width else _without_brackets(grid)
    if _width(fitting) <= console.width:
        console.print(_table(fitting))
    else:
        console.print(plain(replace(fitting, notes=())), markup=False, highlight=False)
    for note in grid.notes:
        console.print(f"  {note}", style="dim", markup=False, highlight=False)
    console.print()


def _width(grid: Grid) -> int:
    columns = zip(grid.header, *grid.rows, strict=True)
    return sum(max(map(len, column)) + 2 for column in columns)


def _without_brackets(grid: Grid) -> Grid:
    rows = tuple(tuple(text.partition(" (")[0] for text in row) for row in grid.rows)
    return replace(grid, rows=rows)


def _table(grid: Grid) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=grid.title, title_justify="left", title_style="bold", box=None)
    for number, name in enumerate(grid.header):
        table.add_column(Text(name), justify="right" if number else "left", no_wrap=True)
    for row in grid.rows:
        styles = [_style(text, number >= grid.ratios) for number, text in enumerate(row)]
        table.add_row(*map(Text, row, styles))
    return table


def _style(text: str, is_ratio: bool) -> str:
    """The colour of a cell: a word such as "wrong" counts as a ratio below 1."""
    if not is_ratio or text in ("", "-"):
        return ""
    first = text.split()[0]
    return "green" if first[0].isdigit() and float(first) >= 1 else "red"
