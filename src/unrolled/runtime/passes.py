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


def forward_pass(kernel: Kernel, rows: Rows, inputs: Inputs) -> Made:
    """Run forward."""
    memory, widths = _memory_of(kernel, rows, inputs), kernel.forward.widths
    output = empty((rows.total, widths[kernel.output]), kernel.dtype)
    memory.put(output, *kernel.output)
    kept = empty((rows.total * kernel.kept_width,), kernel.dtype)
    memory.put_parts(kept, kernel.kept, rows.total)
    last = [_last(kernel, rows, inputs, number) for number in range(len(kernel.states))]
    for label, tensor in zip(kernel.states, last, strict=True):
        memory.put(tensor, "last", label)
    kernel.forward.run(rows, memory)
    recorded = [_recorded(kernel, rows, output, kept, c) for c in kernel.recorded.values()]
    unpacked = rows.unpack(output)
    kept_output = unpacked if rows.index is None else output
    return Made(unpacked, [rows.unsort(each) for each in last], recorded, kept_output, kept)


def _memory_of(kernel: Kernel, rows: Rows, inputs: Inputs) -> Memory:
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
    return torch.zeros((rows.batch, width), dtype=kernel.dtype)


def _recorded(kernel: Kernel, rows: Rows, output: Tensor, kept: Tensor, place: Columns) -> Tensor:
    """A copy of a recorded value."""
    whole = output if place.role == kernel.output else kernel.kept[place.role].of(kept, rows.total)
    return rows.unpack(whole[:, place.begin : place.end].clone())


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
    output, kept = made
    memory = _memory_of(kernel, rows, inputs)
    memory.put(output, *kernel.output)
    memory.put_parts(kept, kernel.kept, rows.total)
    for (name, width), gradient in zip(kernel.incoming.items(), owed.outward, strict=True):
        nothing = gradient is None
        flow = kernel.zeros(rows.total, width) if nothing else rows.pack(gradient)
        memory.put(flow, "incoming", name)
    first = [
        memory.put(_carried(kernel, rows, label, gradient), "carried", label)
        for label, gradient in zip(kernel.states, owed.last, strict=True)
    ]
    space = _Space(kernel, rows, memory)
    x = space.of_steps(kernel.plan.step.cell.input.label, want.x)
    stacks = [space.of_weight(*pair) for pair in zip(kernel.stacks, want.stacks, strict=True)]
    bias, vector = space.summed("bias", want.bias), space.summed("vector", want.vector)
    given = [
        (space.summed if settled else space.of_steps)(label, wanted)
        for (label, settled), wanted in zip(kernel.given, want.given, strict=True)
    ]
    kernel.backward.run(rows, memory)
    return Inputs(
        _shaped(rows, x, inputs.x, want.x),
        tuple(map(rows.unsort, first)) if inputs.first else (),
        tuple(
            gradient.view(stored.shape) if gradient is not None else None
            for gradient, stored in zip(stacks, inputs.stacks, strict=True)
        ),
        _added_up(bias, inputs.bias, want.bias),
        _added_up(vector, inputs.vector, want.vector),
        (None,) * len(inputs.masks),
        tuple(
            _added_up(flow, value, wanted) if settled else _shaped(rows, flow, value, wanted)
            for (_, settled), flow, value, wanted in zip(
                kernel.given, given, inputs.given, want.given, strict=True
            )
        ),
    )


class _Space(NamedTuple):
    """Memory for what a backward leaves; None where there will be nothing."""

    kernel: Kernel
    rows: Rows
    memory: Memory

    def of_steps(self, label: str, wanted: bool) -> Tensor | None:
        """For the gradient of what was read at each step."""
        role = "gradient_of", label
        if role not in self.kernel.backward.widths:
            return None
        if not wanted:
            if label not in self.kernel.stored_flows:
                self.memory.put_nothing(*role)
            return None
        return self._put(self.rows.total, role)

    def summed(self, kind: str, wanted: bool) -> Tensor | None:
        """For a gradient that is summed over steps and rows, slice by slice."""
        role = "sum", kind
        if not wanted or role not in self.kernel.backward.widths:
            return None
        return self._put(self.kernel.slices(self.rows.batch), role)

    def of_weight(self, key: str, wanted: bool) -> Tensor | None:
        """For the gradient of a stored matrix."""
        role = "gradient_of_weight", key
        if not wanted:
            self.memory.put_nothing(*role)
            return None
        return self.memory.put(self.kernel.zeros(self.kernel.stored[key]), *role)

    def _put(self, count: int, role: tuple[str, ...]) -> Tensor:
        size = count, self.kernel.backward.widths[role]
        return self.memory.put(empty(size, self.kernel.dtype), *role)


def _carried(kernel: Kernel, rows: Rows, label: str, gradient: Tensor | None) -> Tensor:
    """The gradient of a last state, to be carried back in place to the first."""
    if gradient is None:
        return kernel.zeros(rows.batch, kernel.forward.widths["state", label])
    flow = rows.sort(gradient)
    return flow.clone() if flow is gradient else flow


def _shaped(rows: Rows, flow: Tensor | None, value: Tensor, wanted: bool) -> Tensor | None:
    """The gradient of what was read at each step, T x B x width."""
    if not wanted:
        return None
    return torch.zeros_like(value) if flow is None else rows.unpack(flow)


def _added_up(sums: Tensor | None, value: Tensor, wanted: bool) -> Tensor | None:
    """The sum over all slices."""
    if not wanted:
        return None
    if sums is None:
        return torch.zeros_like(value)
    return (sums[0] if len(sums) == 1 else sums.sum(0)).view(value.shape)
