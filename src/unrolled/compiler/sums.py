"""Sums whose input-only terms can be added up before the recurrence starts.

In `W.xi @ x + W.hi @ h + b.i` only the middle term depends on a state: the other two are added for
all time steps at once, and the product starts from their sum.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node

IsInner: TypeAlias = Callable[[Node], bool]


@dataclass(frozen=True, eq=False)
class Sum:
    """A sum of both kinds of terms, each in order of appearance."""

    early: tuple[Node, ...]  # depend on no state
    late: tuple[Node, ...]  # depend on one


@dataclass(frozen=True, eq=False)
class Sums:
    """All such sums of a cell by their topmost node, and the additions that they swallow."""

    by_root: dict[Node, Sum]
    swallowed: frozenset[Node]
    uses: Counter[Node]


def inner_sums(cell: Cell, kept: Collection[Node]) -> frozenset[Node]:
    """The additions that are but a term of another one: read once, by it, and not to be kept."""
    uses = Counter(argument for node in cell.nodes for argument in node.args)
    parents = {argument: node for node in cell.nodes for argument in node.args}
    once = (node for node in cell.nodes if node.op == "add" and uses[node] == 1)
    return frozenset(n for n in once if n not in kept and parents[n].op == "add")


def terms_of(root: Node, inner: Collection[Node]) -> Iterator[Node]:
    """The terms of a sum, in order of appearance."""
    for argument in root.args:
        yield from _terms(argument, inner.__contains__)


def sums_of(cell: Cell, recurrent: Collection[Node]) -> Sums:
    """Find the sums; a value that has a name, or that is read twice, is never swallowed."""
    uses = Counter(argument for node in cell.nodes for argument in node.args)
    uses.update(cell.results)
    uses.update(equation.value for equation in cell.equations)
    parents = {argument: node for node in cell.nodes for argument in node.args}
    named = {*cell.results, *(equation.value for equation in cell.equations)}

    def is_inner(node: Node) -> bool:
        once = uses[node] == 1 and node not in named
        return node.op == "add" and once and parents[node].op == "add"

    by_root: dict[Node, Sum] = {}
    swallowed: set[Node] = set()
    for node in cell.nodes:
        if node.op == "add" and node in recurrent and not is_inner(node):
            terms = [term for argument in node.args for term in _terms(argument, is_inner)]
            early = tuple(term for term in terms if term not in recurrent)
            late = tuple(term for term in terms if term in recurrent)
            if early:
                by_root[node] = Sum(early, late)
                swallowed.update(_inside(node, is_inner))
    return Sums(by_root, frozenset(swallowed), uses)


def _terms(node: Node, is_inner: IsInner) -> Iterator[Node]:
    stack = [node]
    while stack:
        top = stack.pop()
        if is_inner(top):
            stack += reversed(top.args)
        else:
            yield top


def _inside(root: Node, is_inner: IsInner) -> Iterator[Node]:
    stack = [argument for argument in root.args if is_inner(argument)]
    while stack:
        top = stack.pop()
        yield top
        stack += [argument for argument in top.args if is_inner(argument)]
