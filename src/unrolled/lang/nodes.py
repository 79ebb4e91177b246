"""What a cell's graph is made of: immutable nodes that remember the line they came from."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

Attribute: TypeAlias = str | float | tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the user's file a node was written; `column` counts from 1."""

    file: str
    line: int
    column: int
    text: str

    def quote(self) -> str:
        """The place and its line, with a caret under the column."""
        caret = " " * (self.column - 1) + "^"
        return f"{self.file}:{self.line}:{self.column}\n    {self.text}\n    {caret}"


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One value of the graph: an operation, its operands, and at most one attribute.

    The attribute is a leaf's name (`"x"`, `"W.xi"`), a constant's value, or the (index, count) of
    a slice. Nodes are compared and hashed by identity. Operators build new nodes, so that graph
    code reads as the equations do.
    """

    op: str
    args: "tuple[Node, ...]" = ()
    attribute: Attribute = None
    place: Place | None = field(default=None, repr=False)

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


def in_order(results: Iterable[Node]) -> Iterator[Node]:
    """Every node that the results need, operands first, each once."""
    seen: set[Node] = set()
    stack = [(node, False) for node in reversed(list(results))]
    while stack:
        node, operands_done = stack.pop()
        if operands_done:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            stack.extend((argument, False) for argument in reversed(node.args))


def is_scalar(node: Node) -> bool:
    """Whether a value has one number a row (a constant, a row mean) and fits any width."""
    if node.op in ("mean", "var", "constant"):
        return True
    mixes_widths = node.op in ("product", "concat", "slice")
    return bool(node.args) and not mixes_widths and all(map(is_scalar, node.args))
