"""A compiled run as operators that torch knows, so that torch.compile and torch.export see through.

A cell travels in an operator's arguments as JSON, so an exported program runs in any process. A
trace cannot look at values, and an exported program is a file that anybody may have written: what
an operator is given is checked when it runs, before C sees it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from unrolled.runtime.fitting import check_inputs, check_tensor, shapes_of_kept, shapes_of_results
from unrolled.runtime.kernel import kernel_of
from unrolled.runtime.passes import Owed, backward_pass, forward_pass
from unrolled.runtime.rows import rows_for
from unrolled.runtime.task import Inputs

_INPUTS = (
    "str kernel, bool reverse, Tensor x, Tensor[] first, Tensor[] stacks, Tensor? bias, "
    "Tensor? vector, Tensor[] masks, Tensor[] given, Tensor? lengths"
)
_KEPT = "Tensor rows, Tensor kept, Tensor?[] gradients, bool[] wanted"


def run_registered(
    kernel: str, inputs: Inputs, lengths: Tensor | None, *, reverse: bool
) -> tuple[Tensor, ...]:
    """Output, last states and recorded values, by way of the operator."""
    made = forward(kernel, reverse, *_as_lists(inputs), lengths)
    return tuple(made[: -1 if lengths is None else -2])


@torch.library.custom_op(
    "unrolled::forward",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_INPUTS}) -> Tensor[]",
)
def forward(text: str, reverse: bool, *arguments: Any) -> list[Tensor]:
    """Output, last states, recorded values; with lengths the output's rows; what is kept.

    Raises:
        TracedRunError: A tensor does not fit the cell.
        StoredCellError: The text tells of no cell.
    """
    kernel, (inputs, lengths) = kernel_of(text), _opened(arguments)
    check_inputs(kernel, inputs, lengths)
    rows, room = rows_for(inputs.x, lengths, reverse=reverse), inputs.x.shape[0] * inputs.x.shape[1]
    made = forward_pass(kernel, rows, inputs, room)
    packed = [] if lengths is None else [made.rows]
    return [*made.results(), *packed, made.kept]


@forward.register_fake
def _(text: str, reverse: bool, *arguments: Any) -> list[Tensor]:
    kernel, (inputs, lengths) = kernel_of(text), _opened(arguments)
    rows, kept = shapes_of_kept(kernel, inputs, packed=lengths is not None)
    shapes = [*shapes_of_results(kernel, inputs), *([] if lengths is None else [rows]), kept]
    return [inputs.x.new_empty(shape, dtype=kernel.dtype) for shape in shapes]


@torch.library.custom_op(
    "unrolled::backward",
    mutates_args=(),
    device_types="cpu",
    schema=f"({_INPUTS}, {_KEPT}) -> Tensor[]",
)
def backward(text: str, reverse: bool, *arguments: Any) -> list[Tensor]:
    """The gradients of the inputs that are wanted, in the order of the inputs.

    Raises:
        TracedRunError: A tensor does not fit the cell.
        StoredCellError: The text tells of no cell.
    """
    *given, output, kept, gradients, wanted = arguments
    kernel, (inputs, lengths) = kernel_of(text), _opened(given)
    check_inputs(kernel, inputs, lengths)
    for gradient, shape in zip(gradients, shapes_of_results(kernel, inputs), strict=True):
        if gradient is not None:
            check_tensor(kernel, "the gradient of a result", gradient, shape)
    rows_shape, kept_shape = shapes_of_kept(kernel, inputs, packed=lengths is not None)
    check_tensor(kernel, "the output's rows", output, rows_shape)
    check_tensor(kernel, "what the forward kept", kept, kept_shape)
    count = 1 + len(kernel.states)
    owed = Owed((gradients[0], *gradients[count:]), gradients[1:count])
    rows, want = rows_for(inputs.x, lengths, reverse=reverse), inputs.like(wanted)
    flows = backward_pass(kernel, rows, inputs, (output, kept), owed, want)
    return [flow for flow, needed in zip(flows.flat(), wanted, strict=True) if needed]


@backward.register_fake
def _(text: str, reverse: bool, *arguments: Any) -> list[Tensor]:
    *given, _, _, _, wanted = arguments
    flat = _opened(given)[0].flat()
    return [t.new_empty(t.shape) for t, needed in zip(flat, wanted, strict=True) if needed]


def _remember(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    """Keep for the backward what it reads."""
    ctx.text, ctx.reverse, *arguments = inputs
    ctx.set_materialize_grads(False)
    ctx.shape, lengths = _opened(arguments)
    rows = output[0] if lengths is None else output[-2]
    ctx.save_for_backward(*ctx.shape.flat(), lengths, rows, output[-1])


def _gradients(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
    """The gradients of the forward's arguments, by way of the backward operator."""
    *flat, lengths, rows, kept = ctx.saved_tensors
    lists = _as_lists(ctx.shape.like(flat))
    _, _, *needs, _ = ctx.needs_input_grad
    wanted = [bool(need) for need in Inputs(*needs).flat()]
    results = list(gradients[: -1 if lengths is None else -2])
    found = iter(backward(ctx.text, ctx.reverse, *lists, lengths, rows, kept, results, wanted))
    flows = ctx.shape.like([next(found) if needed else None for needed in wanted])
    return (None, None, *_as_lists(flows), None)


forward.register_autograd(_gradients, setup_context=_remember)


def _opened(arguments: Sequence[Any]) -> tuple[Inputs, Tensor | None]:
    """The inputs and the lengths among an operator's arguments."""
    *fields, lengths = arguments
    return Inputs(*(tuple(f) if isinstance(f, list | tuple) else f for f in fields)), lengths


def _as_lists(inputs: Inputs) -> Iterator[Any]:
    """The same as an operator's arguments; what is traced has no probes."""
    assert not inputs.probes
    return (list(field) if isinstance(field, tuple) else field for field in inputs[:-1])
