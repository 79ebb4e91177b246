"""What one contender does in its turn, and what its answer is compared with."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

TOLERANCE = 1e-3  # relative to the largest number; loose: it tells other equations, not rounding


class Values(NamedTuple):
    """An answer: T x B x H, and the gradient of x where there was a backward."""

    output: Tensor
    x_gradient: Tensor | None = None


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Trial:
    """One contender, ready to run: `run` is timed, `prepare` before it is not.

    `values` reads the answer from what `run` gives; None if there is nothing to compare.
    """

    run: Callable[[], Any]
    values: Callable[[Any], Values] | None = None
    prepare: Callable[[], None] = _nothing


def torch_trial(
    call: Callable[[Tensor], Tensor],
    x: Tensor,
    d_output: Tensor,
    parameters: Iterable[Tensor],
    *,
    backward: bool,
    padded: Callable[[Tensor], Tensor] = lambda values: values,
) -> Trial:
    """A trial of something that torch differentiates.

    Args:
        call: The output for an input.
        x: The input.
        d_output: The gradient of the output, of the output's shape.
        parameters: What else gets gradients.
        backward: Forward and backward; else forward alone, with no graph.
        padded: Brings values of the shape of x or of the output to T x B x width.
    """
    if not backward:
        return Trial(torch.no_grad()(lambda: call(x)), lambda found: Values(padded(found)))
    x = x.detach().clone().requires_grad_()
    leaves = [x, *parameters]

    def run() -> Tensor:
        output = call(x)
        output.backward(d_output)
        return output

    def forget() -> None:
        for leaf in leaves:
            leaf.grad = None

    def values(output: Tensor) -> Values:
        assert x.grad is not None
        return Values(padded(output.detach()), padded(x.grad))

    return Trial(run, values, forget)


def difference(found: Values, truth: Values) -> str:
    """How an answer differs from the truth, in words; "" if it does not.

    Args:
        found: A contender's answer.
        truth: Ours, eager, in float64.
    """
    for name, got, wanted in zip(("output", "gradient of x"), found, truth, strict=True):
        if got is None or wanted is None:
            continue
        if got.shape != wanted.shape:
            return f"its {name} has the shape {list(got.shape)}, not {list(wanted.shape)}"
        scale = wanted.abs().max().clamp(min=1e-30)
        error = float((got.double() - wanted).abs().max() / scale)
        if not error <= TOLERANCE:  # NaN too
            return f"its {name} differs by {error:.1e} of the largest number"
    return ""
