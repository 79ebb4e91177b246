"""Probes: zeros added to named values; what flows back to a probe is the value's gradient."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from unrolled.compiler.layout import Layout
from unrolled.compiler.rewriting import rewritten
from unrolled.lang.cell import Cell
from unrolled.lang.masks import zone
from unrolled.lang.nodes import Node, in_order, scalars

_PROBE = "probe of "


def probes_of(cell: Cell, layout: Layout, names: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """By structure, the names of what is probed there: equal values are one value."""
    found: dict[int, tuple[str, ...]] = {}
    for name in names:
        structure = layout.structures[cell.named[name]]
        found[structure] = (*found.get(structure, ()), name)
    return found


def probe_of(name: str) -> str:
    """What the probe of a value is called among a cell's masks; no equation has such a name."""
    return f"{_PROBE}{name}"


def is_probe(mask: str) -> bool:
    """Whether a mask is a probe."""
    return mask.startswith(_PROBE)


@lru_cache(maxsize=256)
def probed(cell: Cell, names: tuple[str, ...]) -> Cell:
    """The cell with a probe added to some values wherever they are read, each a mask of zeros.

    Raises:
        WidthError: The widths of the equations cannot agree.
    """
    masks = {name: Node("mask", (), probe_of(name)) for name in names}
    changes = {name: partial(_sum, mask) for name, mask in masks.items()}
    zeros = {probe_of(name): zone(0.0) for name in names}
    return replace(rewritten(cell, changes), masks={**cell.masks, **zeros})


def _sum(mask: Node, value: Node) -> Node:
    return value + mask


def can_be_probed(cell: Cell, name: str) -> bool:
    """Whether a value is a vector that anything flows back to, other than the input itself."""
    value = cell.named[name]
    leaves = {node.op for node in in_order([value]) if not node.args}
    fixed = value is cell.input or leaves <= {"constant", "mask"}
    return not fixed and value not in scalars(cell.nodes)
