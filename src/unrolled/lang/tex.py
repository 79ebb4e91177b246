"""The cell as LaTeX: formulas in documents are printed from the cell, never typed."""

import re
from collections import Counter

from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node
from unrolled.lang.printing import Notation, Row, short_equations, show, whole_or_short

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi "
    "psi omega"
).split()
_COMPARE = {"lt": "<", "le": r"\le", "gt": ">", "ge": r"\ge", "eq": "=", "ne": r"\ne"}
_NAMED = {"tanh": r"\tanh", "exp": r"\exp", "log": r"\log", "sin": r"\sin", "cos": r"\cos"}
_UPRIGHT = ("relu", "softplus", "mean", "var", "detach")


def _call(function: str) -> Row:
    return Row(rf"{function}\left({{0}}\right)")


def _number(number: float) -> str:
    text = whole_or_short(number)
    if "e" not in text:
        return text
    digits, _, exponent = text.partition("e")
    power = f"10^{{{int(exponent)}}}"
    return power if digits == "1" else rf"{digits} \cdot {power}"


def _symbol(name: str) -> str:
    """A letter as it is, a Greek letter as a command, a word upright."""
    if name.removesuffix("_") in _GREEK:
        return "\\" + name.removesuffix("_")
    if len(name) == 1:
        return name
    letter, digits = re.fullmatch(r"(.*?)(\d*)", name, re.DOTALL).groups()  # pyright: ignore
    if len(letter) == 1:
        return f"{letter}_{{{digits}}}"
    return rf"\mathrm{{{_escaped(name)}}}"


def _escaped(name: str) -> str:
    return name.replace("_", r"\_")


def _leaf(node: Node) -> str:
    if node.op in ("matrix", "vector"):
        match = re.fullmatch(r"(\w)\.(\w+)(?:\[(-?\d+)\])?", node.label)
        assert match is not None, node
        power = f"^{{({match[3]})}}" if match[3] else ""
        return f"{match[1]}_{{{_escaped(match[2])}}}{power}"
    name = _symbol(node.label)
    return _stepped(name, "t-1" if node.op == "state" else "t")


def _stepped(name: str, step: str, version: str = "") -> str:
    """A name with its time step, merged into a subscript that it may already have."""
    if name.endswith("}") and "_{" in name and not name.startswith("\\mathrm"):
        return f"{name[:-1]},{step}}}{version}"
    return f"{name}_{{{step}}}{version}"


TEX = Notation(
    rows={
        **{op: Row("") for op in ("input", "state", "matrix", "vector", "mask", "constant")},
        **{op: _call(name) for op, name in _NAMED.items()},
        **{op: _call(rf"\operatorname{{{{{op}}}}}") for op in _UPRIGHT},
        **{op: Row(f"{{0}} {sign} {{1}}", 3, (4, 4)) for op, sign in _COMPARE.items()},
        "sigmoid": _call(r"\sigma"),
        "abs": Row(r"\left|{0}\right|"),
        "sqrt": Row(r"\sqrt{{{0}}}"),
        "concat": Row(r"\left[{0}\right]"),
        "add": Row("{0} + {1}", 4, (4, 5)),
        "sub": Row("{0} - {1}", 4, (4, 5)),
        "mul": Row(r"{0} \odot {1}", 5, (5, 6)),
        "div": Row(r"\frac{{{0}}}{{{1}}}", 7, (0, 0)),
        "product": Row(r"{0}\,{1}", 6, (7, 7)),
        "neg": Row("-{0}", 4, (6,)),
        "pow": Row("{{{0}}}^{{{1}}}", 7, (8, 0)),
        "minimum": Row(r"\min\left({0}, {1}\right)"),
        "maximum": Row(r"\max\left({0}, {1}\right)"),
        "where": Row(r"\begin{{cases}}{1} & {0}\\ {2} & \text{{otherwise}}\end{{cases}}", 2),
        "slice": Row(r"{{{0}}}^{{[{1}/{2}]}}", 7, (8,)),
    },
    leaf=_leaf,
    number=_number,
    brackets=r"\left({}\right)",
    negative_binds=4,
)


def lines(cell: Cell) -> list[str]:
    """Each equation as one line of LaTeX, `left &= right`."""
    equations = short_equations(cell)
    bindings = Counter(equation.name for equation in equations)
    bindings.update(node.label for node in (cell.input, *cell.leaves("mask")))
    bound: Counter[str] = Counter()
    names: dict[Node, str] = {}
    written: list[str] = []
    for equation in equations:
        bound[equation.name] += 1
        again = bindings[equation.name] > 1
        version = f"^{{({bound[equation.name]})}}" if again else ""
        left = _stepped(_symbol(equation.name), "t", version)
        written.append(f"{left} &= {show(equation.value, TEX, names)}")
        names[equation.value] = left
    return written


def tex(cell: Cell) -> str:
    """The whole cell as a LaTeX `aligned` block."""
    body = " \\\\\n".join(f"  {line}" for line in lines(cell))
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"
