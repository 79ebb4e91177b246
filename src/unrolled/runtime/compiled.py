"""The compiled meaning of a cell over a sequence, differentiable.

`passes` has what a run does forward and backward; here it becomes a function that autograd knows.
Second derivatives come from the eager meaning.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from unrolled.compiler.probes import probe_of
from unrolled.runtime.building import probed_program
from unrolled.runtime.eager import Weights, expected_masks, one_hot, run
from unrolled.runtime.given import given_values
from unrolled.runtime.kernel import Kernel
from unrolled.runtime.passes import Owed, backward_pass, forward_pass
from unrolled.runtime.registered import run_registered
from unrolled.runtime.rows import Rows, rows_for, turned, zero_past
from unrolled.runtime.task import Inputs, Task


def run_compiled(  # noqa: PLR0913
    kernel: Kernel,
    x: Tensor,
    first: Sequence[Tensor] | None,
    weights: Weights,
    *,
    masks: Mapping[str, Tensor] | None = None,
    probes: Mapping[str, Tensor] | None = None,
    lengths: Tensor | None = None,
    reverse: bool = False,
    registered: bool = False,
) -> tuple[Tensor, ...]:
    """Run a compiled cell over a whole sequence: output, last states, recorded values.

    Args:
        kernel: The compiled cell; it says which values are recorded.
        x: T x B x X, or whole numbers T x B that stand for one-hot vectors.
        first: The first states, each B x width; None for zeros.
        weights: The stored tensors.
        masks: As `eager.run` takes them.
        probes: Zeros, T x B x width, that get the gradients of the values that the kernel watches.
        lengths: Steps of each sequence (B), or None.
        reverse: Whether it runs from the last step to the first.
        registered: By way of an operator that torch knows, with a little more work in each call.
    """
    masks, probes, step, program = masks or {}, probes or {}, kernel.plan.step, kernel.program
    if x.is_floating_point():
        x = x if x.dtype is kernel.dtype else x.to(kernel.dtype)
    elif program.reads_input:
        x = one_hot(x, program, kernel.zeros(0))
    with _full_precision():
        known = x if lengths is None or not step.given else zero_past(x, lengths)
        given = given_values(step, program, known, weights, masks, probes) if step.given else ()
        drawn = tuple(masks[name] for name in kernel.masks if masks)
        states = tuple(state.to(kernel.dtype) for state in first or ())
        watched = tuple(probes[name] for name in kernel.watched)
        stored = weights.stacks, weights.bias, weights.vector
        inputs = Inputs(x, states, *stored, drawn, given, watched)
        if registered:
            return run_registered(kernel.text, inputs, lengths, reverse=reverse)
        rows, flat = rows_for(x, lengths, reverse=reverse), inputs.flat()
        if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in flat):
            return CompiledLoop.apply(Task(kernel, rows, inputs), *flat)
        return forward_pass(kernel, rows, inputs).results()


class CompiledLoop(torch.autograd.Function):
    """Output (T x B x H), last states and recorded values of a compiled cell."""

    @staticmethod
    def forward(ctx: Any, task: Task, *flat: Any) -> tuple[Tensor, ...]:
        """Run forward; what the backward needs stays with the context."""
        ctx.set_materialize_grads(False)
        made = forward_pass(task.kernel, task.rows, task.shape.like(flat))
        ctx.task = task
        ctx.save_for_backward(*flat, made.rows, made.kept)
        return made.results()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Any, ...]:
        """Run backward; `create_graph` and batches of gradients take the eager meaning."""
        task: Task = ctx.task
        *flat, output, kept = ctx.saved_tensors
        inputs, needed = task.shape.like(flat), ctx.needs_input_grad[1:]
        batched = any(g is not None and not torch._C._has_storage(g) for g in gradients)
        if torch.is_grad_enabled() or batched:
            return (None, *_again(task, inputs, needed, gradients))
        count = 1 + len(task.kernel.states)
        owed = Owed((gradients[0], *gradients[count:]), gradients[1:count])
        want = inputs.like(needed)
        with _full_precision():
            made = output, kept
            found = backward_pass(task.kernel, task.rows, inputs, made, owed, want)
        return (None, *found.flat())


_AS_IT_IS = nullcontext()


def _full_precision() -> AbstractContextManager[Any]:
    """Autocast suspended: the C computes in the dtype of the weights."""
    if torch.is_autocast_enabled("cpu"):
        return torch.autocast("cpu", enabled=False)
    return _AS_IT_IS


def _again(
    task: Task, inputs: Inputs, needed: Sequence[bool], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The gradients by way of the eager meaning, which under `create_graph` have their own."""
    flat, differentiable = inputs.flat(), torch.is_grad_enabled()
    wanted = [tensor for tensor, need in zip(flat, needed, strict=True) if need]
    with torch.enable_grad():
        outputs = zip(_eagerly(task.kernel, task.rows, inputs), gradients, strict=True)
    pairs = [(o, g) for o, g in outputs if g is not None and o.requires_grad]
    found = iter(
        torch.autograd.grad(
            [output for output, _ in pairs],
            wanted,
            [gradient for _, gradient in pairs],
            create_graph=differentiable,
            allow_unused=True,
        )
    )
    return [next(found) if need else None for need in needed]


def _eagerly(kernel: Kernel, rows: Rows, inputs: Inputs) -> Sequence[Tensor]:
    """Output, last states and recorded values by way of the eager meaning."""
    lengths, step = rows.lengths, kernel.plan.step
    watched = tuple(kernel.watched)
    masks = dict(zip(kernel.masks, inputs.masks, strict=bool(inputs.masks)))
    program = kernel.program
    if watched:
        program = probed_program(program.cell, tuple(kernel.sizes.items()), watched)
        steps, batch = inputs.x.shape[:2]
        masks = masks or expected_masks(program, steps, batch, kernel.zeros(0))
        masks |= dict(zip(map(probe_of, watched), inputs.probes, strict=True))
    x = inputs.x if lengths is None else zero_past(inputs.x, lengths)
    if rows.reverse:
        x = turned(x, lengths)
        masks = {n: turned(m, lengths) if m.dim() == 3 else m for n, m in masks.items()}
    weights = Weights(inputs.stacks, inputs.bias, inputs.vector)
    record = tuple(step.recorded)
    widths = kernel.forward.widths
    zeros = (kernel.zeros(rows.batch, widths["state", label]) for label in kernel.states)
    first = inputs.first or tuple(zeros)
    made = run(program, x, first, weights, masks=masks, lengths=lengths, record=record)
    values = [made.output, *made.recorded.values()]
    if rows.reverse:
        values = [turned(value, lengths) for value in values]
    return [values[0], *made.last, *values[1:]]
