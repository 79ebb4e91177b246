"""The closed table of operations.

Meaning, derivative, LaTeX and generated code are tables with exactly these keys, each in its own
file; a house test holds them equal.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["leaf", "product", "pointwise", "row", "shape"]


@dataclass(frozen=True)
class Op:
    """How many operands an operation takes, and how it treats widths.

    `leaf`: none. `product`: matrix times vector. `pointwise`: all operands equally wide.
    `row`: one number a row. `shape`: concatenation and slices. Arity -1: two or more.
    """

    kind: Kind
    arity: int


OPS: dict[str, Op] = {
    "input": Op("leaf", 0),
    "state": Op("leaf", 0),
    "matrix": Op("leaf", 0),
    "vector": Op("leaf", 0),
    "mask": Op("leaf", 0),
    "constant": Op("leaf", 0),
    "product": Op("product", 2),
    "mean": Op("row", 1),
    "var": Op("row", 1),
    "concat": Op("shape", -1),
    "slice": Op("shape", 1),
    **dict.fromkeys(("neg", "sigmoid", "tanh", "relu", "softplus", "detach"), Op("pointwise", 1)),
    **dict.fromkeys(("exp", "log", "sqrt", "abs", "sin", "cos"), Op("pointwise", 1)),
    **dict.fromkeys(("add", "sub", "mul", "div", "pow", "minimum", "maximum"), Op("pointwise", 2)),
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), Op("pointwise", 2)),
    "where": Op("pointwise", 3),
}
