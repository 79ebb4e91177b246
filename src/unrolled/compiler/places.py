"""Where the values of a step lie that its loop finds, or leaves, in memory."""

from collections.abc import Iterator, Sequence
from functools import cached_property

from unrolled.compiler.schedule import Buffer, Place, Rows
from unrolled.compiler.step import Group, Step
from unrolled.lang.forms import Form, add
from unrolled.lang.nodes import Node


class Places:
    """The buffers of a step, one for each role, and places in them."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.widths = step.graph.widths
        self.buffers: dict[tuple[str, ...], Buffer] = {}

    def buffer(self, rows: Rows, width: Form, *role: str) -> Buffer:
        """The buffer of a role, made when it is first asked for."""
        if role not in self.buffers:
            self.buffers[role] = Buffer(rows, width, role)
        return self.buffers[role]

    def whole(self, rows: Rows, node: Node, *role: str) -> Place:
        """A buffer as wide as a value."""
        width = self.widths[node]
        return Place(self.buffer(rows, width, *role), width)

    def leaves(self) -> Iterator[tuple[Node, Place]]:
        """Each leaf of the step with its place, and the products of the input with theirs."""
        for node in self.step.nodes:
            if node.op == "input":
                yield node, self.whole("steps", node, "input")
            elif node.op == "state":
                yield node, self.whole("before", node, "before", node.label)
            elif node.op == "mask":
                per_step = self.step.cell.masks[node.label].per == "step"
                yield node, self.whole("steps" if per_step else "batch", node, "mask", node.label)
            elif node.op == "vector":
                yield node, self.in_family(node, "once", "stored")
            elif node.op == "given":
                rows = "once" if self.step.is_settled(node) else "steps"
                yield node, self.whole(rows, node, "given", node.label)
        for group in self.step.groups:
            if group.early:
                yield from self._early(group)

    def after(self) -> list[tuple[Node, Place]]:
        """The new states with their places."""
        return [
            (result, self.whole("steps", state, "state", state.label))
            for state, result in zip(self.step.states, self.step.results, strict=True)
        ]

    def in_family(self, vector: Node, rows: Rows, role: str) -> Place:
        """A vector's place among the biases ("b") or among the other vectors ("p")."""
        family = vector.label[0]
        offsets, whole = self._families[family]
        kind = "bias" if family == "b" else "vector"
        buffer = self.buffer(rows, whole, role, kind)
        return Place(buffer, self.widths[vector], offsets[vector.label])

    def of_group(self, role: str, group: Group) -> list[Place]:
        """A place for each product of a group, side by side."""
        whole: Form = {}
        offsets: list[Form] = []
        for product in group.products:
            offsets.append(whole)
            whole = add(whole, self.widths[product])
        buffer = self.buffer("steps", whole, role, group.name)
        pairs = zip(group.products, offsets, strict=True)
        return [Place(buffer, self.widths[product], offset) for product, offset in pairs]

    def rows_of(self, matrices: Sequence[str]) -> Form:
        """How many rows some matrices have together."""
        total: Form = {}
        for name in matrices:
            total = add(total, self.step.merged(self.step.layout.widths.matrices[name][0]))
        return total

    def rows_above(self, group: Group, member: int) -> Form:
        """How many rows of the stored matrix lie above a member of a group."""
        stored = next(s for s in self.step.layout.stacks if s.key == group.key).matrices
        return self.rows_of(stored[: stored.index(group.matrices[member])])

    def _early(self, group: Group) -> Iterator[tuple[Node, Place]]:
        """An input's products; a total of one of them alone is known before the loop."""
        for product, place in zip(group.products, self.of_group("product", group), strict=True):
            yield product, place
            yield from (
                (n, place) for n in self.step.nodes if n.op == "total" and n.args == (product,)
            )

    @cached_property
    def _families(self) -> dict[str, tuple[dict[str, Form], Form]]:
        """Where each vector begins among the biases and among the others, and how long all are."""
        vectors = {node.label: node for node in self.step.cell.leaves("vector")}
        found: dict[str, tuple[dict[str, Form], Form]] = {}
        for family in "bp":
            offsets: dict[str, Form] = {}
            whole: Form = {}
            for label in self.step.layout.labels(f"{family}."):
                offsets[label] = whole
                width = self.step.layout.widths.of[vectors[label]]
                whole = add(whole, self.step.merged(width))
            found[family] = offsets, whole
        return found
