"""One precedence-aware printer; a notation is a table with one row for each operation."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from unrolled.lang.cell import Cell, Equation
from unrolled.lang.names import unused
from unrolled.lang.nodes import Node, in_order

ATOM = 100
LONGEST = 120  # operations in one printed line


@dataclass(frozen=True)
class Row:
    """How an operation is written, how tightly it binds, and how tightly each operand must bind.

    `needs` shorter than the operands repeats its last entry.
    """

    template: str
    binds: int = ATOM
    needs: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Notation:
    """A table of rows, how leaves and numbers are written, and the brackets."""

    rows: Mapping[str, Row]
    leaf: Callable[[Node], str]
    number: Callable[[float], str]
    brackets: str = "({})"
    negative_binds: int = 6


def show(node: Node, notation: Notation, names: Mapping[Node, str]) -> str:
    """A node written out, down to leaves and to the values that have names."""
    return _show(node, notation, names, 0)


def show_briefly(node: Node, notation: Notation, names: Mapping[Node, str]) -> str:
    """The same with `...` for what would make a line too long: it could grow without bound."""
    sizes = dict.fromkeys(names, 1)
    shown = dict(names)
    for part in in_order([node], known=sizes):
        for argument in _too_long(part, sizes):
            shown[argument], sizes[argument] = "...", 1
        sizes[part] = _size(part, sizes)
    return show(node, notation, shown)


def _show(node: Node, notation: Notation, names: Mapping[Node, str], needed: int) -> str:
    if node in names:
        return names[node]
    if node.op == "constant":
        assert isinstance(node.attribute, float)
        negative = math.copysign(1, node.attribute) < 0
        binds = notation.negative_binds if negative else ATOM
        return _bracketed(notation.number(node.attribute), binds, needed, notation)
    row = notation.rows[node.op]
    if not node.args:
        return notation.leaf(node)
    needs = row.needs + row.needs[-1:] * (len(node.args) - len(row.needs))
    operands = [_show(a, notation, names, n) for a, n in zip(node.args, needs, strict=False)]
    if node.op == "concat":
        operands = [", ".join(operands)]
    part = node.attribute if isinstance(node.attribute, tuple) else ()
    text = row.template.format(*operands, *part)
    return _bracketed(text, row.binds, needed, notation)


def _bracketed(text: str, binds: int, needed: int, notation: Notation) -> str:
    return notation.brackets.format(text) if binds < needed else text


def whole_or_short(number: float) -> str:
    """A number without a useless `.0`: `1`, `0.5`, `1e-05`; the negative zero keeps its sign."""
    whole = number.is_integer() and abs(number) < 1e15 and repr(number) != "-0.0"
    return str(int(number)) if whole else repr(number)


def short_equations(cell: Cell) -> list[Equation]:
    """The cell's equations, with lines of their own for values that would make a line too long.

    A graph holds a value once and may read it often, so that a line could grow without bound:
    each word of `square(square(square(v)))` doubles what is written.
    """
    lines: list[Equation] = []
    taken = cell.names
    sizes: dict[Node, int] = {}
    for equation in cell.equations:
        for node in in_order([equation.value], known=sizes):
            for argument in _too_long(node, sizes):
                name = unused(f"part{len(lines) + 1}", taken)
                lines.append(Equation(name, argument))
                sizes[argument] = 1
            sizes[node] = _size(node, sizes)
        lines.append(equation)
        sizes[equation.value] = 1
    return lines


def _size(node: Node, sizes: Mapping[Node, int]) -> int:
    return 1 + sum(sizes[argument] for argument in node.args)


def _too_long(node: Node, sizes: Mapping[Node, int]) -> list[Node]:
    """The operands that must have names before the node fits on a line, the longest first."""
    size = _size(node, sizes)
    found: list[Node] = []
    for argument in sorted(dict.fromkeys(node.args), key=sizes.__getitem__, reverse=True):
        if size <= LONGEST or sizes[argument] == 1:
            break
        found.append(argument)
        size -= node.args.count(argument) * (sizes[argument] - 1)
    return found
