"""Products with stacked matrices, and what goes in and out of them."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def folded(call: Callable[..., Any], operands: list[float]) -> float:
    """What an operation gives for known numbers, on whatever device layers are being made."""
    return float(call(*(torch.tensor(v, dtype=torch.float64, device="cpu") for v in operands)))


def split_rows(rows: list[int], whole: Tensor) -> tuple[Tensor, ...]:
    """The parts of a stacked product, one for each of its matrices."""
    return whole.split(rows, dim=-1)


def side_by_side(rows: list[int], like: Tensor, *parts: Tensor | float) -> Tensor:
    """Addends of one stacked product, each as wide as its rows, with all the axes of any."""
    tensors = [p if isinstance(p, Tensor) else like.new_full((1,), p) for p in parts]
    axes = torch.broadcast_shapes(*(tensor.shape[:-1] for tensor in tensors))
    wide = [tensor.expand(*axes, n) for tensor, n in zip(tensors, rows, strict=True)]
    return wide[0] if len(wide) == 1 else torch.cat(wide, dim=-1)


def product_plus(matrix: Tensor, vector: Tensor, start: Tensor) -> Tensor:
    """W @ v + start, in one call."""
    return torch.addmm(start, vector, matrix.t())


def rows_of(start: int, stop: int, stack: Tensor) -> Tensor:
    """Some of the matrices that lie in a stack."""
    return stack[start:stop]


def product_or_gather(matrix: Tensor, x: Tensor) -> Tensor:
    """W @ x; whole numbers stand for one-hot vectors and pick columns of W, with no product."""
    return F.linear(x, matrix) if x.is_floating_point() else F.embedding(x, matrix.t())
