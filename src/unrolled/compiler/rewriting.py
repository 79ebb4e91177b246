"""Cells whose named values are changed wherever they are read; equal values are one value."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from unrolled.compiler.layout import layout_of
from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node, in_order


def rewritten(cell: Cell, changes: Mapping[str, Callable[[Node], Node]]) -> Cell:
    """The cell with something else in place of some values.

    Args:
        cell: The equations.
        changes: By the name of an equation, what makes the new value of the old one.

    Raises:
        WidthError: The widths of the equations cannot agree.
    """
    structures = layout_of(cell).structures
    wanted = [(structures[cell.named[name]], change) for name, change in changes.items()]
    copies: dict[Node, Node] = {}
    for node in in_order(cell.nodes):
        args = tuple(copies[argument] for argument in node.args)
        copies[node] = node if args == node.args else replace(node, args=args)
        for structure, change in wanted:
            if structure == structures[node]:
                copies[node] = change(copies[node])
    return replace(
        cell,
        equations=tuple(replace(e, value=copies[e.value]) for e in cell.equations),
        results=tuple(copies[result] for result in cell.results),
    )
