"""Cells made of any other cell: zoneout and variational dropout rewrite its graph."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from unrolled.lang.cell import Cell, Equation
from unrolled.lang.masks import Mask, dropout, zone
from unrolled.lang.nodes import Node


def zoneout(cell: Cell, rate: float = 0.1) -> Cell:
    """The cell, with each state unit kept as it was with probability `rate` (Krueger et al. 2017).

    Raises:
        MaskRateError: The rate is not in [0, 1).
    """
    masks = {f"d_{name}": zone(rate) for name in cell.state_names}
    equations = list(cell.equations)
    results: list[Node] = []
    for state, new in zip(cell.states, cell.results, strict=True):
        d = Node("mask", attribute=f"d_{state.label}")
        equations = [_renamed(equation, state.label, new) for equation in equations]
        results.append(d * state + (1 - d) * new)
        equations.append(Equation(state.label, results[-1], "zoned out: sometimes the old value"))
    return replace(
        cell,
        name=f"zoneout_{cell.name}",
        doc=f"{cell.doc}\n\nWith zoneout of its states.",
        equations=tuple(equations),
        results=tuple(results),
        masks={**cell.masks, **masks},
        again=lambda rate=rate: zoneout(cell, rate),
    )


def variational(cell: Cell, rate: float = 0.25) -> Cell:
    """The cell, with x and each state dropped before every product (Gal & Ghahramani 2016).

    One mask serves a whole sequence. Only what the products read is masked.

    Raises:
        MaskRateError: The rate is not in [0, 1).
    """
    leaves = (cell.input, *cell.states)
    masked = {leaf: Node("mask", attribute=f"m_{leaf.label}") * leaf for leaf in leaves}
    rewrite = _Rewriter(masked).outside
    equations = tuple(replace(e, value=rewrite(e.value)) for e in cell.equations)
    masks: Mapping[str, Mask] = {
        f"m_{leaf.label}": dropout(rate, per="sequence")
        for leaf in leaves
        if any(_reads(product.args[1], leaf) for product in cell.products)
    }
    return replace(
        cell,
        name=f"variational_{cell.name}",
        doc=f"{cell.doc}\n\nWith variational dropout of what its products read.",
        equations=equations,
        results=tuple(rewrite(result) for result in cell.results),
        masks={**cell.masks, **masks},
        again=lambda rate=rate: variational(cell, rate),
    )


WRAPPERS: dict[str, Callable[[Cell, float], Cell]] = {
    "zoneout": zoneout,
    "variational": variational,
}


def _renamed(equation: Equation, state: str, new: Node) -> Equation:
    """The equation that bound a state's new value, under a name that leaves the state's free."""
    bound = equation.name == state and equation.value is new
    return replace(equation, name=f"{state}_new") if bound else equation


def _reads(node: Node, leaf: Node) -> bool:
    """Whether a product's operand reads the leaf itself, other than through another product."""
    return node is leaf or (node.op != "product" and any(_reads(a, leaf) for a in node.args))


class _Rewriter:
    """Copies a graph; inside the operands of products, leaves become their masked selves."""

    def __init__(self, masked: Mapping[Node, Node]) -> None:
        self.masked = masked
        self.done: dict[tuple[Node, bool], Node] = {}

    def outside(self, node: Node) -> Node:
        """The node's copy where no product reads it."""
        return self._copy(node, within=False)

    def _copy(self, node: Node, *, within: bool) -> Node:
        within = within and any(_reads(node, leaf) for leaf in self.masked)
        if within and node in self.masked:
            return self.masked[node]
        if (node, within) not in self.done:
            below = node.op == "product" or within
            args = tuple(self._copy(argument, within=below) for argument in node.args)
            unchanged = all(new is old for new, old in zip(args, node.args, strict=True))
            self.done[node, within] = node if unchanged else replace(node, args=args)
        return self.done[node, within]
