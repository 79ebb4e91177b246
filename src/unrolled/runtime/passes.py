"""Forward and backward of a compiled run: memory for what goes in and comes out, and two calls."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.runtime.kernel import Columns, Kernel
from unrolled.runtime.memory import Memory, empty, zeros
from unrolled.runtime.rows import Rows
from unrolled.runtime.task import Inputs


class Made(NamedTuple):
    """What a forward pass gives."""

    output: Tensor  # T B H
    last: list[Tensor]  # each B x width
    recorded: list[Tensor]  # each T x B x width
    rows: Tensor
    """The output as rows; the output itself if all sequences are equally long."""
    kept: Tensor
    """What the backward reads beside it, end to end."""

    def results(self) -> tuple[Tensor, ...]:
        """What the caller asked for."""
        return (self.output, *self.last, *self.recorded)


class Owed(NamedTuple):
    """The gradients of what a forward pass gave, each None where there is none."""

    outward: Sequence[Tensor | None]  # of the output and of recorded values, each T x B x width
    last: Sequence[Tensor | None]  # each B x width


def forward_pass(kernel: Kernel, rows: Rows, inputs: Inputs, room: int = 0) -> Made:
    """Run forward.

    Args:
        kernel: The compiled cell.
        rows: The lengths and the direction.
        inputs: What it reads.
        room: How many rows to make room for, if more than there are.
    """
    memory, laid = lay_forward(kernel, rows, inputs, room)
    kernel.forward.run(rows, memory)
    output = laid.output[: rows.total] if room > rows.total else laid.output
    columns = kernel.recorded.values()
    return Made(
        rows.unpack(output),
        list(map(rows.unsort, laid.last)),
        [_recorded(kernel, rows, output, laid.kept, place) for place in columns],
        laid.output,
        laid.kept,
    )


class Laid(NamedTuple):
    """Memory for what a forward pass leaves."""

    output: Tensor  # rows
    kept: Tensor
    last: list[Tensor]  # each B x width, the longest sequence first


def lay_forward(kernel: Kernel, rows: Rows, inputs: Inputs, room: int = 0) -> tuple[Memory, Laid]:
    """Memory for a forward pass; the arguments are those of `forward_pass`."""
    memory, widths = memory_of(kernel, rows, inputs), kernel.forward.widths
    spare = max(room - rows.total, 0)
    shape = (room,) if spare else rows.shape
    output = empty((*shape, widths[kernel.output]), kernel.dtype)
    memory.put(output, *kernel.output)
    used = rows.total * kernel.kept_width
    kept = empty((used + spare * kernel.kept_width,), kernel.dtype)
    memory.put_parts(kept, kernel.kept, rows.total)
    if spare:
        output[rows.total :].zero_()
        kept[used:].zero_()
    last = [_last(kernel, rows, inputs, number) for number in range(len(kernel.states))]
    for label, tensor in zip(kernel.states, last, strict=True):
        memory.put(tensor, "last", label)
    return memory, Laid(output, kept, last)


def memory_of(kernel: Kernel, rows: Rows, inputs: Inputs) -> Memory:
    """What either direction reads of the inputs."""
    memory = Memory(kernel.dtype)
    if inputs.x.is_floating_point():
        memory.put(rows.pack(inputs.x), "input")
    else:
        memory.put_symbols(rows.pack(inputs.x).long())
        memory.put_nothing("input")
    for key, stored in zip(kernel.stacks, inputs.stacks, strict=True):
        memory.put(stored.contiguous(), "weight", key)
    for kind, tensor in (("bias", inputs.bias), ("vector", inputs.vector)):
        if tensor is not None:
            memory.put(tensor.contiguous(), "stored", kind)
    for name, mask in zip(kernel.masks, inputs.masks, strict=bool(inputs.masks)):
        memory.put(rows.pack(mask) if mask.dim() == 3 else rows.sort(mask), "mask", name)
    for (label, settled), value in zip(kernel.given, inputs.given, strict=True):
        memory.put(value.contiguous() if settled else rows.pack(value), "given", label)
    for number, label in enumerate(kernel.states):
        if inputs.first:
            memory.put(rows.sort(inputs.first[number]), "first", label)
        else:
            nothing = zeros(rows.batch * kernel.forward.widths["state", label], kernel.dtype)
            memory.put(nothing, "first", label)
    return memory


def _last(kernel: Kernel, rows: Rows, inputs: Inputs, number: int) -> Tensor:
    """Memory for a last state; a sequence without steps leaves in it what it began with."""
    width = kernel.forward.widths["state", kernel.states[number]]
    if rows.lengths is None:
        return empty((rows.batch, width), kernel.dtype)
    if inputs.first:
        return rows.sort(inputs.first[number]).clone()
    return kernel.zeros(rows.batch, width)


def _recorded(kernel: Kernel, rows: Rows, output: Tensor, kept: Tensor, place: Columns) -> Tensor:
    """A copy of a recorded value."""
    if place.role == kernel.output:
        whole = output
    else:
        part = kernel.kept[place.role]
        whole = part.of(kept, rows.total).view(*rows.shape, part.width)
    columns = whole[..., place.begin : place.end]
    return rows.unpack(columns.clone(memory_format=torch.contiguous_format))


def backward_pass(
    kernel: Kernel,
    rows: Rows,
    inputs: Inputs,
    made: tuple[Tensor, Tensor],
    owed: Owed,
    want: Inputs,
) -> Inputs:
    """The gradient of every input, None where it is not wanted.

    Args:
        kernel: The compiled cell.
        rows: The lengths and the direction.
        inputs: What the forward read.
        made: What it left: the output's rows, and what it kept.
        owed: The gradients of its results.
        want: Which gradients are wanted.
    """
    memory, found = lay_backward(kernel, rows, inputs, made, owed, want)
    kernel.backward.run(rows, memory)
    return _finished(rows, found, inputs)


def lay_backward(  # noqa: PLR0913
    kernel: Kernel,
    rows: Rows,
    inputs: Inputs,
    made: tuple[Tensor, Tensor],
    owed: Owed,
    want: Inputs,
) -> tuple[Memory, Inputs]:
    """Memory for a backward pass and the gradients in it, as the C leaves them.

    The arguments are those of `backward_pass`.
    """
    output, kept = made
    memory = memory_of(kernel, rows, inputs)
    memory.put(output, *kernel.output)
    memory.put_parts(kept, kernel.kept, rows.total)
    for (name, width), gradient in zip(kernel.incoming.items(), owed.outward, strict=True):
        nothing = gradient is None
        flow = kernel.zeros(*rows.shape, width) if nothing else rows.pack(gradient)
        memory.put(flow, "incoming", name)
    first = [
        memory.put(_carried(kernel, rows, label, gradient), "carried", label)
        for label, gradient in zip(kernel.states, owed.last, strict=True)
    ]
    space = _Space(kernel, rows, memory)
    x = space.of_steps(kernel.plan.step.cell.input.label, inputs.x, want.x)
    stacks = map(space.of_weight, kernel.stacks, inputs.stacks, want.stacks)
    found = Inputs(
        x,
        tuple(first) if inputs.first else (),
        tuple(stacks),
        space.summed("bias", inputs.bias, want.bias),
        space.summed("vector", inputs.vector, want.vector),
        (None,) * len(inputs.masks),
        tuple(
            (space.summed if settled else space.of_steps)(label, value, wanted)
            for (label, settled), value, wanted in zip(
                kernel.given, inputs.given, want.given, strict=True
            )
        ),
        tuple(map(space.of_value, kernel.watched, want.probes)),
    )
    return memory, found


class _Space(NamedTuple):
    """Memory for what a backward leaves: a gradient, or what becomes one."""

    kernel: Kernel
    rows: Rows
    memory: Memory

    def of_steps(self, label: str, value: Tensor, wanted: bool) -> Tensor | None:
        """For the gradient of what was read at each step."""
        role = "gradient_of", label
        width = self.kernel.backward.widths.get(role)
        if width is None:
            return torch.zeros_like(value) if wanted else None
        if wanted:
            return self.memory.put(empty((*self.rows.shape, width), self.kernel.dtype), *role)
        if label not in self.kernel.stored_flows:
            self.memory.put_nothing(*role)
        return None

    def of_value(self, name: str, wanted: bool) -> Tensor | None:
        """For the gradient of a watched value."""
        width = self.kernel.backward.widths.get(("flow", name))
        if width is None or not wanted:
            return None
        return self.memory.put(empty((*self.rows.shape, width), self.kernel.dtype), "flow", name)

    def summed(self, kind: str, value: Tensor, wanted: bool) -> Tensor | None:
        """For a gradient that is summed over steps and rows, slice by slice."""
        role = "sum", kind
        if not wanted:
            return None
        if role not in self.kernel.backward.widths:
            return torch.zeros_like(value)
        slices = self.kernel.split(self.rows).slices
        shape = value.shape if slices == 1 else (slices, *value.shape)
        return self.memory.put(empty(shape, self.kernel.dtype), *role)

    def of_weight(self, key: str, value: Tensor, wanted: bool) -> Tensor | None:
        """For the gradient of a stored matrix."""
        role = "gradient_of_weight", key
        if not wanted:
            self.memory.put_nothing(*role)
            return None
        return self.memory.put(self.kernel.zeros(*value.shape), *role)


def _finished(rows: Rows, found: Inputs, inputs: Inputs) -> Inputs:
    """The gradients in the shapes of what they belong to."""

    def shaped(flow: Tensor | None, value: Tensor) -> Tensor | None:
        if flow is None or flow.shape == value.shape:
            return flow
        return flow.sum(0) if value.dim() == 1 else rows.unpack(flow)

    return found._replace(
        x=shaped(found.x, inputs.x),
        first=tuple(map(rows.unsort, found.first)),
        bias=shaped(found.bias, inputs.bias),
        vector=shaped(found.vector, inputs.vector),
        given=tuple(map(shaped, found.given, inputs.given)),
        probes=tuple(map(shaped, found.probes, inputs.probes)),
    )


def _carried(kernel: Kernel, rows: Rows, label: str, gradient: Tensor | None) -> Tensor:
    """The gradient of a last state, to be carried back in place to the first."""
    if gradient is None:
        return kernel.zeros(rows.batch, kernel.forward.widths["state", label])
    flow = rows.sort(gradient)
    return flow.clone() if flow is gradient else flow
