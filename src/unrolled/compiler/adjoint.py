"""The backward of one step: the graph that carries gradients from its results to what it read.

Gradients come in by `carried` leaves (from the step after) and `incoming` ones (from outside), and
leave as results (to the step before), as gradients of products (from which weights get theirs, all
steps at once), of leaves (per step) and of vectors (summed over steps).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from unrolled.compiler.derivatives import DERIVATIVES
from unrolled.compiler.step import Graph, Group, Step
from unrolled.lang.forms import ONE, Form, add
from unrolled.lang.nodes import Node, in_order, lift

OUTPUT = "*"
FIXED = ("matrix", "constant", "extent", "mask")
"""Leaves that nothing flows into."""


@dataclass(frozen=True, eq=False)
class Adjoint:
    """What the backward of a step takes and gives; all nodes are of the step's graph."""

    step: Step
    carried: tuple[Node, ...]
    incoming: Mapping[str, Node]
    """By the name of what is recorded; the output's is `OUTPUT`."""
    results: tuple[Node, ...]
    """The gradient of each state before the step."""
    products: Mapping[Group, tuple[Node, ...]]
    leaves: Mapping[Node, Node]
    """Of x and of what was given for each step."""
    vectors: Mapping[Node, Node]
    gradients: Mapping[Node, Node]
    """Of every value of the step, for those who want to name or to record them."""

    def roots(self) -> Iterator[Node]:
        """All that the backward computes."""
        yield from self.results
        for gradients in self.products.values():
            yield from gradients
        yield from (*self.leaves.values(), *self.vectors.values(), *self.watched.values())

    @property
    def watched(self) -> dict[str, Node]:
        """The gradient of each watched value into which anything flows."""
        known = self.gradients
        return {name: known[n] for name, n in self.step.watched.items() if n in known}


def adjoint_of(step: Step) -> Adjoint:
    """Differentiate a step in reverse."""
    return _Reverse(step).adjoint()


class _Reverse:
    """Walks a step's nodes backwards and adds up what flows into each."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.graph: Graph = step.graph
        self.flows: dict[Node, list[Node]] = {}
        self.parts: dict[Node, dict[tuple[int, int], list[Node]]] = {}
        self.gradients: dict[Node, Node] = {}
        self.phases = dict.fromkeys(step.nodes, 0)  # by then the forward is done
        self.zero = self.graph.adopt(lift(0.0))
        self.by_operand: dict[Node, list[Group]] = {}
        for group in step.groups:
            if not group.early:
                self.by_operand.setdefault(group.operand, []).append(group)

    def adjoint(self) -> Adjoint:
        step = self.step
        carried = tuple(
            self.graph.node("carried", (), s.label, width=self.graph.widths[s]) for s in step.states
        )
        incoming = {
            name: self.graph.node("incoming", (), name, width=self.graph.widths[node])
            for name, node in {OUTPUT: step.states[0], **step.recorded}.items()
        }
        for result, leaf in zip(step.results, carried, strict=True):
            self._flow(result, leaf)
        for name, leaf in incoming.items():
            self._flow(step.results[0] if name == OUTPUT else step.recorded[name], leaf)
        for node in reversed(step.nodes):
            self._visit(node)
        return Adjoint(
            step,
            carried,
            incoming,
            tuple(self.gradients.get(state, self.zero) for state in step.states),
            {group: tuple(map(self._of_product, group.products)) for group in step.groups},
            self._of_leaves("input", "given"),
            self._of_leaves("vector"),
            self.gradients,
        )

    def _of_leaves(self, *ops: str) -> dict[Node, Node]:
        return {
            n: self.gradients[n] for n in self.step.nodes if n.op in ops and n in self.gradients
        }

    def _of_product(self, product: Node) -> Node:
        return self.gradients.get(product, self.zero)

    def _visit(self, node: Node) -> None:
        if node.op in FIXED:
            return
        gradient = self._collected(node)
        if gradient is None:
            return
        self.gradients[node] = gradient
        if node.op in DERIVATIVES:
            for argument, flow in zip(node.args, DERIVATIVES[node.op](node, gradient), strict=True):
                if flow is not None and argument.op not in FIXED:
                    self._flow(argument, self.graph.adopt(flow), over=self.graph.widths[node])
        elif node.op == "part":
            of_whole = self.parts.setdefault(node.args[0], {})
            of_whole.setdefault(self.graph.cuts[node], []).append(gradient)
        elif node.op == "concat":
            self._flow_to_parts(node, gradient)
        elif node.op in ("sum", "wide", "total"):
            for argument in node.args:
                self._flow(argument, gradient)

    def _flow(self, node: Node, gradient: Node, over: Form = ONE) -> None:
        """Add to a node's gradient; one number a row takes the sum of what comes from a vector."""
        graph = self.graph
        if graph.is_scalar(node) and not graph.is_scalar(gradient):
            gradient = graph.summed(gradient)
        elif graph.is_scalar(node) and over != ONE:
            gradient = graph.adopt(gradient * graph.extent(over))
        self.flows.setdefault(node, []).append(gradient)

    def _flow_to_parts(self, node: Node, gradient: Node) -> None:
        """The parts of a concatenation's gradient; a number's is the same in all of them."""
        start: Form = {}
        for argument in node.args:
            width = self.graph.widths[argument]
            part = gradient
            if not self.graph.is_scalar(gradient):
                part = self.graph.part(gradient, start, width)
            if argument.op != "constant":
                self.flows.setdefault(argument, []).append(part)
            start = add(start, width)

    def _collected(self, node: Node) -> Node | None:
        """Everything that flows into a node, products last, onto the sum of the rest."""
        flows = [*self.flows.get(node, []), *self._joined(node)]
        rest = flows[0] if flows else None
        for flow in flows[1:]:
            assert rest is not None
            rest = self.graph.adopt(rest + flow)
        backs = [b for group in self.by_operand.get(node, []) if (b := self._back(group))]
        if not backs:
            return rest
        width = self.graph.widths[node]
        first = min(self._phase(back) for back in backs)
        if rest is None or self._phase(rest) < first:
            terms = backs if rest is None else [rest, *backs]
            return self.graph.node("total", terms, width=width)
        return self.graph.adopt(self.graph.node("total", backs, width=width) + rest)

    def _back(self, group: Group) -> Node | None:
        gradients = tuple(map(self._of_product, group.products))
        if all(gradient is self.zero for gradient in gradients):
            return None
        width = self.graph.widths[group.operand]
        return self.graph.node("back", gradients, group.name, width=width)

    def _joined(self, node: Node) -> list[Node]:
        """The gradients of a vector's parts, side by side."""
        joined: list[Node] = []
        by_count: dict[int, dict[int, list[Node]]] = {}
        for (index, count), gradients in self.parts.get(node, {}).items():
            by_count.setdefault(count, {})[index] = gradients
        for count, by_index in by_count.items():
            width = {n: times / count for n, times in self.graph.widths[node].items()}
            pieces: list[Node] = []
            for index in range(count):
                piece: Node | None = None
                for gradient in by_index.get(index, []):
                    piece = gradient if piece is None else self.graph.adopt(piece + gradient)
                pieces.append(self.graph.wide(piece or self.zero, width))
            joined.append(self.graph.node("concat", pieces, width=self.graph.widths[node]))
        return joined

    def _phase(self, node: Node) -> int:
        """How many products, one after the other, lie before a value."""
        for other in in_order([node], known=self.phases):
            before = max((self.phases[argument] for argument in other.args), default=0)
            self.phases[other] = before + (other.op in ("product", "back"))
        return self.phases[node]
