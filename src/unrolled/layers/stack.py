"""Layers upon layers, and both directions: layer l reads, at each step, what layer l-1 put out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.compiler.probes import probe_of
from unrolled.errors import RecordError
from unrolled.layers.in_c import like_of, random_masks, run_in_c
from unrolled.runtime.eager import Run, Weights, expected_masks, run
from unrolled.runtime.kernel import Kernel
from unrolled.runtime.program import Program
from unrolled.runtime.rows import turned, zero_past


class Plan(NamedTuple):
    """What does not change from call to call."""

    programs: Sequence[Program]  # L
    kernels: Sequence[Kernel | str]  # L, or none: the eager meaning runs; what is traced is a text
    layers: int
    directions: int
    dropout: float
    record: Sequence[str]
    """Names of the equations whose values to return, each L*D x T x B x width."""


def run_stack(
    plan: Plan,
    x: Tensor,
    first: Sequence[Tensor] | None,
    weights: Sequence[Weights],
    *,
    lengths: Tensor | None,
    training: bool,
    probes: Mapping[str, Tensor],
) -> Run:
    """Run all layers and directions.

    Args:
        plan: The programs and how they are stacked.
        x: T x B x X, or T x B whole numbers, zero past each length.
        first: The first states, each L*D x B x width; None for zeros, which compiled cells know.
        weights: One for each layer and direction, L*D.
        lengths: Steps of each sequence (B), or None.
        training: Whether masks and dropout are random.
        probes: Zeros that get the gradients of values, each L*D x T x B x width.

    Raises:
        RecordError: A value to record is not equally wide in all layers.
    """
    runs: list[Run] = []
    by_row = {name: probe.unbind(0) for name, probe in probes.items()}
    for layer in range(plan.layers):
        if layer and training and plan.dropout:
            x = F.dropout(x, plan.dropout, training=True)
        of_layer: list[Run] = []
        for direction in range(plan.directions):
            row = layer * plan.directions + direction
            own = {name: rows[row] for name, rows in by_row.items()}
            one = _One(plan, layer, bool(direction), lengths, training, own)
            states = None if first is None else [state[row] for state in first]
            of_layer.append(one.run(x, states, weights[row]))
        runs += of_layer
        outputs = [made.output for made in of_layer]
        x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
    last = tuple(_together(parts) for parts in zip(*(made.last for made in runs), strict=True))
    recorded = {
        name: _stacked(name, [made.recorded[name] for made in runs]) for name in plan.record
    }
    return Run(x, last, recorded)


class _One(NamedTuple):
    """One layer in one direction."""

    plan: Plan
    layer: int
    backwards: bool
    lengths: Tensor | None
    training: bool
    probes: dict[str, Tensor]

    def run(self, x: Tensor, first: Sequence[Tensor] | None, weights: Weights) -> Run:
        """Run it with the layer's backend."""
        if len(self.plan.kernels) == 0:
            assert first is not None
            return self._eagerly(x, first, weights)
        kernel, states = self.plan.kernels[self.layer], None if first is None else tuple(first)
        output, *rest = run_in_c(
            kernel, self.backwards, self.training, x, states, *weights, self.lengths, self.probes
        )
        last = len(rest) - len(self.plan.record)
        recorded = dict(zip(self.plan.record, rest[last:], strict=True))
        return Run(output, tuple(rest[:last]), recorded)

    def _eagerly(self, x: Tensor, first: Sequence[Tensor], weights: Weights) -> Run:
        program = self.plan.programs[self.layer]
        masks = self._all_masks(program, x, weights)
        x = x if self.lengths is None else zero_past(x, self.lengths)
        made = run(
            program, self._turned(x), first, weights,
            masks=masks, lengths=self.lengths, record=self.plan.record,
        )  # fmt: skip
        recorded = {name: self._turned(values) for name, values in made.recorded.items()}
        return Run(self._turned(made.output), made.last, recorded)

    def _all_masks(self, program: Program, x: Tensor, weights: Weights) -> dict[str, Tensor]:
        """Masks and probes as the program reads them, first step first."""
        masks: dict[str, Tensor] = {}
        if self.training and program.cell.masks:
            masks = random_masks(program, x, weights)
        elif self.probes:
            masks = expected_masks(program, x.shape[0], x.shape[1], like_of(weights, x))
        probes = {probe_of(n): self._turned(p) for n, p in self.probes.items()}
        return masks | probes

    def _turned(self, values: Tensor) -> Tensor:
        return turned(values, self.lengths) if self.backwards else values


def _together(parts: Sequence[Tensor]) -> Tensor:
    return parts[0].unsqueeze(0) if len(parts) == 1 else torch.stack(list(parts))


def _stacked(name: str, values: Sequence[Tensor]) -> Tensor:
    widths = [value.shape[-1] for value in values]
    if len(set(widths)) > 1:
        raise RecordError(name=name, widths=widths)
    return _together(values)
