"""A compiled run as operators that torch knows, so that torch.compile and torch.export see through.

A cell travels in an operator's arguments as JSON, so an exported program runs in any process.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unrolled.runtime.kernel import kernel_of
from unrolled.runtime.passes import Owed, backward_pass, forward_pass
from unrolled.runtime.rows import rows_for
from unrolled.runtime.task import Inputs


def run_registered(
    kernel: str, inputs: Inputs, lengths: Tensor | None, *, reverse: bool
) -> tuple[Tensor, ...]:
    """Output, last states and recorded values, by way of the operator."""
    x, first, stacks, bias, vector, masks, given = inputs
    lists = list(first), list(stacks), bias, vector, list(masks), list(given)
    made = forward(kernel, reverse, x, *lists, lengths)
    return tuple(made[: -1 if lengths is None else -2])


@torch.library.custom_op("unrolled::forward", mutates_args=())
def forward(  # noqa: PLR0913
    kernel: str,
    reverse: bool,
    x: Tensor,
    first: list[Tensor],
    stacks: list[Tensor],
    bias: Tensor | None,
    vector: Tensor | None,
    masks: list[Tensor],
    given: list[Tensor],
    lengths: Tensor | None,
) -> list[Tensor]:
    """Output, last states, recorded values; with lengths the output's rows; what is kept."""
    inputs = _inputs(x, first, stacks, bias, vector, masks, given)
    room = x.shape[0] * x.shape[1]
    made = forward_pass(kernel_of(kernel), rows_for(x, lengths, reverse=reverse), inputs, room)
    rows = [] if lengths is None else [made.rows]
    return [*made.results(), *rows, made.kept]


@forward.register_fake
def _(  # noqa: PLR0913
    kernel: str,
    reverse: bool,
    x: Tensor,
    first: list[Tensor],
    stacks: list[Tensor],
    bias: Tensor | None,
    vector: Tensor | None,
    masks: list[Tensor],
    given: list[Tensor],
    lengths: Tensor | None,
) -> list[Tensor]:
    found, (steps, batch) = kernel_of(kernel), x.shape[:2]
    widths = found.forward.widths
    last = [(batch, widths["state", label]) for label in found.states]
    recorded = [(steps, batch, place.end - place.begin) for place in found.recorded.values()]
    rows = [] if lengths is None else [(steps * batch, widths[found.output])]
    shapes = [(steps, batch, widths[found.output]), *last, *recorded, *rows]
    shapes.append((steps * batch * found.kept_width,))
    return [x.new_empty(shape, dtype=found.dtype) for shape in shapes]


@torch.library.custom_op("unrolled::backward", mutates_args=())
def backward(  # noqa: PLR0913
    kernel: str,
    reverse: bool,
    x: Tensor,
    first: list[Tensor],
    stacks: list[Tensor],
    bias: Tensor | None,
    vector: Tensor | None,
    masks: list[Tensor],
    given: list[Tensor],
    lengths: Tensor | None,
    rows: Tensor,
    kept: Tensor,
    gradients: list[Tensor | None],
    wanted: list[bool],
) -> list[Tensor]:
    """The gradients of the inputs that are wanted, in the order of the inputs."""
    found, inputs = kernel_of(kernel), _inputs(x, first, stacks, bias, vector, masks, given)
    count = 1 + len(found.states)
    owed = Owed((gradients[0], *gradients[count:]), gradients[1:count])
    want, made = inputs.like(wanted), (rows, kept)
    flows = backward_pass(found, rows_for(x, lengths, reverse=reverse), inputs, made, owed, want)
    return [flow for flow, needed in zip(flows.flat(), wanted, strict=True) if needed]


@backward.register_fake
def _(  # noqa: PLR0913
    kernel: str,
    reverse: bool,
    x: Tensor,
    first: list[Tensor],
    stacks: list[Tensor],
    bias: Tensor | None,
    vector: Tensor | None,
    masks: list[Tensor],
    given: list[Tensor],
    lengths: Tensor | None,
    rows: Tensor,
    kept: Tensor,
    gradients: list[Tensor | None],
    wanted: list[bool],
) -> list[Tensor]:
    flat = _inputs(x, first, stacks, bias, vector, masks, given).flat()
    wanted_ones = (tensor for tensor, needed in zip(flat, wanted, strict=True) if needed)
    return [tensor.new_empty(tensor.shape) for tensor in wanted_ones]


def _inputs(
    x: Tensor,
    first: Sequence[Tensor],
    stacks: Sequence[Tensor],
    bias: Tensor | None,
    vector: Tensor | None,
    masks: Sequence[Tensor],
    given: Sequence[Tensor],
) -> Inputs:
    return Inputs(x, tuple(first), tuple(stacks), bias, vector, tuple(masks), tuple(given))


def _remember(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    """Keep for the backward what it reads."""
    kernel, reverse, *tensors, lengths = inputs
    ctx.set_materialize_grads(False)
    ctx.kernel, ctx.reverse = kernel, reverse
    ctx.shape = _inputs(*tensors)
    rows = output[0] if lengths is None else output[-2]
    ctx.save_for_backward(*ctx.shape.flat(), lengths, rows, output[-1])


def _gradients(ctx: Any, gradients: Sequence[Tensor | None]) -> tuple[Any, ...]:
    """The gradients of the forward's arguments, by way of the backward operator."""
    *flat, lengths, rows, kept = ctx.saved_tensors
    x, first, stacks, bias, vector, masks, given = ctx.shape.like(flat)
    _, _, *needs, _ = ctx.needs_input_grad
    wanted = [bool(need) for need in Inputs(*needs).flat()]
    results = gradients[: -1 if lengths is None else -2]
    lists = list(first), list(stacks), bias, vector, list(masks), list(given)
    found = iter(
        backward(ctx.kernel, ctx.reverse, x, *lists, lengths, rows, kept, list(results), wanted)
    )
    flows = ctx.shape.like([next(found) if needed else None for needed in wanted])
    return (None, None, *(list(f) if isinstance(f, tuple) else f for f in flows), None)


forward.register_autograd(_gradients, setup_context=_remember)
