"""What each operation becomes in ONNX: the rows of `runtime.meaning`, as nodes."""

from collections.abc import Callable

from unrolled.runtime.onnx.writer import Value, Writer

Row = Callable[..., Value]
"""Takes a writer and the operands (a matrix transposed), writes nodes, and returns the result."""

_NAMES = {
    **{"neg": "Neg", "sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu"},
    **{"exp": "Exp", "log": "Log", "sqrt": "Sqrt", "abs": "Abs", "sin": "Sin", "cos": "Cos"},
    **{"add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "pow": "Pow"},
    **{"minimum": "Min", "maximum": "Max"},
}
_COMPARE = {"lt": "Less", "le": "LessOrEqual", "gt": "Greater", "ge": "GreaterOrEqual"}


def _node(name: str) -> Row:
    return lambda write, *operands: write(name, *operands)


def _compare(name: str) -> Row:
    return lambda write, left, right: write.cast(write(name, left, right))


def _differ(write: Writer, left: Value, right: Value) -> Value:
    return write.cast(write("Not", write("Equal", left, right)))


def _where(write: Writer, condition: Value, this: Value, that: Value) -> Value:
    return write("Where", write.truth(condition), this, that)


def _mean(write: Writer, v: Value) -> Value:
    return write("ReduceMean", v, write.whole(-1), keepdims=1)


def _variance(write: Writer, v: Value) -> Value:
    apart = write("Sub", v, _mean(write, v))
    return _mean(write, write("Mul", apart, apart))


def _softplus(write: Writer, v: Value) -> Value:
    """log(1 + exp(v)), which overflows nowhere; onnxruntime has ONNX's own in float32 alone."""
    beyond = write("Exp", write("Neg", write("Abs", v)))
    bend = write("Log", write("Add", beyond, write.numbers(1.0)))
    return write("Add", write("Relu", v), bend)


def _slice(index: int, count: int, write: Writer, whole: Value) -> Value:
    return write.several(count, "Split", whole, axis=-1, num_outputs=count)[index]


ONNX: dict[str, Row] = {
    **dict.fromkeys("input state vector matrix mask detach".split(), lambda _, value: value),
    **{op: _node(name) for op, name in _NAMES.items()},
    **{op: _compare(name) for op, name in _COMPARE.items()},
    "constant": lambda write, number: write.numbers(number),
    "product": lambda write, columns, v: write("MatMul", v, columns),
    "mean": _mean,
    "var": _variance,
    "concat": lambda write, *parts: write("Concat", *parts, axis=-1),
    "slice": _slice,
    "softplus": _softplus,
    "eq": _compare("Equal"),
    "ne": _differ,
    "where": _where,
}
