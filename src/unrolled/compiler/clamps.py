"""Clamps: named values whose units can be held at levels, by two vectors more in the equations."""

from collections.abc import Sequence
from functools import partial

from unrolled.compiler.rewriting import rewritten
from unrolled.lang.cell import Cell
from unrolled.lang.names import unused
from unrolled.lang.nodes import Node


def clamped(cell: Cell, names: Sequence[str]) -> tuple[Cell, dict[str, tuple[str, str]]]:
    """The cell in which each named value v is p.keep_v * v + p.level_v wherever it is read.

    Args:
        cell: The equations.
        names: Of equations.

    Returns:
        That cell, and for each name those of its two vectors: what is kept of it, and its level.

    Raises:
        WidthError: The widths of the equations cannot agree.
    """
    taken = {node.label for node in cell.leaves("vector")}
    vectors: dict[str, tuple[str, str]] = {}
    for name in names:
        keep, level = (unused(f"p.{what}_{name}", taken) for what in ("keep", "level"))
        taken |= {keep, level}
        vectors[name] = keep, level
    changes = {name: partial(_clamp, *of_value) for name, of_value in vectors.items()}
    return rewritten(cell, changes), vectors


def _clamp(keep: str, level: str, value: Node) -> Node:
    return Node("vector", (), keep) * value + Node("vector", (), level)
