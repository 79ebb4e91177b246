"""The plan of a compiled cell: its forward and its backward step, and what passes between them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from unrolled.compiler.adjoint import Adjoint, adjoint_of
from unrolled.compiler.keeping import Keeping, names_of
from unrolled.compiler.loops import Loop, Outer, loop_of
from unrolled.compiler.places import Places
from unrolled.compiler.schedule import Buffer, Call, Place, Wanted, schedule
from unrolled.compiler.step import Group, Step, step_of
from unrolled.lang.cell import Cell
from unrolled.lang.forms import show_form
from unrolled.lang.nodes import Node

Stores: TypeAlias = list[tuple[Node, Place]]


@dataclass(frozen=True, eq=False)
class Plan:
    """All that the emitter and the runtime must know of a compiled cell."""

    step: Step
    adjoint: Adjoint
    forward: Loop
    backward: Loop
    leaves: Mapping[Node, Place]
    """Where what a step reads lies: inputs, states, vectors, products of the input."""
    kept: Mapping[Node, Place]
    """What the forward leaves for the backward, new states included."""
    remade: tuple[Node, ...]
    """What the backward needs and makes again."""
    recorded: Mapping[str, Place]
    gradients: Mapping[str, Place]
    """Where the backward leaves the gradients of each group's products."""
    symbols: tuple[str, ...]
    """The width symbols whose sizes the loops read."""

    @property
    def reads_input(self) -> bool:
        """Whether a step reads its input itself, beside products of it."""
        return any(leaf.op == "input" for leaf in self.leaves) and any(
            argument.op == "input"
            for node in self.step.nodes
            if node.op != "product"
            for argument in node.args
        )


@lru_cache(maxsize=256)
def plan_of(
    cell: Cell, *, masks: bool, record: tuple[str, ...] = (), watch: tuple[str, ...] = ()
) -> Plan:
    """The plan of a cell.

    Args:
        cell: The equations.
        masks: Whether its masks are random inputs; else each is its expectation.
        record: Names of the equations whose values are wanted for all steps.
        watch: Names of the equations whose gradients are wanted for all steps.

    Raises:
        WidthError: The widths of the equations cannot agree.
    """
    step = step_of(cell, masks=masks, record=record, watch=watch)
    return _Planner(step, adjoint_of(step)).plan()


class _Planner:
    def __init__(self, step: Step, adjoint: Adjoint) -> None:
        self.step = step
        self.adjoint = adjoint
        self.places = Places(step)
        self.leaves = dict(self.places.leaves())
        self.after = self.places.after()
        widths = self.places.widths
        self.whole = {n: p for n, p in self.after if n.args and p.width == widths[n]}
        early = {node for node in self.leaves if node.op == "total"}
        self.early = [group for group in step.groups if group.early]
        self.keeping = Keeping(step, adjoint, frozenset({*self.whole, *early}))

    def plan(self) -> Plan:
        kept = self._kept_places()
        forward = self._forward(kept)
        gradients, stores, adds = self._gradients()
        backward = self._backward(kept, gradients, stores, adds)
        symbols = {name for form in self.places.widths.values() for name in form if name}
        recorded = {name: self._recorded_place(n, kept) for name, n in self.step.recorded.items()}
        everything = {**self.whole, **kept}
        free = {*everything, *self.leaves}
        remade = tuple(node for node in self.keeping.needed if node not in free)
        return Plan(
            self.step, self.adjoint, forward, backward, self.leaves, everything, remade, recorded,
            gradients, tuple(sorted(symbols)),
        )  # fmt: skip

    def _wanted(self, stores: Stores) -> Wanted:
        hints = list(self.step.equations)
        groups = self.step.groups
        return Wanted(self.step.graph, self.leaves, stores, [], groups, hints, {})

    def _kept_places(self) -> dict[Node, Place]:
        """Where kept values lie: in slots that cost nothing, or in buffers of their own."""
        recorded = [
            (node, self.places.whole("steps", node, "recorded", name))
            for name, node in self.step.recorded.items()
        ]
        slots = self.keeping.slots(schedule(self._wanted([*self.after, *recorded])))
        names = names_of(self.step, self.keeping.kept)
        return {
            node: slots.get(node) or self.places.whole("steps", node, "kept", names[node])
            for node in self.keeping.kept
        }

    def _recorded_place(self, node: Node, kept: Mapping[Node, Place]) -> Place:
        name = next(name for name, value in self.step.recorded.items() if value is node)
        return (
            self.whole.get(node)
            or kept.get(node)
            or self.places.whole("steps", node, "recorded", name)
        )

    def _forward(self, kept: Mapping[Node, Place]) -> Loop:
        stores = list(self.after)
        stores += [(node, place) for node, place in kept.items() if not self._is_there(node, place)]
        for node in self.step.recorded.values():
            place = self._recorded_place(node, kept)
            if place.buffer.role[0] == "recorded":
                stores.append((node, place))
        ends: list[Buffer] = []
        for state in self.step.states:
            ends += [self.places.whole("steps", state, "state", state.label).buffer]
            ends += [self.places.whole("batch", state, "last", state.label).buffer]
        ahead = [
            Call(g, 0, len(g.products), False, self.leaves[g.operand], self._together(g), False)
            for g in self.early
        ]
        return loop_of(schedule(self._wanted(stores)), self.places, ends, ahead=ahead)

    def _together(self, group: Group) -> Place:
        """Where all products of an early group lie, side by side."""
        buffer = self.places.of_group("product", group)[0].buffer
        return Place(buffer, buffer.width)

    def _is_there(self, node: Node, place: Place) -> bool:
        """Whether a total that is kept already lies in its place, among the input's products."""
        return node.op == "total" and place.buffer.role[0] == "product"

    def _gradients(self) -> tuple[dict[str, Place], Stores, Stores]:
        """Where gradients of products lie, and all that the backward stores or adds up."""
        stores: Stores = [
            (result, self.places.whole("batch", state, "next", state.label))
            for state, result in zip(self.step.states, self.adjoint.results, strict=True)
        ]
        found: dict[str, Place] = {}
        shared: dict[object, Group] = {}
        for group, nodes in self.adjoint.products.items():
            widths = tuple(show_form(self.places.widths[product]) for product in group.products)
            first = shared.setdefault((nodes, widths), group)
            places = self.places.of_group("gradient", first)
            found[group.name] = Place(places[0].buffer, places[0].buffer.width)
            stores += zip(nodes, places, strict=True) if first is group else []
        adds: Stores = []
        for leaf, node in self.adjoint.leaves.items():
            if leaf.op == "given" and self.step.is_settled(leaf):
                adds.append((node, self.places.whole("slice", leaf, "sum", leaf.label)))
            else:
                stores.append((node, self.places.whole("steps", leaf, "gradient_of", leaf.label)))
        for leaf, node in self.adjoint.vectors.items():
            adds.append((node, self.places.in_family(leaf, "slice", "sum")))
        for name, node in self.adjoint.watched.items():
            stores.append((node, self.places.whole("steps", self.step.watched[name], "flow", name)))
        return found, stores, adds

    def _backward(
        self,
        kept: Mapping[Node, Place],
        gradients: Mapping[str, Place],
        stores: Stores,
        adds: Stores,
    ) -> Loop:
        taken = {id(place) for place in kept.values()}
        resident = {n: p for n, p in self.leaves.items() if n.op != "total" or id(p) not in taken}
        resident |= {**self.whole, **kept}
        ends: list[Buffer] = []
        for leaf in self.adjoint.carried:
            resident[leaf] = self.places.whole("batch", leaf, "carried", leaf.label)
            ends += [
                resident[leaf].buffer,
                self.places.whole("batch", leaf, "next", leaf.label).buffer,
            ]
        for name, leaf in self.adjoint.incoming.items():
            resident[leaf] = self.places.whole("steps", leaf, "incoming", name)
        for group in self.step.groups:
            if not group.early and group.operand not in resident:
                place = self.places.whole("steps", group.operand, "operand", group.name)
                stores = [*stores, (group.operand, place)]
        known = self.adjoint.gradients
        hints = [known[node] for node in self.step.equations if node in known]
        wanted = Wanted(self.step.graph, resident, stores, adds, self.step.groups, hints, gradients)
        return loop_of(
            schedule(wanted),
            self.places,
            ends,
            behind=list(self._to_inputs(gradients)),
            outers=[self._outer(group, gradients, resident) for group in self.step.groups],
        )

    def _to_inputs(self, gradients: Mapping[str, Place]) -> Iterator[Call]:
        """What flows back through products to what they read, where that depends on no state."""
        begun = set(self.adjoint.leaves)
        for group in self.early:
            leaf = group.operand
            out = self.places.whole("steps", leaf, "gradient_of", leaf.label)
            onto = leaf in begun
            begun.add(leaf)
            yield Call(group, 0, len(group.products), True, gradients[group.name], out, onto)

    def _outer(
        self, group: Group, gradients: Mapping[str, Place], resident: Mapping[Node, Place]
    ) -> Outer:
        places, operand = self.places, group.operand
        buffer = places.buffer("once", {}, "gradient_of_weight", group.key)
        weight = Place(buffer, places.rows_of(group.matrices), places.rows_above(group, 0))
        first, read = None, resident.get(operand)
        if operand.op == "state":
            read = places.whole("steps", operand, "state", operand.label)
            first = places.whole("batch", operand, "first", operand.label).buffer
        read = read or places.whole("steps", operand, "operand", group.name)
        panels = places.buffer("slice", places.widths[operand], "panels", group.name)
        return Outer(group, weight, gradients[group.name], read, first, panels)
