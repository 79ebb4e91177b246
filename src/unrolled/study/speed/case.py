"""One cell at one point: input, weights and gradient that everyone gets, and the true answer."""

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from unrolled.lang.cell import Cell
from unrolled.layers.recurrent import Recurrent
from unrolled.study.speed.points import Point, sizes_at
from unrolled.study.speed.trial import Values


@dataclass(frozen=True, eq=False)
class Case:
    """The same numbers for every contender.

    `layer` is ours, eager: it holds the weights. Masks stand at their expectation, so that all
    compute the same.
    """

    cell: Cell
    point: Point
    x: Tensor  # T B X
    d_output: Tensor  # T B H
    lengths: Tensor | None  # B
    layer: Recurrent

    @property
    def rows(self) -> int:
        """Steps of all sequences together."""
        return int(self.lengths.sum()) if self.lengths is not None else self.x[..., 0].numel()

    @property
    def sizes(self) -> dict[str, int]:
        """The sizes of the cell's own width symbols."""
        sizes = sizes_at(self.cell, self.point)
        return {symbol: size for symbol, size in sizes.items() if symbol not in ("X", "H")}

    @cached_property
    def truth(self) -> Values:
        """Output and gradient of x, by the eager meaning in float64."""
        layer = copy.deepcopy(self.layer).double()
        x = self.x.double().clone().requires_grad_()
        output, _ = layer(x, lengths=self.lengths)
        output.backward(self.d_output.double())
        return Values(output.detach(), x.grad)


def make_case(
    cell: Cell,
    point: Point,
    *,
    steps: int,
    dtype: torch.dtype,
    with_lengths: bool = False,
    seed: int = 0,
) -> Case:
    """Random input, gradient and weights, the same for the same seed.

    Args:
        cell: The equations.
        point: B and H.
        steps: T.
        dtype: Of all numbers.
        with_lengths: Give each sequence a length of its own, from 1 to T, the first T itself.
        seed: Of everything random.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = ours(cell, point, dtype=dtype, backend="eager")
        x = torch.randn(steps, point.batch, point.width, dtype=dtype)
        width = layer.state_shapes()[0][-1]
        d_output = torch.randn(steps, point.batch, width, dtype=dtype)
        lengths = torch.randint(1, steps + 1, (point.batch,)) if with_lengths else None
    if lengths is not None:
        lengths[0] = steps  # as in a batch padded to its longest
    return Case(cell, point, x, d_output, lengths, layer)


def ours(cell: Cell, point: Point, *, dtype: torch.dtype, backend: str) -> Recurrent:
    """Our layer of a cell at a point.

    Args:
        cell: The equations.
        point: B and H.
        dtype: Of the weights.
        backend: Who computes: "eager", "c".
    """
    sizes = {s: n for s, n in sizes_at(cell, point).items() if s not in ("X", "H")}
    width = point.width
    layer = Recurrent(cell, width, width, sizes=sizes, dtype=dtype, backend=backend)
    return layer.eval() if cell.masks else layer
