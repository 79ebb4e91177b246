"""W x + b, made by oneDNN where nothing is learned from it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

_WORTH_IT = 2**17  # numbers of W; oneDNN takes some 15 microseconds to begin


def linear(
    x: Float[Tensor, "*any I"], weight: Float[Tensor, "O I"], bias: Float[Tensor, " O"] | None
) -> Float[Tensor, "*any O"]:
    """As `torch.nn.functional.linear`, which runs the product of a single row on one core."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or not _is_onednns(x, weight):
        return F.linear(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


class Linear(nn.Linear):
    """As `torch.nn.Linear`, by `linear`."""

    def forward(self, input: Float[Tensor, "*any I"]) -> Float[Tensor, "*any O"]:
        """W x + b for the last dimension."""
        return linear(input, self.weight, self.bias)


def _is_onednns(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN is there and wanted, takes these numbers, and has enough to do."""
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
        and x.device.type == "cpu"
        and x.dtype == weight.dtype == torch.float32
        and weight.numel() >= _WORTH_IT
    )
