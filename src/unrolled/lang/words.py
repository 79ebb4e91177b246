"""The words by which equations call operations; those that a few operations express are derived."""

from collections.abc import Callable
from dataclasses import dataclass

from unrolled.errors import WordOutsideCellError
from unrolled.lang.nodes import Node, lift
from unrolled.lang.ops import OPS


def _apply(op: str) -> Callable[..., Node]:
    return lambda *args: Node(op, args)


_sigmoid, _tanh, _sqrt, _abs, _exp = map(_apply, ("sigmoid", "tanh", "sqrt", "abs", "exp"))
_mean, _var, _where, _gt = map(_apply, ("mean", "var", "where", "gt"))
_minimum, _maximum = _apply("minimum"), _apply("maximum")


def _layer_norm(v: Node, gain: Node, shift: Node) -> Node:
    """Ba, Kiros and Hinton 2016, eq. 4, with torch's epsilon inside the root."""
    return (v - _mean(v)) / _sqrt(_var(v) + 1e-5) * gain + shift


def _gelu(v: Node) -> Node:
    """Hendrycks and Gimpel 2016, the tanh form."""
    return 0.5 * v * (1 + _tanh(0.7978845608028654 * (v + 0.044715 * v * v * v)))


def _elu(v: Node) -> Node:
    """Clevert, Unterthiner and Hochreiter 2016, with alpha = 1; exp sees no large number.

    Not the minimum of v and 0, whose gradient at 0 is a half.
    """
    positive = _gt(v, lift(0))
    return _where(positive, v, _exp(_where(positive, lift(0), v)) - 1)


def _hard_sigmoid(v: Node) -> Node:
    """Torch's: a straight line from -3 to 3."""
    return _minimum(_maximum(v / 6 + 0.5, lift(0)), lift(1))


def _silu(v: Node) -> Node:
    return v * _sigmoid(v)


def _softsign(v: Node) -> Node:
    return v / (1 + _abs(v))


def _square(v: Node) -> Node:
    return v * v


@dataclass(frozen=True)
class Word:
    """A function of the equation language: how many operands it takes and the graph it builds."""

    name: str
    arity: int
    build: Callable[..., Node]

    def __call__(self, *operands: object) -> Node:
        """The node for these nodes; anything but a node is refused.

        Raises:
            WordOutsideCellError: An operand is no node (a tensor, a number).
        """
        for operand in operands:
            if not isinstance(operand, Node):
                raise WordOutsideCellError(word=self.name, kind=type(operand).__name__)
        return self.build(*operands)


_PLAIN = (
    "sigmoid tanh relu softplus exp log sqrt abs sin cos mean var minimum maximum where concat "
    "detach"
).split()
_DERIVED: tuple[Word, ...] = (
    Word("silu", 1, _silu),
    Word("gelu", 1, _gelu),
    Word("elu", 1, _elu),
    Word("softsign", 1, _softsign),
    Word("hard_sigmoid", 1, _hard_sigmoid),
    Word("square", 1, _square),
    Word("layer_norm", 3, _layer_norm),
)

WORDS: dict[str, Word] = {
    **{name: Word(name, OPS[name].arity, _apply(name)) for name in _PLAIN},
    **{word.name: word for word in _DERIVED},
}


def split(*_: object) -> tuple[Node, ...]:
    """Cut a vector into equal parts, inside a cell and nowhere else.

    A cell writes `i, f = split(a, 2)`, or `split(a, 2)[0]` for one part.

    Raises:
        WordOutsideCellError: Always; the tracer reads the call, nobody executes it.
    """
    raise WordOutsideCellError(word="split", kind="call")


sigmoid, tanh, relu, softplus = map(WORDS.__getitem__, ("sigmoid", "tanh", "relu", "softplus"))
exp, log, sqrt, sin, cos = map(WORDS.__getitem__, ("exp", "log", "sqrt", "sin", "cos"))
silu, gelu, elu, softsign = map(WORDS.__getitem__, ("silu", "gelu", "elu", "softsign"))
hard_sigmoid, square = WORDS["hard_sigmoid"], WORDS["square"]
mean, var, layer_norm = WORDS["mean"], WORDS["var"], WORDS["layer_norm"]
minimum, maximum, where, concat = map(WORDS.__getitem__, ("minimum", "maximum", "where", "concat"))
detach = WORDS["detach"]
