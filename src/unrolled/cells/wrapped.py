"""Cells made of any other cell: zoneout and variational dropout rewrite its graph."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from unrolled.errors import MaskTakenError
from unrolled.lang.cell import Cell, Equation
from unrolled.lang.masks import Mask, dropout, zone
from unrolled.lang.names import unused
from unrolled.lang.nodes import Node, in_order

Wrapper: TypeAlias = Callable[[Cell, float], Cell]


def zoneout(cell: Cell, rate: float = 0.1) -> Cell:
    """The cell, with each state unit kept as it was with probability `rate` (Krueger et al. 2017).

    Raises:
        MaskRateError: The rate is not in [0, 1).
        MaskTakenError: The cell has something of these names already.
    """
    masks = {f"d_{name}": zone(rate) for name in cell.state_names}
    _check_free(cell, "zoneout", masks)
    equations = list(cell.equations)
    results: list[Node] = []
    for state, new in zip(cell.states, cell.results, strict=True):
        d = Node("mask", attribute=f"d_{state.label}")
        free = unused(f"{state.label}_new", cell.names)
        equations = [_renamed(equation, state.label, new, free) for equation in equations]
        results.append(d * state + (1 - d) * new)
        equations.append(Equation(state.label, results[-1], "zoned out: sometimes the old value"))
    return replace(
        cell,
        name=f"zoneout_{cell.name}",
        doc=f"{cell.doc}\n\nWith zoneout of its states.",
        equations=tuple(equations),
        results=tuple(results),
        masks={**cell.masks, **masks},
        again=_again(zoneout, cell, rate),
    )


def variational(cell: Cell, rate: float = 0.25) -> Cell:
    """The cell, with x and each state dropped before every product (Gal & Ghahramani 2016).

    One mask serves a whole sequence. Only what the products read is masked.

    Raises:
        MaskRateError: The rate is not in [0, 1).
        MaskTakenError: The cell has something of these names already.
    """
    leaves = (cell.input, *cell.states)
    masked = {leaf: Node("mask", attribute=f"m_{leaf.label}") * leaf for leaf in leaves}
    copies = _masked_in_products(cell, masked)
    used = set(in_order(copies[node] for node in cell.nodes))
    masks: Mapping[str, Mask] = {
        f"m_{leaf.label}": dropout(rate, per="sequence") for leaf in leaves if masked[leaf] in used
    }
    _check_free(cell, "variational", masks)
    return replace(
        cell,
        name=f"variational_{cell.name}",
        doc=f"{cell.doc}\n\nWith variational dropout of what its products read.",
        equations=tuple(replace(e, value=copies[e.value]) for e in cell.equations),
        results=tuple(copies[result] for result in cell.results),
        masks={**cell.masks, **masks},
        again=_again(variational, cell, rate),
    )


WRAPPERS: dict[str, Wrapper] = {
    "zoneout": zoneout,
    "variational": variational,
}


def _renamed(equation: Equation, state: str, new: Node, free: str) -> Equation:
    """The equation that bound a state's new value, under a name that leaves the state's free."""
    bound = equation.name == state and equation.value is new
    return replace(equation, name=free) if bound else equation


def _check_free(cell: Cell, wrapper: str, names: Iterable[str]) -> None:
    taken = [name for name in names if name in cell.names]
    if taken:
        facts = {"names": ", ".join(names), "taken": ", ".join(taken)}
        raise MaskTakenError(cell=cell.name, wrapper=wrapper, **facts)


def _again(wrapper: Wrapper, cell: Cell, rate: float) -> Callable[..., Cell]:
    """Makes the wrapped cell anew: with another rate, or other parameters of the cell inside."""

    def again(rate: float = rate, **changed: float | Mask) -> Cell:
        return wrapper(cell(**changed), rate)

    return again


def _masked_in_products(cell: Cell, masked: Mapping[Node, Node]) -> dict[Node, Node]:
    """Each node's copy in which products read masked leaves.

    A leaf is masked where it stands in a product's own operand; a value that has a name of its own
    is read as it is.
    """
    named = {equation.value for equation in cell.equations}
    outside: dict[Node, Node] = {}
    inside: dict[Node, Node] = {}  # what a product reads in place of a node
    for node in cell.nodes:
        read = [inside[argument] for argument in node.args]
        kept = [outside[argument] for argument in node.args]
        outside[node] = _copy(node, read if node.op == "product" else kept)
        whole = node.op == "product" or node in named
        same = whole or all(a is b for a, b in zip(read, kept, strict=True))
        inside[node] = masked.get(node) or (outside[node] if same else _copy(node, read))
    return outside


def _copy(node: Node, args: list[Node]) -> Node:
    """The node with other operands; itself if they are the same."""
    same = all(new is old for new, old in zip(args, node.args, strict=True))
    return node if same else replace(node, args=tuple(args))
