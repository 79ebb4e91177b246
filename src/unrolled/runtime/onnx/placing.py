"""Where the values of a cell lie: outside its Scan, for all steps at once, or inside, for one.

A value is written outside, over T x B x width, unless it depends on a state; then it is written in
the body, over B x width. The body reads what lies outside: by step, as inputs of the Scan, what has
a time axis; as it is, what has none.
"""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

from unrolled.compiler.layout import Stack, layout_of
from unrolled.compiler.stages import recurrent_nodes
from unrolled.compiler.sums import sums_of
from unrolled.lang.nodes import Node
from unrolled.runtime.meaning import MEANING
from unrolled.runtime.onnx.call import Call
from unrolled.runtime.onnx.meaning import ONNX, Row
from unrolled.runtime.onnx.writer import Value, Writer
from unrolled.runtime.products import folded


class Placed(NamedTuple):
    """A value, whether it lies inside, and whether it differs from step to step."""

    value: Value
    inside: bool = False
    timed: bool = False


class Places:
    """Writes the values of a cell's graph outside and inside of a Scan."""

    def __init__(self, write: Writer, call: Call) -> None:
        self.call = call
        self.cell = call.facts.cell
        self.outside = write
        self.inside = Writer([], double=call.facts.double)
        self.by_step: dict[Value, Value] = {}
        """What the body gets of each step, by what lies outside."""
        self.layout = layout_of(self.cell)
        self.blocks = self.layout.blocks(call.facts.sizes)
        self.widths = self.layout.widths.resolve(call.facts.sizes)
        self.states = [self._body_input(write.dtype) for _ in self.cell.states]
        self.known: dict[Node, float] = {}
        self.parts: dict[tuple[int, str], Placed] = {}
        self.of: dict[Node, Placed] = {
            leaf: Placed(value, inside=True, timed=True)
            for leaf, value in zip(self.cell.states, self.states, strict=True)
        }
        self._place_all()

    def inner(self, placed: Placed) -> Value:
        """A value as the body reads it."""
        if placed.inside or not placed.timed:
            return placed.value
        if placed.value not in self.by_step:
            self.by_step[placed.value] = self._body_input(placed.value.dtype or self.outside.dtype)
        return self.by_step[placed.value]

    def _body_input(self, dtype: Any) -> Value:
        onnx_ir = self.outside.onnx_ir
        return onnx_ir.Value(type=onnx_ir.TensorType(dtype))

    def _place_all(self) -> None:
        recurrent = recurrent_nodes(self.cell)
        sums = sums_of(self.cell, recurrent)
        for node in self.cell.nodes:
            if node in sums.by_root:
                terms = sums.by_root[node]
                self.of[node] = self._sum(terms.early, terms.late)
            elif node.op not in ("matrix", "state") and node not in sums.swallowed & recurrent:
                self.of[node] = _PLACE.get(node.op, Places._operation)(self, node)

    def _sum(self, early: Sequence[Node], late: Sequence[Node]) -> Placed:
        """A sum whose input-only part is added up outside."""
        add = partial(self._apply, ONNX["add"])
        return reduce(add, [self.of[n] for n in late], reduce(add, [self.of[n] for n in early]))

    def _apply(self, row: Row, *operands: Placed) -> Placed:
        """Write an operation, inside if an operand lies there."""
        timed = any(operand.timed for operand in operands)
        if not any(operand.inside for operand in operands):
            return Placed(row(self.outside, *(o.value for o in operands)), timed=timed)
        values = [self.inner(operand) for operand in operands]
        return Placed(row(self.inside, *values), inside=True, timed=True)

    def _operation(self, node: Node) -> Placed:
        if all(argument in self.known for argument in node.args):
            numbers = [self.known[argument] for argument in node.args]
            return self._number(node, folded(_row(MEANING, node), numbers))
        operands = [self.of[argument] for argument in node.args]
        if node.op == "concat":
            operands = self._side_by_side(operands)
        return self._apply(_row(ONNX, node), *operands)

    def _side_by_side(self, parts: Sequence[Placed]) -> list[Placed]:
        """Parts of a row with the same axes; what has no time or batch axis serves every row."""
        like = next((p for p in parts if p.inside), next((p for p in parts if p.timed), None))
        return [part if part.timed else self._wide(part, like) for part in parts]

    def _wide(self, part: Placed, like: Placed | None) -> Placed:
        if like is None:
            return Placed(self.outside("Reshape", part.value, self.outside.whole(-1)))
        write = self.inside if like.inside else self.outside
        axes = write("Shape", like.value, start=0, end=-1)
        return like._replace(value=write.wide(part.value, axes))

    def _product(self, node: Node) -> Placed:
        matrix, operand = node.args
        stack = self.layout.stack_of(node)
        if stack is None:
            stored = self._stored(self.blocks[matrix.label].key)
            return self._times(self._rows(stored, matrix.label), operand)
        key = self.layout.structures[operand], matrix.label
        if key not in self.parts:
            self._stacked_product(stack, operand)
        return self.parts[key]

    def _stacked_product(self, stack: Stack, operand: Node) -> None:
        """One product for all matrices that read this vector, cut into the matrices' parts."""
        whole = self._times(self._stored(stack.key), operand)
        sizes = [self.blocks[name].stop - self.blocks[name].start for name in stack.matrices]
        write, cuts = self.inside if whole.inside else self.outside, self.outside.whole(*sizes)
        values = write.several(len(sizes), "Split", whole.value, cuts, axis=-1)
        structure = self.layout.structures[operand]
        for name, value in zip(stack.matrices, values, strict=True):
            self.parts[structure, name] = whole._replace(value=value)

    def _times(self, matrix: Value, operand: Node) -> Placed:
        """W @ v; whole numbers stand for one-hot vectors and pick columns."""
        columns = self.outside("Transpose", matrix)
        if operand is self.cell.input and self.call.whole_numbers:
            return Placed(self.outside("Gather", columns, self.call.x, axis=0), timed=True)
        return self._apply(ONNX["product"], Placed(columns), self.of[operand])

    def _stored(self, key: str) -> Value:
        keys = [stack.key for stack in self.layout.stacks]
        return self.call.stacks[keys.index(key)]

    def _rows(self, stored: Value, label: str) -> Value:
        """The rows of a stored tensor that an equation names."""
        block, write = self.blocks[label], self.outside
        return write("Slice", stored, *map(write.whole, (block.start, block.stop, 0)))

    def _vector(self, node: Node) -> Placed:
        stored = self.call.bias if self.blocks[node.label].kind == "bias" else self.call.vector
        return Placed(self._rows(stored, node.label))

    def _mask(self, node: Node) -> Placed:
        expected = self.cell.masks[node.label].at_evaluation
        return Placed(self.outside.numbers([expected] * self.widths[node]))

    def _input(self, _: Node) -> Placed:
        return Placed(self.call.x, timed=True)

    def _constant(self, node: Node) -> Placed:
        return self._number(node, float(node.attribute))  # pyright: ignore

    def _number(self, node: Node, number: float) -> Placed:
        self.known[node] = number
        return Placed(ONNX["constant"](self.outside, number))


_PLACE: dict[str, Callable[[Places, Node], Placed]] = {
    "input": Places._input,
    "mask": Places._mask,
    "vector": Places._vector,
    "constant": Places._constant,
    "product": Places._product,
}


def _row(table: dict[str, Any], node: Node) -> Callable[..., Any]:
    """What a table says of an operation; a slice knows which part it is."""
    row = table[node.op]
    return partial(row, *node.attribute) if isinstance(node.attribute, tuple) else row
