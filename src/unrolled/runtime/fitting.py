"""Whether the tensors of a run fit its kernel: what C would else read beyond their ends."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from unrolled.errors import TracedRunError
from unrolled.runtime.kernel import Kernel
from unrolled.runtime.task import Inputs

Shape: TypeAlias = tuple[int, ...]


def shapes_of_results(kernel: Kernel, inputs: Inputs) -> list[Shape]:
    """The shapes of the output, the last states and the recorded values."""
    steps, batch = inputs.x.shape[:2]
    recorded = [(steps, batch, place.end - place.begin) for place in kernel.recorded.values()]
    output = steps, batch, kernel.forward.widths[kernel.output]
    return [output, *_states(kernel, batch), *recorded]


def shapes_of_kept(kernel: Kernel, inputs: Inputs, *, packed: bool) -> tuple[Shape, Shape]:
    """The shapes of the output's rows, and of what a forward keeps beside them."""
    steps, batch = inputs.x.shape[:2]
    width = kernel.forward.widths[kernel.output]
    rows = (steps * batch, width) if packed else (steps, batch, width)
    return rows, (steps * batch * kernel.kept_width,)


def check_inputs(kernel: Kernel, inputs: Inputs, lengths: Tensor | None) -> None:
    """Refuse inputs that do not fit.

    Raises:
        TracedRunError: One has the wrong shape or dtype, or points outside of another.
    """
    x, sizes = inputs.x, kernel.sizes
    if x.dim() < 2 or x.shape[0] == 0:
        _refuse(kernel, f"x {list(x.shape)}", "at least one step")
    steps, batch = x.shape[:2]
    if x.is_floating_point():
        check_tensor(kernel, "x", x, (steps, batch, sizes["X"]))
    else:
        _check_range(kernel, "symbols", x, (steps, batch), sizes["X"] - 1)
    if lengths is not None:
        _check_range(kernel, "lengths", lengths, (batch,), steps)
    shapes = kernel.plan.step.layout.shapes(sizes)
    if inputs.first:
        _check_all(kernel, "first states", inputs.first, _states(kernel, batch))
    if inputs.masks:
        _check_all(kernel, "masks", inputs.masks, [*_masks(kernel, steps, batch)])
    weights = [shapes[f"weight_{key}"] for key in kernel.stacks]
    _check_all(kernel, "weights", inputs.stacks, weights)
    _check_all(kernel, "given values", inputs.given, [*_given(kernel, steps, batch)])
    for kind, tensor in (("bias", inputs.bias), ("vector", inputs.vector)):
        tensors = [] if tensor is None else [tensor]
        _check_all(kernel, kind, tensors, [shapes[kind]] if kind in shapes else [])


def check_tensor(
    kernel: Kernel, name: str, tensor: Tensor, shape: Shape, dtype: torch.dtype | None = None
) -> None:
    """Refuse another shape or dtype than the kernel's.

    Raises:
        TracedRunError: The tensor has it.
    """
    dtype = dtype or kernel.dtype
    if tuple(tensor.shape) != shape or tensor.dtype is not dtype:
        got = f"{name} {list(tensor.shape)} of {tensor.dtype}"
        _refuse(kernel, got, f"{list(shape)} of {dtype}")


def _check_all(
    kernel: Kernel, name: str, tensors: Sequence[Tensor], shapes: Sequence[Shape]
) -> None:
    if len(tensors) != len(shapes):
        _refuse(kernel, f"{len(tensors)} tensors of {name}", f"{len(shapes)}")
    for tensor, shape in zip(tensors, shapes, strict=True):
        check_tensor(kernel, name, tensor, shape)


def _check_range(kernel: Kernel, name: str, numbers: Tensor, shape: Shape, most: int) -> None:
    """Refuse whole numbers that point outside."""
    dtype = numbers.dtype if numbers.dtype is torch.int32 else torch.int64
    check_tensor(kernel, name, numbers, shape, dtype)
    if numbers.numel() and not (0 <= int(numbers.min()) and int(numbers.max()) <= most):
        _refuse(kernel, f"{name} from {int(numbers.min())} to {int(numbers.max())}", f"0 to {most}")


def _states(kernel: Kernel, batch: int) -> list[Shape]:
    return [(batch, kernel.forward.widths["state", label]) for label in kernel.states]


def _masks(kernel: Kernel, steps: int, batch: int) -> Iterator[Shape]:
    for name in kernel.masks:
        axes = (steps, batch) if kernel.program.cell.masks[name].per == "step" else (batch,)
        yield (*axes, kernel.program.mask_widths[name])


def _given(kernel: Kernel, steps: int, batch: int) -> Iterator[Shape]:
    for leaf, (_, settled) in zip(kernel.plan.step.given, kernel.given, strict=True):
        width = kernel.width(leaf)
        yield (width,) if settled else (steps, batch, width)


def _refuse(kernel: Kernel, got: str, wanted: str) -> None:
    raise TracedRunError(cell=kernel.program.cell.name, got=got, wanted=wanted)
