"""Layers upon layers, and both directions: layer l reads, at each step, what layer l-1 put out."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.errors import RecordError
from unrolled.layers.sequences import reverse
from unrolled.layers.states import draw_masks
from unrolled.runtime.eager import Run, Weights, run
from unrolled.runtime.program import Program


class Plan(NamedTuple):
    """What does not change from call to call."""

    programs: Sequence[Program]  # L
    directions: int
    dropout: float


def run_stack(
    plan: Plan,
    x: Tensor,
    first: Sequence[Tensor],
    weights: Sequence[Weights],
    *,
    lengths: Tensor | None,
    training: bool,
    record: Sequence[str],
) -> Run:
    """Run all layers and directions.

    Args:
        plan: The programs and how they are stacked.
        x: T x B x X, or T x B whole numbers, zero past each length.
        first: The first states, each L*D x B x width.
        weights: One for each layer and direction, L*D.
        lengths: Steps of each sequence (B), or None.
        training: Whether masks and dropout are random.
        record: Names of the equations whose values to return, each L*D x T x B x width.

    Raises:
        RecordError: A value to record is not equally wide in all layers.
    """
    runs: list[Run] = []
    for layer, program in enumerate(plan.programs):
        if layer and training and plan.dropout:
            x = F.dropout(x, plan.dropout, training=True)
        of_layer: list[Run] = []
        for direction in range(plan.directions):
            row = layer * plan.directions + direction
            start = [state[row] for state in first]
            backwards = direction == 1
            made = _run_one(program, x, start, weights[row], lengths, training, record, backwards)
            of_layer.append(made)
        runs += of_layer
        outputs = [made.output for made in of_layer]
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
    last = tuple(torch.stack(parts) for parts in zip(*(made.last for made in runs), strict=True))
    recorded = {name: _stacked(name, [made.recorded[name] for made in runs]) for name in record}
    return Run(x, last, recorded)


def _run_one(  # noqa: PLR0913
    program: Program,
    x: Tensor,
    first: Sequence[Tensor],
    weights: Weights,
    lengths: Tensor | None,
    training: bool,
    record: Sequence[str],
    backwards: bool,
) -> Run:
    x = reverse(x, lengths) if backwards else x
    masks = None
    if training and program.cell.masks:
        steps, batch = x.shape[:2]
        masks = draw_masks(
            program.cell, program.mask_widths, steps=steps, batch=batch, like=first[0]
        )
    made = run(program, x, first, weights, masks=masks, lengths=lengths, record=record)
    if not backwards:
        return made
    turned = {name: reverse(values, lengths) for name, values in made.recorded.items()}
    return Run(reverse(made.output, lengths), made.last, turned)


def _stacked(name: str, values: Sequence[Tensor]) -> Tensor:
    widths = [value.shape[-1] for value in values]
    if len(set(widths)) > 1:
        raise RecordError(name=name, widths=widths)
    return torch.stack(list(values))
