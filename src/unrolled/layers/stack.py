"""Layers upon layers, and both directions: layer l reads, at each step, what layer l-1 put out."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.errors import RecordError
from unrolled.layers.states import draw_masks
from unrolled.runtime.compiled import rows_for, run_compiled
from unrolled.runtime.eager import Run, Weights, run
from unrolled.runtime.kernel import Kernel
from unrolled.runtime.program import Program
from unrolled.runtime.rows import turned, zero_past


class Plan(NamedTuple):
    """What does not change from call to call."""

    programs: Sequence[Program]  # L
    kernels: Sequence[Kernel]  # L, or none: the eager meaning runs
    directions: int
    dropout: float


def run_stack(
    plan: Plan,
    x: Tensor,
    first: Sequence[Tensor] | None,
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
        first: The first states, each L*D x B x width; None for zeros, which compiled cells know.
        weights: One for each layer and direction, L*D.
        lengths: Steps of each sequence (B), or None.
        training: Whether masks and dropout are random.
        record: Names of the equations whose values to return, each L*D x T x B x width.

    Raises:
        RecordError: A value to record is not equally wide in all layers.
    """
    runs: list[Run] = []
    for layer in range(len(plan.programs)):
        if layer and training and plan.dropout:
            x = F.dropout(x, plan.dropout, training=True)
        of_layer: list[Run] = []
        for direction in range(plan.directions):
            row = layer * plan.directions + direction
            one = _One(plan, layer, bool(direction), lengths, training, record)
            states = None if first is None else [state[row] for state in first]
            of_layer.append(one.run(x, states, weights[row]))
        runs += of_layer
        outputs = [made.output for made in of_layer]
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
    last = tuple(_together(parts) for parts in zip(*(made.last for made in runs), strict=True))
    recorded = {name: _stacked(name, [made.recorded[name] for made in runs]) for name in record}
    return Run(x, last, recorded)


class _One(NamedTuple):
    """One layer in one direction."""

    plan: Plan
    layer: int
    backwards: bool
    lengths: Tensor | None
    training: bool
    record: Sequence[str]

    def run(self, x: Tensor, first: Sequence[Tensor] | None, weights: Weights) -> Run:
        """Run it with the layer's backend."""
        program = self.plan.programs[self.layer]
        masks = None
        if self.training and program.cell.masks:
            steps, batch = x.shape[:2]
            masks = draw_masks(
                program.cell, program.mask_widths, steps=steps, batch=batch, like=weights.like(x)
            )
        if not self.plan.kernels:
            assert first is not None
            return self._eagerly(program, x, first, weights, masks)
        masks = {name: self._turned(mask) for name, mask in masks.items()} if masks else None
        kernel = self.plan.kernels[self.layer]
        return run_compiled(
            program, kernel, x, first, weights,
            masks=masks, rows=rows_for(x, self.lengths, reverse=self.backwards),
        )  # fmt: skip

    def _eagerly(
        self,
        program: Program,
        x: Tensor,
        first: Sequence[Tensor],
        weights: Weights,
        masks: dict[str, Tensor] | None,
    ) -> Run:
        x = x if self.lengths is None else zero_past(x, self.lengths)
        made = run(
            program, self._turned(x), first, weights,
            masks=masks, lengths=self.lengths, record=self.record,
        )  # fmt: skip
        recorded = {name: self._turned(values) for name, values in made.recorded.items()}
        return Run(self._turned(made.output), made.last, recorded)

    def _turned(self, values: Tensor) -> Tensor:
        """Values of each step (T x B x ...) in the order in which this direction meets them."""
        per_step = values.dim() == 3 or not values.is_floating_point()
        return turned(values, self.lengths) if self.backwards and per_step else values


def _together(parts: Sequence[Tensor]) -> Tensor:
    return parts[0].unsqueeze(0) if len(parts) == 1 else torch.stack(list(parts))


def _stacked(name: str, values: Sequence[Tensor]) -> Tensor:
    widths = [value.shape[-1] for value in values]
    if len(set(widths)) > 1:
        raise RecordError(name=name, widths=widths)
    return _together(values)
