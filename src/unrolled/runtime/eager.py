"""The meaning of a cell on tensors: a program interpreted, one sequence at a time.

Plain differentiable torch throughout, so any dtype, any device, and derivatives of any order. This
is the truth that every faster backend is compared with.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Int, Shaped
from torch import Tensor

from unrolled.runtime.program import Instruction, Program


class Weights(NamedTuple):
    """A cell's stored tensors (see `compiler.layout`)."""

    stacks: tuple[Tensor, ...]  # each G x operand width
    bias: Tensor | None  # G
    vector: Tensor | None  # G


class Run(NamedTuple):
    """What running a cell over a sequence gives."""

    output: Tensor  # T B H
    last: tuple[Tensor, ...]  # each B x width
    recorded: dict[str, Tensor]  # each T x B x width


def run(
    program: Program,
    x: Shaped[Tensor, "T B *X"],
    first: Sequence[Shaped[Tensor, "B _"]],
    weights: Weights,
    *,
    masks: Mapping[str, Tensor] | None = None,
    lengths: Int[Tensor, " B"] | None = None,
    record: Sequence[str] = (),
) -> Run:
    """Run a cell over a whole sequence.

    Args:
        program: The cell, made ready for these widths.
        x: T x B x X, or whole numbers T x B that stand for one-hot vectors. What lies past a
            length must be zero.
        first: The first states, each B x width.
        weights: The stored tensors.
        masks: By name: T x B x width for a mask per step, B x width for one per sequence. None at
            evaluation, where each mask is its expectation.
        lengths: Steps of each sequence (B); states stop there and outputs beyond are zero.
        record: Names of the equations whose values to return for all steps.
    """
    values: list[Any] = [None] * program.slot_count
    _load(program, values, x, first, weights, masks or {})
    _execute(program.before, values)
    steps = {slot: values[slot].unbind(0) for slot in program.stepped}
    states = tuple(first)
    outputs: list[Tensor] = []
    recorded: dict[str, list[Tensor]] = {name: [] for name in record}
    for t in range(len(x)):
        for slot, per_step in steps.items():
            values[slot] = per_step[t]
        for slot, state in zip(program.state_slots, states, strict=True):
            values[slot] = state
        _execute(program.within, values)
        new = [_like(values[s], old) for s, old in zip(program.result_slots, states, strict=True)]
        active = None if lengths is None else (t < lengths).unsqueeze(-1)  # B 1
        outputs.append(_kept(new[0], active))
        for name, found in recorded.items():
            found.append(_kept(_rows(values[program.named_slots[name]], new[0]), active))
        states = tuple(new) if active is None else _advance(active, new, states)
    stacked = {name: torch.stack(found) for name, found in recorded.items()}
    return Run(torch.stack(outputs), states, stacked)


def _load(
    program: Program,
    values: list[Any],
    x: Tensor,
    first: Sequence[Tensor],
    weights: Weights,
    masks: Mapping[str, Tensor],
) -> None:
    """Put everything that is known before the first step into its slot."""
    for slot, constant in program.constants:
        values[slot] = constant
    for slot, stack in zip(program.stack_slots, weights.stacks, strict=True):
        values[slot] = stack
    for slots, sizes, tensor in (
        (program.bias_slots, program.bias_sizes, weights.bias),
        (program.vector_slots, program.vector_sizes, weights.vector),
    ):
        if tensor is not None:
            for slot, part in zip(slots, tensor.split(sizes), strict=True):
                values[slot] = part
    for name, slot in program.mask_slots.items():
        expected, width = program.cell.masks[name].at_evaluation, program.mask_widths[name]
        values[slot] = masks[name] if name in masks else first[0].new_full((width,), expected)
    values[program.gather_slot] = x
    dense = x.is_floating_point() or not program.reads_input
    values[program.input_slot] = x if dense else one_hot(x, program, first[0])


def one_hot(x: Tensor, program: Program, like: Tensor) -> Tensor:
    """The vectors themselves, for cells that use x other than in products."""
    return F.one_hot(x.long(), program.sizes["X"]).to(like.dtype)


def expected_masks(program: Program, steps: int, batch: int, like: Tensor) -> dict[str, Tensor]:
    """What stands for the masks at evaluation, for a program that has them as inputs."""
    masks, widths = program.cell.masks, program.mask_widths
    return {
        name: like.new_full((), masks[name].at_evaluation).expand(
            *([steps] if mask.per == "step" else []), batch, widths[name]
        )
        for name, mask in masks.items()
    }


def _execute(instructions: Sequence[Instruction], values: list[Any]) -> None:
    for call, reads, writes in instructions:
        result = call(*[values[slot] for slot in reads])
        if len(writes) == 1:
            values[writes[0]] = result
        else:
            for slot, part in zip(writes, result, strict=True):
                values[slot] = part


def _like(value: Tensor | float, state: Tensor) -> Tensor:
    """A result in its state's shape (an equation may give a constant, or one number a row)."""
    if not isinstance(value, Tensor):
        return torch.full_like(state, value)
    return value if value.shape == state.shape else value.expand_as(state)


def _rows(value: Tensor | float, output: Tensor) -> Tensor:
    """A recorded value with its batch axis."""
    tensor = value if isinstance(value, Tensor) else output.new_tensor(value)
    return tensor if tensor.dim() == 2 else tensor.reshape(1, -1).expand(len(output), -1)


def _kept(value: Tensor, active: Tensor | None) -> Tensor:
    """The value, zero where the sequence has ended."""
    return value if active is None else torch.where(active, value, torch.zeros_like(value))


def _advance(active: Tensor, new: Sequence[Tensor], old: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """New states where the sequence goes on, the old ones where it has ended."""
    return tuple(torch.where(active, n, o) for n, o in zip(new, old, strict=True))
