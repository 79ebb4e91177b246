"""Soft attention of a recurrent model to the steps of another sequence."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

Form = Literal["additive", "multiplicative"]


def is_inside(lengths: Int[Tensor, " B"], steps: int) -> Tensor:
    """Which steps lie within each sequence: T x B."""
    return torch.arange(steps, device=lengths.device).unsqueeze(-1) < lengths


class Memory(NamedTuple):
    """What there is to attend to."""

    steps: Float[Tensor, "B S M"]
    keys: Float[Tensor, "B S Q"]
    outside: Bool[Tensor, "B 1 S"] | None
    """Steps beyond the end; None: there are none."""

    def of(self, sources: Int[Tensor, " N"]) -> "Memory":
        """That of some of the B, in ascending order."""
        if len(sources) == len(self.steps):
            return self
        outside = None if self.outside is None else self.outside[sources]
        return Memory(self.steps[sources], self.keys[sources], outside)


class Attention(nn.Module):
    """A mean of a memory's steps, weighted by how well each fits a query.

    The score of a step m for a query q is v·tanh(W q + U m) ("additive", Bahdanau et al. 2015,
    appendix A.1.2) or q·W m ("multiplicative", Luong et al. 2015, "general").
    """

    def __init__(self, query_size: int, memory_size: int, form: Form) -> None:
        """Make the weights.

        Args:
            query_size: Q, the width of a query, and of the hidden layer of additive scores.
            memory_size: M, the width of each step of the memory.
            form: How a score is made.
        """
        super().__init__()
        self.form: Form = form
        self.memory = nn.Linear(memory_size, query_size, bias=False)
        if form == "additive":
            self.query = nn.Linear(query_size, query_size)
            self.score = nn.Linear(query_size, 1, bias=False)

    def remember(
        self, steps: Float[Tensor, "S B M"], lengths: Int[Tensor, " B"] | None = None
    ) -> Memory:
        """What there is to attend to, made ready once for all queries.

        Args:
            steps: Of another sequence.
            lengths: How many of them count (1 to S); None: all.
        """
        outside = None
        if lengths is not None:
            outside = ~is_inside(lengths.to(steps.device), len(steps)).t().unsqueeze(1)
        return Memory(steps.transpose(0, 1), self.memory(steps).transpose(0, 1), outside)

    def forward(
        self, query: Float[Tensor, "T B Q"], memory: Memory
    ) -> tuple[Float[Tensor, "T B M"], Float[Tensor, "T B S"]]:
        """What is attended to by each query, and the weights, which sum to 1."""
        scores = self._scores(query.transpose(0, 1), memory.keys)  # B T S
        if memory.outside is not None:
            scores = scores.masked_fill(memory.outside, float("-inf"))
        weights = scores.softmax(-1)
        return (weights @ memory.steps).transpose(0, 1), weights.transpose(0, 1)

    def _scores(self, query: Tensor, memory: Tensor) -> Tensor:
        """B x T x S of B x T x Q and B x S x Q, up to a number that all of S share.

        tanh x is 2σ(2x) - 1, torch's σ is six times as fast, and the -1 is such a number.
        """
        if self.form == "multiplicative":
            return query @ memory.transpose(1, 2)
        together = 2 * self.query(query).unsqueeze(2) + 2 * memory.unsqueeze(1)  # B T S Q
        return 2 * self.score(together.sigmoid_()).squeeze(-1)
