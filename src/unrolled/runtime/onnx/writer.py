"""What writes ONNX nodes: an operation, its operands, its attributes."""

from typing import Any, TypeAlias

import numpy as np

Value: TypeAlias = Any
"""A value of an ONNX graph (`onnx_ir.Value`); onnx is an extra, so its types are not known here."""

OPSET = 18  # the one that torch writes; torch converts all nodes to a later one together


class Writer:
    """Appends nodes to a list; numbers that it writes are of the layer's dtype."""

    def __init__(self, nodes: list[Any], *, double: bool) -> None:
        import onnx_ir

        self.onnx_ir = onnx_ir
        self.nodes = nodes
        self.dtype = onnx_ir.DataType.DOUBLE if double else onnx_ir.DataType.FLOAT

    def __call__(self, operation: str, *operands: Value | None, **attributes: Any) -> Value:
        """Write a node that has one result, and return it."""
        return self.several(1, operation, *operands, **attributes)[0]

    def several(
        self, count: int, operation: str, *operands: Value | None, **attributes: Any
    ) -> tuple[Value, ...]:
        """Write a node that has several results, and return them."""
        converted = self.onnx_ir.convenience.convert_attributes(attributes)
        node = self.onnx_ir.Node(
            "", operation, operands, converted, num_outputs=count, version=OPSET
        )
        self.nodes.append(node)
        return tuple(node.outputs)

    def numbers(self, numbers: Any) -> Value:
        """Constants: a number, or a row of them."""
        with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, as in torch
            return self._constant(np.asarray(numbers, self.dtype.numpy()))

    def whole(self, *numbers: int) -> Value:
        """A row of whole numbers: axes, sizes."""
        return self._constant(np.asarray(numbers, np.int64))

    def truth(self, value: Value) -> Value:
        """Whether numbers are other than 0."""
        return self("Cast", value, to=self.onnx_ir.DataType.BOOL)

    def cast(self, value: Value) -> Value:
        """The same in the layer's dtype."""
        return self("Cast", value, to=self.dtype)

    def size(self, value: Value, axis: int) -> Value:
        """How long an axis is, as a row of one."""
        return self("Shape", value, start=axis, end=axis + 1)

    def wide(self, value: Value, axes: Value) -> Value:
        """A value with these axes before its own last one; a number is a row of one."""
        row = self("Reshape", value, self.whole(-1))
        return self("Expand", row, self("Concat", axes, self.whole(1), axis=0))

    def _constant(self, array: Any) -> Value:
        return self("Constant", value=self.onnx_ir.tensor(array))
