"""What a cell's graph is made of: immutable nodes that remember the line they came from."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Attribute: TypeAlias = str | float | tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the user's file a node was written; `column` counts from 1.

    `text` is the line, or a piece of a long one, from the column `start` (which counts from 0) on.
    """

    file: str
    line: int
    column: int
    text: str
    start: int = 0

    def quote(self) -> str:
        """The place and its line, with a caret under the column."""
        caret = " " * (self.column - 1 - self.start) + "^"
        return f"{self.file}:{self.line}:{self.column}\n    {self.text}\n    {caret}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Node:
    """One value of the graph: an operation, its operands, and at most one attribute.

    The attribute is a leaf's name (`"x"`, `"W.xi"`), a constant's value, or the (index, count) of
    a slice. Nodes are compared and hashed by identity. Operators build new nodes, so that graph
    code reads as the equations do.
    """

    op: str
    args: "tuple[Node, ...]" = ()
    attribute: Attribute = None
    place: Place | None = None

    def __repr__(self) -> str:
        shown = "" if self.attribute is None else f" {self.attribute}"
        return f"<{self.op}{shown} of {len(self.args)}>" if self.args else f"<{self.op}{shown}>"

    @property
    def label(self) -> str:
        """The name of a named leaf."""
        assert isinstance(self.attribute, str), self
        return self.attribute

    def __add__(self, other: "Node | float") -> "Node":
        return Node("add", (self, lift(other)))

    def __radd__(self, other: float) -> "Node":
        return Node("add", (lift(other), self))

    def __sub__(self, other: "Node | float") -> "Node":
        return Node("sub", (self, lift(other)))

    def __rsub__(self, other: float) -> "Node":
        return Node("sub", (lift(other), self))

    def __mul__(self, other: "Node | float") -> "Node":
        return Node("mul", (self, lift(other)))

    def __rmul__(self, other: float) -> "Node":
        return Node("mul", (lift(other), self))

    def __truediv__(self, other: "Node | float") -> "Node":
        return Node("div", (self, lift(other)))

    def __neg__(self) -> "Node":
        return Node("neg", (self,))


def lift(value: Node | float) -> Node:
    """The value itself if it is a node, else a constant node."""
    return value if isinstance(value, Node) else Node("constant", attribute=float(value))


def in_order(results: Iterable[Node], known: Container[Node] = ()) -> Iterator[Node]:
    """Every node that the results need, operands first, each once; nothing that is known."""
    seen: set[Node] = set()
    stack = [(node, False) for node in reversed(list(results))]
    while stack:
        node, operands_done = stack.pop()
        if operands_done:
            yield node
        elif node not in seen and node not in known:
            seen.add(node)
            stack.append((node, True))
            stack.extend((argument, False) for argument in reversed(node.args))


def scalars(nodes: Iterable[Node]) -> frozenset[Node]:
    """Of nodes in order, those with one number a row (constants, row means): any width fits."""
    found: set[Node] = set()
    for node in nodes:
        mixes_widths = not node.args or node.op in ("product", "concat", "slice")
        combined = not mixes_widths and all(argument in found for argument in node.args)
        if combined or node.op in ("mean", "var", "constant"):
            found.add(node)
    return frozenset(found)
