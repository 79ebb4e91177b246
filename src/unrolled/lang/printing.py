"""One precedence-aware printer; a notation is a table with one row for each operation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from unrolled.lang.nodes import Node

ATOM = 100


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


def _show(node: Node, notation: Notation, names: Mapping[Node, str], needed: int) -> str:
    if node in names:
        return names[node]
    if node.op == "constant":
        assert isinstance(node.attribute, float)
        binds = notation.negative_binds if node.attribute < 0 else ATOM
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
    """A number without a useless `.0`: `1`, `0.5`, `1e-05`."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
