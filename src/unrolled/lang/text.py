"""The cell as plain text, in the language that it was written in."""

from unrolled.lang.cell import Cell, Equation
from unrolled.lang.nodes import Node
from unrolled.lang.printing import Notation, Row, show, whole_or_short

_COMPARE = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
_CALLS = "sigmoid tanh relu softplus exp log sqrt abs sin cos mean var concat".split()

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
    """Each line as (names it binds, right side, comment), with earlier names put in."""
    names: dict[Node, str] = {}
    lines: list[tuple[str, str, str]] = []
    for together in _lines(cell.equations):
        first = together[0]
        left = ", ".join(equation.name for equation in together)
        if len(together) > 1:
            whole = show(first.value.args[0], TEXT, names)
            right = f"split({whole}, {len(together)})"
        else:
            right = show(first.value, TEXT, names)
        lines.append((left, right, first.comment))
        for equation in together:
            names = {node: name for node, name in names.items() if name != equation.name}
            names[equation.value] = equation.name
    return lines


def listing(cell: Cell) -> str:
    """The equations, one a line, with the author's comments beside them."""
    lines = equations(cell)
    width = max(len(f"{left} = {right}") for left, right, _ in lines)
    return "\n".join(
        f"{f'{left} = {right}':{width}}  # {comment}" if comment else f"{left} = {right}"
        for left, right, comment in lines
    )


def _lines(written: tuple[Equation, ...]) -> list[tuple[Equation, ...]]:
    """Equations in order, with the parts of one `split` put together again."""
    lines: list[tuple[Equation, ...]] = []
    position = 0
    while position < len(written):
        count = _split_at(written, position)
        lines.append(written[position : position + count])
        position += count
    return lines


def _split_at(written: tuple[Equation, ...], position: int) -> int:
    """How many equations from here on bind the parts of one split, or 1."""
    value = written[position].value
    if value.op != "slice" or not isinstance(value.attribute, tuple):
        return 1
    _, count = value.attribute
    parts = [equation.value for equation in written[position : position + count]]
    expected = [(value.args, (index, count)) for index in range(count)]
    return count if [(part.args, part.attribute) for part in parts] == expected else 1
