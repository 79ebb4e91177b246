"""The derivative of every pointwise operation, one table keyed by op.

A row takes the node and the gradient d of the loss with respect to it, and gives what that adds to
the gradient of each operand; None where nothing flows. Where torch has a choice (ties, kinks, what
not-a-number does), the row makes torch's.
"""

from collections.abc import Callable
from typing import TypeAlias

from unrolled.lang.nodes import Node, lift

Flow: TypeAlias = tuple[Node | None, ...]


def _call(op: str, *args: Node | float) -> Node:
    return Node(op, tuple(lift(argument) for argument in args))


def _where(condition: Node, this: Node | float, that: Node | float) -> Node:
    return _call("where", condition, this, that)


def _sign(v: Node) -> Node:
    return _where(_call("ne", v, v), v, _call("gt", v, 0) - _call("lt", v, 0))


def _pow(n: Node, d: Node) -> Flow:
    base, exponent = n.args
    to_base = d * (exponent * _call("pow", base, exponent - 1))
    to_base = _where(_call("eq", exponent, 0), 0, to_base)
    if exponent.op == "constant":
        return to_base, None
    at_zero = _call("eq", base, 0) * _call("ge", exponent, 0)
    return to_base, d * _where(at_zero, 0, n * _call("log", base))


def _smaller_or_larger(loses: str) -> Callable[[Node, Node], Flow]:
    """The gradient goes to the operand that was taken, and half to each where they are equal."""

    def row(n: Node, d: Node) -> Flow:
        a, b = n.args
        half = _where(_call("eq", a, b), d / 2, d)
        return _where(_call(loses, a, b), 0, half), _where(_call(loses, b, a), 0, half)

    return row


def _nothing(n: Node, d: Node) -> Flow:
    return tuple(None for _ in n.args)


DERIVATIVES: dict[str, Callable[[Node, Node], Flow]] = {
    "neg": lambda n, d: (-d,),
    "sigmoid": lambda n, d: (d * (1 - n) * n,),
    "tanh": lambda n, d: (d * (1 - n * n),),
    "relu": lambda n, d: (_where(_call("le", n, 0), 0, d),),
    "softplus": lambda n, d: (d * _call("sigmoid", n.args[0]),),
    "exp": lambda n, d: (d * n,),
    "log": lambda n, d: (d / n.args[0],),
    "sqrt": lambda n, d: (d / (2 * n),),
    "abs": lambda n, d: (d * _sign(n.args[0]),),
    "sin": lambda n, d: (d * _call("cos", n.args[0]),),
    "cos": lambda n, d: (-(d * _call("sin", n.args[0])),),
    "add": lambda n, d: (d, d),
    "sub": lambda n, d: (d, -d),
    "mul": lambda n, d: (d * n.args[1], d * n.args[0]),
    "div": lambda n, d: (d / n.args[1], -(d * (n / n.args[1]))),
    "pow": _pow,
    "minimum": _smaller_or_larger("gt"),
    "maximum": _smaller_or_larger("lt"),
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne", "detach"), _nothing),
    "where": lambda n, d: (None, _where(n.args[0], d, 0), _where(n.args[0], 0, d)),
}
