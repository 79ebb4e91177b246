"""What each operation does to tensors: the definition of the language."""

import operator
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Operand = Tensor | float
"""A value of a running cell: a tensor whose last axis is the width, or a constant."""


def _compare(holds: Callable[[Any, Any], Any]) -> Callable[[Operand, Operand], Operand]:
    def compared(left: Operand, right: Operand) -> Operand:
        answer = holds(left, right)
        like = left if isinstance(left, Tensor) else right
        return answer.to(like.dtype) if isinstance(like, Tensor) else float(answer)

    return compared


def _tensors(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """An operation that takes tensors only, with constants made into tensors beside the others."""

    def lifted(*operands: Operand) -> Tensor:
        like = next(operand for operand in operands if isinstance(operand, Tensor))
        return operation(
            *(
                operand if isinstance(operand, Tensor) else like.new_tensor(operand)
                for operand in operands
            )
        )

    return lifted


def _where(condition: Tensor, this: Tensor, that: Tensor) -> Tensor:
    return torch.where(condition != 0, this, that)


def _variance(v: Tensor) -> Tensor:
    """The biased one, by its definition: torch's own warns of an empty batch."""
    return (v - v.mean(-1, keepdim=True)).square().mean(-1, keepdim=True)


def _concat(*parts: Tensor) -> Tensor:
    """Side by side; what has no time or batch axis (a bias, a number) serves every row."""
    wide = [part if part.dim() else part.unsqueeze(0) for part in parts]
    axes = torch.broadcast_shapes(*(part.shape[:-1] for part in wide))
    return torch.cat([part.expand(*axes, -1) for part in wide], dim=-1)


def _softplus(v: Tensor) -> Tensor:
    """log(1 + exp(v)) everywhere; torch's own turns into a straight line above 20."""
    return torch.logaddexp(v, torch.zeros_like(v))


def _slice(index: int, count: int, whole: Tensor) -> Tensor:
    return whole.chunk(count, dim=-1)[index]


MEANING: dict[str, Callable[..., Any]] = {
    **{op: lambda value: value for op in ("input", "state", "matrix", "vector", "mask")},
    "constant": float,
    "product": lambda matrix, vector: F.linear(vector, matrix),
    "mean": lambda v: v.mean(-1, keepdim=True),
    "var": _variance,
    "concat": _tensors(_concat),
    "slice": _slice,
    "neg": operator.neg,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softplus": _softplus,
    "exp": torch.exp,
    "log": torch.log,
    "sqrt": torch.sqrt,
    "abs": torch.abs,
    "sin": torch.sin,
    "cos": torch.cos,
    "detach": lambda v: v.detach() if isinstance(v, Tensor) else v,
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
    "minimum": _tensors(torch.minimum),
    "maximum": _tensors(torch.maximum),
    "lt": _compare(operator.lt),
    "le": _compare(operator.le),
    "gt": _compare(operator.gt),
    "ge": _compare(operator.ge),
    "eq": _compare(operator.eq),
    "ne": _compare(operator.ne),
    "where": _tensors(_where),
}
