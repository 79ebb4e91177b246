"""The cell as plain text, in the language that it was written in."""

from collections.abc import Iterator, Sequence

from unrolled.lang.cell import Cell, Equation
from unrolled.lang.names import unused
from unrolled.lang.nodes import Node, in_order
from unrolled.lang.printing import (
    Notation,
    Row,
    short_equations,
    show,
    whole_or_short,
)

_COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_ALIGNED = 88  # columns in which comments stand below each other
_CALLS = "sigmoid tanh relu softplus exp log sqrt abs sin cos mean var concat detach".split()

TEXT = Notation(
    rows={
        **{op: Row("") for op in ("input", "state", "matrix", "vector", "mask", "constant")},
        **{op: Row(f"{op}({{0}})") for op in _CALLS},
        **{op: Row(f"{{0}} {sign} {{1}}", 3, (4, 4)) for op, sign in _COMPARE.items()},
        "add": Row("{0} + {1}", 4, (4, 5)),
        "sub": Row("{0} - {1}", 4, (4, 5)),
        "mul": Row("{0} * {1}", 5, (5, 6)),
        "div": Row("{0} / {1}", 5, (5, 6)),
        "product": Row("{0} @ {1}", 5, (6, 6)),
        "neg": Row("-{0}", 6, (6,)),
        "pow": Row("{0}**{1}", 7, (8, 6)),
        "minimum": Row("minimum({0}, {1})"),
        "maximum": Row("maximum({0}, {1})"),
        "where": Row("where({0}, {1}, {2})"),
        "slice": Row("split({0}, {2})[{1}]"),
    },
    leaf=lambda node: node.label,
    number=whole_or_short,
)


def equations(cell: Cell) -> list[tuple[str, str, str]]:
    """Each line as (names it binds, right side, comment), with earlier names put in.

    Lines are read one after the other. Before a line takes the name of a value that is still to be
    read (a cell returns all its new states at once), the value gets another: `old_h = h`.
    """
    short = short_equations(cell)
    written = _lines(short)
    last_reads = _last_reads(cell, written)
    names = _Names(cell)
    taken = {*cell.names, *(equation.name for equation in short)}
    lines: list[tuple[str, str, str]] = []
    for number, together in enumerate(written):
        binds = [equation.name for equation in together]
        for name, value in names.lost_by(binds):
            if last_reads.get(value, number) > number:
                kept = unused(f"old_{name}", taken, number)
                taken.add(kept)
                lines.append((kept, name, ""))
                names.keep(kept, value)
        lines.append((", ".join(binds), _right(together, names), together[0].comment))
        for equation in together:
            names.bind(equation.name, equation.value)
    return lines


def listing(cell: Cell) -> str:
    """The equations, one a line, with the author's comments beside them."""
    lines = [(f"{left} = {right}", comment) for left, right, comment in equations(cell)]
    width = min(max((len(line) for line, _ in lines), default=0), _ALIGNED)
    return "\n".join(f"{line:{width}}  # {comment}" if comment else line for line, comment in lines)


class _Names:
    """What each value is called between two lines, where names are taken by new values."""

    def __init__(self, cell: Cell) -> None:
        self.of: dict[Node, str] = {}
        self._values: dict[str, Node] = {}
        self._called: dict[Node, dict[str, None]] = {}
        for leaf in (cell.input, *cell.states, *cell.leaves("mask")):
            self.bind(leaf.label, leaf)

    def bind(self, name: str, value: Node) -> None:
        """Call a value so from here on."""
        if name in self._values:
            old = self._values[name]
            del self._called[old][name]
            del self.of[old]
            if self._called[old]:
                self.of[old] = next(reversed(self._called[old]))
        self.keep(name, value)
        self.of[value] = name

    def keep(self, name: str, value: Node) -> None:
        """Hold a name ready for a value whose other names are about to be taken."""
        self._values[name] = value
        self._called.setdefault(value, {})[name] = None

    def lost_by(self, binds: Sequence[str]) -> Iterator[tuple[str, Node]]:
        """Name and value of what will have no name once these are bound."""
        for name in binds:
            value = self._values.get(name)
            if value is not None and self._called[value].keys() <= set(binds):
                yield name, value


def _right(together: Sequence[Equation], names: _Names) -> str:
    """The right side of a line: one value, or the split that several equations share."""
    whole = _whole(together)
    text = show(whole, TEXT, names.of)
    return text if whole is together[0].value else f"split({text}, {len(together)})"


def _whole(together: Sequence[Equation]) -> Node:
    value = together[0].value
    return value if len(together) == 1 else value.args[0]


def _last_reads(cell: Cell, written: Sequence[Sequence[Equation]]) -> dict[Node, int]:
    """The last line that reads each value that has had a name."""
    named = {cell.input, *cell.states, *cell.leaves("mask")}
    last: dict[Node, int] = {}
    for number, together in enumerate(written):
        whole = _whole(together)
        operands = (a for node in in_order([whole], known=named) for a in node.args)
        last.update((node, number) for node in (whole, *operands) if node in named)
        named.update(equation.value for equation in together)
    return last


def _lines(written: list[Equation]) -> list[list[Equation]]:
    """Equations in order, with the parts of one `split` put together again."""
    lines: list[list[Equation]] = []
    position = 0
    while position < len(written):
        count = _split_at(written, position)
        lines.append(written[position : position + count])
        position += count
    return lines


def _split_at(written: list[Equation], position: int) -> int:
    """How many equations from here on bind the parts of one split, or 1."""
    value = written[position].value
    if value.op != "slice" or not isinstance(value.attribute, tuple):
        return 1
    _, count = value.attribute
    parts = [equation.value for equation in written[position : position + count]]
    expected = [(value.args, (index, count)) for index in range(count)]
    return count if [(part.args, part.attribute) for part in parts] == expected else 1
