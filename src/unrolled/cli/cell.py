"""`unrolled cell [NAME]`: the gallery, or one cell as equations, LaTeX and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tyro.conf import Positional

from unrolled.cells import GALLERY, find_cell
from unrolled.cli.arguments import parse
from unrolled.compiler.emit_c import emit
from unrolled.compiler.explanation import explain
from unrolled.compiler.layout import layout_of
from unrolled.compiler.plan import plan_of
from unrolled.lang.cell import Cell
from unrolled.lang.forms import show_form
from unrolled.lang.tex import tex
from unrolled.lang.text import listing


@dataclass(frozen=True)
class CellCommand:
    """The recurrent cells."""

    name: Positional[str | None] = None
    """A name of the gallery, rhn:3, gru+zoneout:0.1, or FILE.py:name; without it, all are
    listed."""

    latex: bool = False
    """Print the LaTeX alone, to be piped into a document."""

    source: Literal["c"] | None = None
    """Print the generated code alone: c."""


def run(given: Sequence[str]) -> int:
    """Print the gallery, or one cell.

    Args:
        given: What was typed after the verb.
    """
    about = "List the recurrent cells, or print one: equations, LaTeX, parameters."
    wanted = parse(CellCommand, given, prog="unrolled cell", about=about)
    if wanted.name is None:
        _print_gallery()
    elif wanted.source:
        print(emit(plan_of(find_cell(wanted.name), masks=False)), end="")
    elif wanted.latex:
        print(tex(find_cell(wanted.name)))
    else:
        _print_cell(find_cell(wanted.name))
    return 0


def _print_gallery() -> None:
    width = max(map(len, GALLERY))
    print(f"{'name':{width}}  {'family':<12} {'states':<14} {'parameters':<19} paper")
    for name, row in GALLERY.items():
        states = ", ".join(row.cell.state_names)
        count = _count(row.cell)
        print(f"{name:{width}}  {row.family:<12} {states:<14} {count:<19} {row.paper}")
    print("\nunrolled cell NAME prints one; FILE.py:name is a cell of your own.")


def _print_cell(cell: Cell) -> None:
    print(f"{cell.name}: {cell.doc}\n")
    print(listing(cell))
    print(f"\nstates: {', '.join(cell.state_names)} (the first is the output)")
    for name, mask in cell.masks.items():
        print(f"mask {name}: {mask.kind}, rate {mask.rate}, one per {mask.per}")
    print(f"\n{tex(cell)}\n")
    _print_parameters(cell)
    print(f"\nwhat its C does (unrolled cell {cell.name} --source c prints it):")
    print(explain(plan_of(cell, masks=False)))


def _print_parameters(cell: Cell) -> None:
    layout = layout_of(cell)
    print(f"{'parameter':<12} {'shape':<12} stored in")
    for stack in layout.stacks:
        for name in stack.matrices:
            rows, columns = map(show_form, layout.widths.matrices[name])
            print(f"{name:<12} {f'{rows} x {columns}':<12} weight_{stack.key}")
    forms = {node.label: layout.widths.of[node] for node in cell.leaves("vector")}
    for family, kind in (("b", "bias"), ("p", "vector")):
        for name in layout.labels(family):
            print(f"{name:<12} {show_form(forms[name]):<12} {kind}")
    starts = "".join(f"{name} = {value:g}, " for name, value in cell.init.items())
    print(f"\nin all: {_count(cell)}; start: {starts}{'the rest ' if starts else ''}uniform")


def _count(cell: Cell) -> str:
    """The number of parameters as a formula in X and H (in H alone where the cell needs X = H)."""
    layout = layout_of(cell)
    square = any(set(constraint.form) == {"H", "X"} for constraint in layout.widths.constraints)
    totals: dict[str, int] = {}
    shapes = [*layout.widths.matrices.values()]
    shapes += [(layout.widths.of[node], {"": 1}) for node in cell.leaves("vector")]
    for rows, columns in shapes:
        for row, times in rows.items():
            for column, more in columns.items():
                key = "".join(sorted(row + column))
                key = key.replace("X", "H") if square else key
                totals[key] = totals.get(key, 0) + int(times * more)
    ordered = sorted(totals.items(), key=lambda item: (-len(item[0]), item[0]))
    return " + ".join(f"{times if times > 1 else ''}{_power(key)}" for key, times in ordered)


def _power(key: str) -> str:
    return f"{key[0]}^2" if len(set(key)) < len(key) else key
