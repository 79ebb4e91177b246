"""One vector for a whole sequence, whatever its length."""

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.models.attention import is_inside

How = Literal["last", "mean", "attention"]


class Pooling(nn.Module):
    """The last states, the mean of all steps, or a mean weighted by how much each step says.

    A weight is the softmax of v·tanh(W h + b) over the steps (Yang et al. 2016, equations 5 and 6).
    """

    def __init__(self, width: int, how: How) -> None:
        """Make the weights, if there are any.

        Args:
            width: D, of a step.
            how: Which of the three.
        """
        super().__init__()
        self.how: How = how
        if how == "attention":
            self.hidden = nn.Linear(width, width)
            self.score = nn.Linear(width, 1, bias=False)

    def forward(
        self,
        steps: Float[Tensor, "T B D"],
        last: Float[Tensor, "B D"],
        lengths: Int[Tensor, " B"] | None = None,
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "T B"]]:
        """The vector, and how much of it comes from each step.

        Args:
            steps: What stands at each step; beyond the end of a sequence zeros.
            last: The state after the last step, of a layer's directions side by side.
            lengths: How long each sequence is; None: all of T.
        """
        total, rows = steps.shape[:2]
        ends = torch.full((rows,), total) if lengths is None else lengths
        inside = is_inside(ends.to(steps.device), total)  # T B
        if self.how == "last":
            at = torch.arange(total, device=steps.device).unsqueeze(-1)
            return last, (at == ends.to(steps.device) - 1).to(steps.dtype)
        if self.how == "mean":
            weights = inside.to(steps.dtype) / ends.to(steps.device, steps.dtype)
        else:
            scores = self.score(self.hidden(steps).tanh()).squeeze(-1)
            weights = scores.masked_fill(~inside, float("-inf")).softmax(0)
        return torch.einsum("tb,tbd->bd", weights, steps), weights
