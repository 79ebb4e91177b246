"""How parameters are stored: one matrix for each vector that products read, one bias vector.

The matrices that multiply the same vector (x, h, r*h) are row blocks of one stacked matrix, in
order of appearance, so that a step makes few products and an optimizer sees few tensors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node, in_order
from unrolled.lang.widths import Widths, infer

LONGEST_KEY = 6  # words in the name of a stored matrix


@dataclass(frozen=True)
class Stack:
    """The matrices that multiply one vector."""

    key: str
    operand: Node
    matrices: tuple[str, ...]


@dataclass(frozen=True)
class Block:
    """Rows `start` to `stop` of a stored tensor; `kind` is "weight", "bias" or "vector"."""

    kind: str
    key: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Layout:
    """The stored tensors of a cell, by name and shape."""

    cell: Cell
    widths: Widths
    stacks: tuple[Stack, ...]
    structures: Mapping[Node, int]
    """A number for each node, equal for nodes that compute the same."""

    def stack_of(self, product: Node) -> Stack | None:
        """The stack that a product belongs to; None if its matrix is stored with another vector."""
        matrix, operand = product.args
        stack = next(stack for stack in self.stacks if matrix.label in stack.matrices)
        same = self.structures[stack.operand] == self.structures[operand]
        return stack if same else None

    def labels(self, family: str) -> tuple[str, ...]:
        """The names of all biases ("b") or of all other vectors ("p"), in order of appearance."""
        return tuple(n.label for n in self.cell.leaves("vector") if n.label.startswith(family))

    def shapes(self, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
        """Name and shape of each stored tensor: `weight_x`, `weight_h`, ..., `bias`, `vector`."""
        blocks = self.blocks(sizes)
        rows = {f"{b.kind}_{b.key}" if b.key else b.kind: b.stop for b in blocks.values()}
        columns = {
            f"weight_{stack.key}": self.widths.shape(stack.matrices[0], sizes)[1]
            for stack in self.stacks
        }
        return {
            name: (count, columns[name]) if name in columns else (count,)
            for name, count in rows.items()
        }

    def blocks(self, sizes: Mapping[str, int]) -> dict[str, Block]:
        """Where each parameter of the equations lies: "W.xi" -> its rows of its stack."""
        numbers = self.widths.resolve(sizes)
        found: dict[str, Block] = {}
        for stack in self.stacks:
            rows = [(name, self.widths.shape(name, sizes)[0]) for name in stack.matrices]
            found |= _consecutive("weight", stack.key, rows)
        lengths = {node.label: numbers[node] for node in self.cell.leaves("vector")}
        for kind, family in (("bias", "b."), ("vector", "p.")):
            rows = [(name, lengths[name]) for name in self.labels(family)]
            found |= _consecutive(kind, "", rows)
        return found


def layout_of(cell: Cell) -> Layout:
    """The layout of a cell's parameters.

    Raises:
        WidthError: The widths of the equations cannot agree.
    """
    structures = _structures(cell)
    by_structure: dict[int, tuple[Node, list[str]]] = {}
    placed: set[str] = set()
    for product in cell.products:
        matrix, operand = product.args
        _, names = by_structure.setdefault(structures[operand], (operand, []))
        if matrix.label not in placed:
            placed.add(matrix.label)
            names.append(matrix.label)
    used = [(operand, names) for operand, names in by_structure.values() if names]
    keys = _keys(cell, [operand for operand, _ in used])
    stacks = tuple(
        Stack(key, operand, tuple(names)) for key, (operand, names) in zip(keys, used, strict=True)
    )
    return Layout(cell, infer(cell), stacks, structures)


def _consecutive(kind: str, key: str, rows: list[tuple[str, int]]) -> dict[str, Block]:
    found: dict[str, Block] = {}
    start = 0
    for name, count in rows:
        found[name] = Block(kind, key, start, start + count)
        start += count
    return found


def _structures(cell: Cell) -> dict[Node, int]:
    """A number for each node, equal for nodes that compute the same from the same leaves."""
    numbers: dict[tuple[object, ...], int] = {}
    found: dict[Node, int] = {}
    for node in in_order(cell.nodes):
        structure = (node.op, node.attribute, *(found[argument] for argument in node.args))
        found[node] = numbers.setdefault(structure, len(numbers))
    return found


def _keys(cell: Cell, operands: list[Node]) -> list[str]:
    """A short name for each operand: its leaf, its equation's name, or the leaves it is made of."""
    named = {e.value: e.name for e in cell.equations if e.value.args}
    keys: list[str] = []
    for operand in operands:
        key = _spelled(operand, named)
        numbered = (f"{key}_{count}" for count in range(2, len(operands) + 2))
        keys.append(key if key not in keys else next(k for k in numbered if k not in keys))
    return keys


def _spelled(operand: Node, named: Mapping[Node, str]) -> str:
    """What an operand is made of, in a few words: `r_h`, `o_tanh_c`; else just "operand"."""
    words: list[str] = []
    stack = [operand]
    while stack and len(words) <= LONGEST_KEY:
        node = stack.pop()
        if node in named:
            words.append(named[node])
        elif not node.args:
            words.append(re.sub(r"\W", "", str(node.attribute)))
        else:
            words += [node.op] * (node.op != "mul")
            stack += reversed(node.args)
    return "_".join(words) if len(words) <= LONGEST_KEY else "operand"
