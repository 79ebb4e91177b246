"""What Python's syntax stands for in equations, and what is said of the rest."""

import ast
import operator
from collections.abc import Callable

from unrolled.lang.masks import MASKS
from unrolled.lang.names import LONGEST_WRITTEN, MOST_STATES

BINARY: dict[type[ast.operator], tuple[str, Callable[[float, float], float]]] = {
    ast.Add: ("add", operator.add),
    ast.Sub: ("sub", operator.sub),
    ast.Mult: ("mul", operator.mul),
    ast.Div: ("div", lambda left, right: left / right),
    ast.Pow: ("pow", lambda left, right: left**right),
}
COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
PLAIN_NAME = f"names have ASCII letters, digits and _, a letter first, {LONGEST_WRITTEN} at most"
EXPRESSIONS_REFUSED: dict[type[ast.AST], str] = {
    ast.IfExp: "a cell cannot branch on values; write where(condition, this, that)",
    ast.BoolOp: "`and` and `or` have no vector meaning; multiply conditions, or nest where(...)",
    ast.Lambda: "equations define no functions",
    ast.Attribute: "only W.name, b.name and p.name have dots",
    ast.Subscript: "only parameters are indexed, as in W.R[2]; use split(v, parts) on vectors",
    ast.Tuple: "several values need as many names on the left",
}
STATEMENTS_REFUSED: dict[type[ast.stmt], str] = {
    ast.If: "a cell cannot branch on values; write where(condition, this, that)",
    ast.While: "a cell cannot loop on values; `for l in range(constant)` is unrolled",
    ast.AugAssign: "in-place operators have no place in equations; write c = c + ...",
    ast.AnnAssign: "equations carry no annotations; write name = ...",
    ast.Expr: "an expression that binds no name computes nothing",
    ast.Return: "`return` stands once, at the end",
}
SIGNATURE = (
    f"a cell is `def name(x, states..., *, W, b)`: x and 1 to {MOST_STATES} states by position, "
    f"then W (matrices), b (biases), p (vectors), masks (`m={next(iter(MASKS))}(0.2)`) and "
    "constants (`depth=3`) by keyword"
)
DECLARED = (
    'a decorator says init={"b.f": 1.0}, a finite number for a parameter, and widths={"h": "R"}, '
    "for an equation a width such as H, 4H, X+H or a symbol of your own"
)
