"""The compiled meaning of a cell over a sequence, differentiable.

`passes` has what a run does forward and backward; here it becomes a function that autograd knows.
Second derivatives come from the eager meaning.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from unrolled.runtime.eager import Run, Weights, one_hot, run
from unrolled.runtime.given import given_values
from unrolled.runtime.kernel import Kernel
from unrolled.runtime.passes import backward_pass, forward_pass, gradients_of, kept_of
from unrolled.runtime.program import Program
from unrolled.runtime.rows import Rows, equal_rows, turned, zero_past
from unrolled.runtime.task import Inputs, Task


def run_compiled(
    program: Program,
    kernel: Kernel,
    x: Tensor,
    first: Sequence[Tensor],
    weights: Weights,
    *,
    masks: Mapping[str, Tensor] | None = None,
    rows: Rows,
) -> Run:
    """Run a compiled cell over a whole sequence.

    Args:
        program: The cell, made ready for these widths.
        kernel: The same, compiled; it says which values are recorded.
        x: T x B x X, or whole numbers T x B that stand for one-hot vectors.
        first: The first states, each B x width.
        weights: The stored tensors.
        masks: As `eager.run` takes them.
        rows: The lengths and the direction.
    """
    masks = masks or {}
    step = kernel.plan.step
    if x.is_floating_point():
        x = x if x.dtype is kernel.dtype else x.to(kernel.dtype)
    elif program.reads_input:
        x = one_hot(x, program, first[0])
    with _full_precision():
        known = x if rows.lengths is None or not step.given else zero_past(x, rows.lengths)
        given = given_values(step, program, known, weights, masks) if step.given else ()
        drawn = tuple(masks[name] for name in kernel.masks if masks)
        states = tuple(state.to(kernel.dtype) for state in first)
        inputs = Inputs(x, states, weights.stacks, weights.bias, weights.vector, drawn, given)
        task = Task(kernel, rows, inputs, lambda inputs: _eagerly(program, kernel, rows, inputs))
        output, *rest = CompiledLoop.apply(task, *inputs.flat())
    count = len(states)
    recorded = dict(zip(step.recorded, rest[count:], strict=True))
    return Run(output, tuple(rest[:count]), recorded)


def rows_for(x: Tensor, lengths: Tensor | None, *, reverse: bool) -> Rows:
    """How the steps of an input (T x B x ...) lie in memory."""
    steps, batch = x.shape[:2]
    if lengths is None:
        return equal_rows(steps, batch, reverse=reverse)
    return Rows(steps, batch, reverse, lengths)


class CompiledLoop(torch.autograd.Function):
    """Output (T x B x H), last states and recorded values of a compiled cell."""

    @staticmethod
    def forward(ctx: Any, task: Task, *flat: Any) -> tuple[Tensor, ...]:
        """Run forward; what the backward needs stays with the context."""
        ctx.set_materialize_grads(False)
        rows, found = task.rows, forward_pass(task, task.inputs(flat))
        output = rows.unpack(found["state", task.kernel.states[0]])
        last = [rows.unsort(found["last", label]) for label in task.kernel.states]
        recorded = [rows.unpack(each.of(found).contiguous()) for each in task.kernel.recorded]
        kept = kept_of(found)
        if rows.index is None:
            kept["state", task.kernel.states[0]] = output
        ctx.task, ctx.roles = task, list(kept)
        ctx.save_for_backward(*flat, *kept.values())
        return (output, *last, *recorded)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        """Run backward; under `create_graph` the eager meaning does."""
        task: Task = ctx.task
        saved = ctx.saved_tensors
        flat, kept = saved[: -len(ctx.roles)], saved[-len(ctx.roles) :]
        inputs, needed = task.inputs(flat), ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            return (None, *_again(task, inputs, needed, gradients))
        count = len(task.kernel.states)
        by_role = dict(
            zip(ctx.roles, (buffer.view(-1, buffer.shape[-1]) for buffer in kept), strict=True)
        )
        outward, last = [gradients[0], *gradients[1 + count :]], gradients[1 : 1 + count]
        with _full_precision():
            found = backward_pass(task, inputs, by_role, outward, last)
            return (None, *gradients_of(task, inputs, found, needed))


def _full_precision() -> AbstractContextManager[Any]:
    """Autocast suspended: the C computes in the dtype of the weights."""
    if torch.is_autocast_enabled("cpu"):
        return torch.autocast("cpu", enabled=False)
    return nullcontext()


def _again(
    task: Task, inputs: Inputs, needed: Sequence[bool], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The gradients by way of the eager meaning, which are differentiable themselves."""
    flat = inputs.flat()
    wanted = [tensor for tensor, need in zip(flat, needed, strict=True) if need]
    outputs = zip(task.again(inputs), gradients, strict=True)
    pairs = [(o, g) for o, g in outputs if g is not None and o.requires_grad]
    found = iter(
        torch.autograd.grad(
            [output for output, _ in pairs],
            wanted,
            [gradient for _, gradient in pairs],
            create_graph=True,
            allow_unused=True,
        )
    )
    return [next(found) if need else None for need in needed]


def _eagerly(program: Program, kernel: Kernel, rows: Rows, inputs: Inputs) -> Sequence[Tensor]:
    """Output, last states and recorded values by way of the eager meaning."""
    lengths, step = rows.lengths, kernel.plan.step
    masks = dict(zip(kernel.masks, inputs.masks, strict=bool(inputs.masks)))
    x = inputs.x if lengths is None else zero_past(inputs.x, lengths)
    if rows.reverse:
        x = turned(x, lengths)
        masks = {n: turned(m, lengths) if m.dim() == 3 else m for n, m in masks.items()}
    weights = Weights(inputs.stacks, inputs.bias, inputs.vector)
    record = tuple(step.recorded)
    made = run(program, x, inputs.first, weights, masks=masks, lengths=lengths, record=record)
    values = [made.output, *made.recorded.values()]
    if rows.reverse:
        values = [turned(value, lengths) for value in values]
    return [values[0], *made.last, *values[1:]]
