"""What one run of a compiled cell is: its kernel, its rows, its tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from unrolled.runtime.kernel import Buffers, Kernel, Product
from unrolled.runtime.rows import Rows


class Inputs(NamedTuple):
    """Every tensor that a run depends on; or in the same places, something about each."""

    x: Any  # T B X, or whole numbers T B
    first: tuple[Any, ...]  # each B x width
    stacks: tuple[Any, ...]
    bias: Any
    vector: Any
    masks: tuple[Any, ...]
    given: tuple[Any, ...]

    def flat(self) -> tuple[Any, ...]:
        """All in one row."""
        ends = (*self.masks, *self.given)
        return (self.x, *self.first, *self.stacks, self.bias, self.vector, *ends)


@dataclass(frozen=True, eq=False)
class Task:
    """What a run is, beside its tensors."""

    kernel: Kernel
    rows: Rows
    shape: Inputs
    """An example of the inputs, which says how many there are of each kind."""
    again: Callable[[Inputs], Sequence[Tensor]]
    """The eager meaning of the same run, for second derivatives."""

    def inputs(self, flat: Sequence[Any]) -> Inputs:
        """What lies in one row, in its places."""
        states = 1 + len(self.shape.first)
        stacks = states + len(self.shape.stacks)
        masks = stacks + 2 + len(self.shape.masks)
        row = tuple(flat)
        bias, vector = row[stacks : stacks + 2]
        first, held = row[1:states], row[states:stacks]
        return Inputs(row[0], first, held, bias, vector, row[stacks + 2 : masks], row[masks:])

    def weight(self, inputs: Inputs, product: Product) -> Tensor:
        """The rows of the stored matrix that a group multiplies with."""
        stored = inputs.stacks[self.kernel.position[product.key]]
        whole = len(stored) == product.end - product.begin
        return stored if whole else stored[product.begin : product.end]


def shared_buffers(task: Task, inputs: Inputs) -> Buffers:
    """The inputs as rows, for either direction."""
    kernel, rows = task.kernel, task.rows
    found: Buffers = {("rows", "x"): rows.pack(inputs.x)}
    if inputs.x.is_floating_point():
        found["input",] = found["rows", "x"]
    for key, stored in zip(kernel.stacks, inputs.stacks, strict=True):
        found["weight", key] = stored.contiguous()
    for kind, tensor in (("bias", inputs.bias), ("vector", inputs.vector)):
        if tensor is not None:
            found["stored", kind] = tensor.contiguous()
    for name, mask in zip(kernel.masks, inputs.masks, strict=bool(inputs.masks)):
        found["mask", name] = rows.pack(mask) if mask.dim() == 3 else rows.sort(mask)
    leaves = zip(kernel.plan.step.given, inputs.given, kernel.settled, strict=True)
    for leaf, value, settled in leaves:
        packed = value.contiguous() if settled else rows.pack(value)
        found["given", leaf.label] = found["rows", leaf.label] = packed
    return found
