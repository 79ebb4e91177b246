"""The cells that ONNX has nodes for: LSTM, GRU, RNN."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from unrolled.cells import elman, gru, lstm
from unrolled.lang.cell import Cell
from unrolled.lang.stored import to_json
from unrolled.runtime.onnx.call import Call, goes_on, kept
from unrolled.runtime.onnx.writer import Value, Writer


class Fused(NamedTuple):
    """A node, and where the gates lie in our stored tensors, in ONNX's order."""

    operation: str
    gates: tuple[int, ...]
    biases: tuple[int, ...]
    attributes: Mapping[str, Any]


_IOFC = (0, 3, 1, 2)  # ours are i f g o
_ZRN = (1, 0, 2)  # ours are r z n
_ZRN_TWICE = (2, 0, 4, 3, 1, 5)  # ours are xr hr xz hz xn hn
_FUSED = (
    (lstm.lstm, Fused("LSTM", _IOFC, _IOFC, {})),
    (gru.gru_torch, Fused("GRU", _ZRN, _ZRN_TWICE, {"linear_before_reset": 1})),
    (elman.rnn, Fused("RNN", (0,), (0,), {"activations": ["Tanh"]})),
    (elman.rnn_relu, Fused("RNN", (0,), (0,), {"activations": ["Relu"]})),
)
_EQUATIONS = ("nodes", "input", "states", "results", "masks", "widths")


def fused_for(call: Call) -> Fused | None:
    """The node that computes the same as a call, whatever the cell is called; None if none does.

    In float64, which onnxruntime's nodes do not know, none does.
    """
    if call.facts.record or call.facts.double:
        return None
    ours = _equations(call.facts.cell)
    return next((fused for cell, fused in _FUSED if _equations(cell) == ours), None)


def _equations(cell: Cell) -> list[Any]:
    stored = to_json(cell)
    return [stored[part] for part in _EQUATIONS]


def write_fused(write: Writer, fused: Fused, call: Call) -> list[Value]:
    """Write the node, and return the output (T x B x H) and the last states (B x H)."""
    size, wanted = call.facts.sizes["H"], 2 * len(fused.gates)
    bias = _ordered(write, call.bias, fused.biases, size)
    if len(fused.biases) < wanted:
        bias = write("Concat", bias, write.numbers([0.0] * (wanted // 2 * size)), axis=0)
    weights = [_ordered(write, stack, fused.gates, size) for stack in call.stacks]
    one = write.whole(0)  # the axis of directions, of which each node has one
    made = write.several(
        1 + len(call.facts.cell.states),
        fused.operation,
        _dense(write, call),
        *(write("Unsqueeze", tensor, one) for tensor in (*weights, bias)),
        _lengths(write, call),
        *(write("Unsqueeze", state, one) for state in call.first),
        hidden_size=size,
        direction="reverse" if call.reverse else "forward",
        **fused.attributes,
    )
    output = write("Squeeze", made[0], write.whole(1))
    last = [write("Squeeze", state, one) for state in made[1:]]
    return [output, *last] if call.lengths is None else _with_lengths(write, call, output, last)


def _ordered(write: Writer, stored: Value, order: Sequence[int], size: int) -> Value:
    """Blocks of rows in another order."""
    if len(order) == 1:
        return stored
    rows = [block * size + row for block in order for row in range(size)]
    return write("Gather", stored, write.whole(*rows), axis=0)


def _dense(write: Writer, call: Call) -> Value:
    """The input as vectors: these nodes take no whole numbers."""
    if not call.whole_numbers:
        return call.x
    numbers = write("Cast", call.x, to=write.onnx_ir.DataType.INT64)
    places = write.whole(*range(call.facts.sizes["X"]))
    return write.cast(write("Equal", write("Unsqueeze", numbers, write.whole(2)), places))


def _lengths(write: Writer, call: Call) -> Value | None:
    if call.lengths is None:
        return None
    return write("Cast", call.lengths, to=write.onnx_ir.DataType.INT32)


def _with_lengths(write: Writer, call: Call, output: Value, last: Sequence[Value]) -> list[Value]:
    """The same with zeros past each length; a sequence of no step keeps its first state."""
    active = goes_on(write, call)
    if call.first:
        begins = write("Squeeze", write("Gather", active, write.whole(0), axis=0), write.whole(0))
        pairs = zip(last, call.first, strict=True)
        last = [write("Where", begins, after, before) for after, before in pairs]
    return [kept(write, active, output), *last]
