"""Paths: cells in which gradients go back in time through one state alone."""

from dataclasses import replace

from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node, in_order


def through(cell: Cell, state: str) -> Cell:
    """The cell, which reads its other states without letting gradients back through them.

    What it computes is the same.

    Args:
        cell: The equations.
        state: The name of the state that stays open.
    """
    cut = {old: Node("detach", (old,)) for old in cell.states if old.label != state}
    copies: dict[Node, Node] = {}
    for node in in_order([*cell.nodes, *cell.states]):
        args = tuple(copies[argument] for argument in node.args)
        same = args == node.args
        copies[node] = cut.get(node, node if same else replace(node, args=args))
    return replace(
        cell,
        equations=tuple(replace(e, value=copies[e.value]) for e in cell.equations),
        results=tuple(copies[result] for result in cell.results),
    )
