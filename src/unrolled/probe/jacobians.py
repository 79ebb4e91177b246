"""What one step does to a small change of a layer's states: its Jacobian, summed up in two numbers.

The largest singular value bounds how much a change can grow in one step; the spectral radius says
what becomes of it over many. They are not twins: [[.5, 5], [0, .5]] has 5.05 and 0.5, and its 50th
power is all but zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.errors import TextTooShortError
from unrolled.layers.in_c import like_of
from unrolled.layers.states import zero_states
from unrolled.probe.taps import Taps, evaluating, frozen, repeated, tapped


@dataclass(frozen=True, eq=False)
class Jacobians:
    """Of one layer at some steps: how its states hang on those of the step before."""

    module: str
    layer: int
    steps: np.ndarray  # n
    matrices: np.ndarray
    """n x S x S, S being the widths of the layer's states together, in the cell's order: at
    [., i, j] the derivative of number i with respect to number j of the step before."""

    @cached_property
    def largest_singular_values(self) -> np.ndarray:
        """Of each step's matrix: how much the step lengthens the change that it lengthens most."""
        squared = self.matrices.transpose(0, 2, 1) @ self.matrices
        return np.sqrt(np.linalg.eigvalsh(squared)[:, -1])

    @cached_property
    def spectral_radii(self) -> np.ndarray:
        """Of each step's matrix the greatest size of an eigenvalue."""
        return np.abs(np.linalg.eigvals(self.matrices)).max(-1)


def step_jacobians(
    network: nn.Module, symbols: np.ndarray, steps: Sequence[int], *, batch_first: bool = False
) -> list[Jacobians]:
    """The Jacobians of each layer of a network at some steps of a text.

    Args:
        network: Any module that holds our layers; it is called as `record` calls it.
        symbols: The text as whole numbers.
        steps: At which symbols, counted from 0, in order.
        batch_first: Whether the network takes and returns B x T.

    Raises:
        TextTooShortError: The text ends before the last step.
        NothingToRecordError: The network holds none of our layers, or calls none.
    """
    if len(symbols) <= max(steps):
        raise TextTooShortError(length=len(symbols), purpose="a step of it", least=max(steps) + 1)
    found: dict[tuple[str, int], list[np.ndarray]] = {}
    with evaluating(network), frozen(network), tapped(network) as taps:
        for step, read in zip(steps, (0, *steps), strict=False):
            if step > read:
                with torch.no_grad():
                    taps.read(symbols[read:step, None], batch_first=batch_first)
            before = dict(taps.states)
            for path, layer in taps.layers.items():
                for number in range(layer.num_layers):
                    matrix = _jacobian(taps, symbols[step], path, number, batch_first=batch_first)
                    found.setdefault((path, number), []).append(matrix)
                    taps.states = dict(before)
    at = np.array(steps)
    return [Jacobians(*where, at, np.stack(matrices)) for where, matrices in found.items()]


def _jacobian(taps: Taps, symbol: int, path: str, number: int, *, batch_first: bool) -> np.ndarray:
    """One layer's, all rows at once: each row of a batch sends back another unit's gradient."""
    layer = taps.layers[path]
    widths = [shape[-1] for shape in layer.state_shapes()]
    total = sum(widths)
    taps.states = {at: repeated(state, total) for at, state in taps.states.items()}
    first = _parts(taps.states.get(path)) or zero_states(
        layer.state_shapes(total), like_of(layer.weights(0, 0), torch.empty(0))
    )
    for part in first:
        part.requires_grad_()
    taps.states[path] = first[0] if len(first) == 1 else tuple(first)
    with torch.enable_grad():
        taps.read(np.full((1, total), symbol), batch_first=batch_first)
    last = _parts(taps.states[path])
    sent = [torch.zeros_like(part) for part in last]
    units = torch.eye(total, dtype=last[0].dtype, device=last[0].device).split(widths, dim=1)
    for part, rows in zip(sent, units, strict=True):
        part[number] = rows
    back = torch.autograd.grad(last, first, sent, materialize_grads=True)
    return torch.cat([part[number] for part in back], dim=-1).cpu().numpy()


def _parts(state: Any) -> list[Tensor]:
    """A layer's states one by one."""
    return [state] if isinstance(state, Tensor) else list(state or ())
