"""One call of the traced operator, as ONNX values: a cell over a sequence, in one direction."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from unrolled.errors import StoredCellError
from unrolled.lang.cell import Cell
from unrolled.lang.stored import from_json
from unrolled.runtime.onnx.writer import Value, Writer


class Facts(NamedTuple):
    """What the operator's text says."""

    cell: Cell
    sizes: dict[str, int]
    masks: bool
    double: bool
    record: tuple[str, ...]


class Call(NamedTuple):
    """What the operator is given."""

    facts: Facts
    reverse: bool
    x: Value  # T B X, or whole numbers T B
    first: Sequence[Value]  # each B x width, or none: zeros
    stacks: Sequence[Value]
    bias: Value | None
    vector: Value | None
    lengths: Value | None  # B

    @property
    def whole_numbers(self) -> bool:
        """Whether x stands for one-hot vectors."""
        return not self.x.dtype.is_floating_point()


def facts_of(text: str) -> Facts:
    """What a kernel's text says of it, with nothing compiled.

    Raises:
        StoredCellError: The text tells of no cell.
    """
    try:
        stored = json.loads(text)
        cell, sizes, record = stored["cell"], dict(stored["sizes"]), tuple(stored["record"])
        masks, double = bool(stored["masks"]), bool(stored["double"])
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {ascii(str(error))[:200]}"
        raise StoredCellError(reason=reason) from error
    return Facts(from_json(cell), sizes, masks, double, record)


def goes_on(write: Writer, call: Call) -> Value:
    """Whether each sequence has each step: T x B x 1."""
    int64 = write.onnx_ir.DataType.INT64
    start, step = (write("Squeeze", write.whole(number)) for number in (0, 1))
    steps = write("Range", start, write("Squeeze", write.size(call.x, 0)), step)
    steps = write("Unsqueeze", steps, write.whole(1))
    active = write("Less", steps, write("Cast", call.lengths, to=int64))  # T B
    answer = write("Unsqueeze", active, write.whole(2))
    answer.dtype = write.onnx_ir.DataType.BOOL  # a Scan's body must know it
    return answer


def kept(write: Writer, active: Value | None, values: Value) -> Value:
    """The values (T x B x width), zero where a sequence has ended."""
    return values if active is None else write("Where", active, values, write.numbers(0.0))
