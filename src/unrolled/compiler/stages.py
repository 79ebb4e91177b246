"""Which values can be computed for all time steps at once, before the recurrence starts."""

from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node


def recurrent_nodes(cell: Cell) -> frozenset[Node]:
    """The nodes that depend on a state; everything else is input-only."""
    found: set[Node] = set()
    for node in cell.nodes:
        if node.op == "state" or any(argument in found for argument in node.args):
            found.add(node)
    return frozenset(found | set(cell.states))


def timed_nodes(cell: Cell, *, stepped_masks: bool) -> frozenset[Node]:
    """The nodes that differ from step to step: those that depend on x, a state or a step's mask."""
    found: set[Node] = set()
    for node in cell.nodes:
        per_step = node.op == "mask" and stepped_masks and cell.masks[node.label].per == "step"
        inputs = node.op in ("input", "state") or per_step
        if inputs or any(argument in found for argument in node.args):
            found.add(node)
    return frozenset(found | {cell.input, *cell.states})
