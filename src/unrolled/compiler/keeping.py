"""What the forward keeps for the backward, and where: bytes against operations.

A value that follows by cheap operations from what is kept anyway (states, inputs) is made again in
the backward, and so is a function of one such value; everything else is kept, if possible in the
place of a sum that nobody reads any more, where it costs no memory.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from unrolled.compiler.adjoint import Adjoint
from unrolled.compiler.schedule import Place, Schedule
from unrolled.compiler.step import WHOLE, Step
from unrolled.lang.forms import show_form
from unrolled.lang.nodes import Node, in_order

CHEAP = frozenset(
    "neg add sub mul div minimum maximum lt le gt ge eq ne where relu abs wide detach".split()
)
LEAVES = frozenset("input state vector mask matrix constant extent given".split())


@dataclass(frozen=True, eq=False)
class Keeping:
    """The choice for one step; `free` are values that stay in memory without being kept."""

    step: Step
    adjoint: Adjoint
    free: frozenset[Node]

    @cached_property
    def needed(self) -> list[Node]:
        """Values of the forward that gradients are made of, operands first."""
        own = set(self.step.nodes)
        roots = list(self.adjoint.roots())
        read = {a for node in in_order(roots, known=own) for a in node.args if a in own}
        read |= {node for node in roots if node in own}
        read |= {group.operand for group in self.step.groups if not group.early}
        return [node for node in self.step.nodes if node in read and node.op not in LEAVES]

    @cached_property
    def kept(self) -> list[Node]:
        """The values to keep, so that all that is needed, or recorded, can be had."""
        kept: set[Node] = set()
        known: dict[Node, bool] = {}
        recorded = {n for n in self.step.recorded.values() if n.args and n not in self.free}
        needed = set(self.needed)
        for node in self.step.nodes:
            known[node] = self._can_be_made(node, kept, known)
            if node in recorded or (node in needed and not known[node]):
                kept.add(node)
                known[node] = True
        return [node for node in self.step.nodes if node in kept]

    def _can_be_made(self, node: Node, kept: set[Node], known: Mapping[Node, bool]) -> bool:
        if node.op in LEAVES or node in self.free or node in kept:
            return True
        if node.op in ("total", "product", "sum") or self.step.graph.is_scalar(node):
            return False
        if node.op in CHEAP or node.op in ("part", "concat"):
            return all(known[argument] for argument in node.args)
        return all(a.op in LEAVES or a in self.free and a.op != "total" for a in node.args)

    def slots(self, first: Schedule) -> dict[Node, Place]:
        """Places for kept values that cost no memory: those of sums that are read no more."""
        barred = {*self.needed, *self.kept, *in_order(self.needed, known=self.kept)}
        found: dict[Node, Place] = {}
        sums = [n for n, place in first.places.items() if n.op == "total" and _stays(place)]
        for node in self.kept:
            if node in sums:
                found[node] = first.places[node]
                continue
            for total in sums:
                if total not in barred and self._dies_at(total, node, first):
                    barred.add(total)
                    found[node] = first.places[total]
                    break
        return found

    def _dies_at(self, total: Node, node: Node, first: Schedule) -> bool:
        """Whether a sum is as wide as a value and read only on the way to it."""
        widths = self.step.graph.widths
        ends = {*self.step.results, *self.step.recorded.values()}
        waiting = list(first.readers.get(total, []))
        if show_form(widths[total]) != show_form(widths[node]) or not waiting or total in ends:
            return False
        while waiting:
            reader = waiting.pop()
            if reader is not node:
                following = first.readers.get(reader, [])
                if reader.op in WHOLE or reader in ends or not following:
                    return False
                waiting += following
        return True


def _stays(place: Place) -> bool:
    """Whether a place is of the input's products, which last the whole sequence."""
    return place.buffer.role[0] == "product"


def names_of(step: Step, nodes: Iterable[Node]) -> dict[Node, str]:
    """A name of its own for each of some values: its equation's, or else a number."""
    found: dict[str, Node] = {}
    seen: Counter[str] = Counter()
    positions = {node: position for position, node in enumerate(step.nodes)}
    for node in nodes:
        equation = step.equations.get(node)
        name = own = equation.name if equation else f"v{positions[node]}"
        while own in found:
            seen[name] += 1
            own = f"{name}_{seen[name] + 1}"
        found[own] = node
    return {node: name for name, node in found.items()}
