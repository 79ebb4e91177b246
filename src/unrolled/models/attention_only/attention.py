"""Attention in several heads, over a sequence itself or over another one."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.errors import OptionError
from unrolled.layers.options import check_whole
from unrolled.models.linear import Linear, linear


class KeysValues(NamedTuple):
    """What attention has read so far, for N heads that are K wide."""

    keys: Float[Tensor, "B N S K"]
    values: Float[Tensor, "B N S K"]


class MultiHeadAttention(nn.Module):
    """softmax(Q Kᵀ / √K) V in N heads side by side (Vaswani et al. 2017, section 3.2, eq. 1)."""

    def __init__(self, width: int, num_heads: int, *, dropout: float = 0.0) -> None:
        """Make the layer.

        Args:
            width: C, of what comes in and goes out.
            num_heads: N; each head is C / N wide.
            dropout: The share of attention weights that is dropped in training.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is below 1, or the heads do not share the width evenly.
        """
        super().__init__()
        check_whole("MultiHeadAttention", "width", width, least=1)
        check_whole("MultiHeadAttention", "num_heads", num_heads, least=1)
        if width % num_heads:
            wanted = f"a number that divides the width, {width}"
            raise OptionError(
                layer="MultiHeadAttention", option="num_heads", got=num_heads, wanted=wanted
            )
        self.num_heads, self.dropout = num_heads, dropout
        self.in_proj = Linear(width, 3 * width)  # 3C = query key value
        self.out_proj = Linear(width, width)

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        cache: KeysValues | None = None,
        *,
        memory: Float[Tensor, "B M C"] | None = None,
        mask: Bool[Tensor, "#B #T S"] | None = None,
        causal: bool = False,
    ) -> tuple[Float[Tensor, "B T C"], KeysValues]:
        """What each step of x finds, and the cache for the steps after it.

        Args:
            x: What asks.
            cache: What an earlier call returned. Attention to x itself adds x to it; attention to
                a memory takes the memory's keys and values from it, and computes nothing of them.
            memory: What is attended to; None is x itself, after what is in the cache.
            mask: True where a step of x (T) may attend to a step of the whole (S).
            causal: Whether a step of x attends to no later step.
        """
        if memory is None:
            query, keys, values = self._project(x, 0, 3)
            cache = _appended(cache, KeysValues(keys, values))
        else:
            (query,) = self._project(x, 0, 1)
            cache = cache or KeysValues(*self._project(memory, 1, 3))
        causal = causal and x.shape[1] > 1  # a single step is the last one
        if causal and (mask is not None or cache.keys.shape[2] > x.shape[1]):
            mask, causal = _none_later(x.shape[1], cache.keys.shape[2], mask, x.device), False
        found = F.scaled_dot_product_attention(
            query,
            *cache,
            attn_mask=None if mask is None else mask.unsqueeze(1),  # B 1 T S: for every head
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=causal,
        )
        return self.out_proj(found.transpose(1, 2).flatten(2)), cache

    def weights(
        self,
        x: Float[Tensor, "B T C"],
        memory: Float[Tensor, "B M C"],
        mask: Bool[Tensor, "#B #T M"] | None = None,
    ) -> Float[Tensor, "B N T M"]:
        """How much each step of x attends to each of a memory, head by head; they sum to 1.

        Args:
            x: What asks.
            memory: What is attended to.
            mask: True where a step of x (T) may attend to a step of the memory (M).
        """
        (query,), (keys, _) = self._project(x, 0, 1), self._project(memory, 1, 3)
        scores = query @ keys.transpose(2, 3) / math.sqrt(query.shape[-1])
        if mask is not None:
            scores = scores.masked_fill(~mask.unsqueeze(1), float("-inf"))
        return scores.softmax(-1)

    def _project(self, x: Tensor, first: int, end: int) -> tuple[Tensor, ...]:
        """Some of query (0), key (1) and value (2) of x, in one product; each B N T K."""
        width = self.out_proj.in_features
        rows = slice(first * width, end * width)
        parts = linear(x, self.in_proj.weight[rows], self.in_proj.bias[rows])
        parts = parts.unflatten(-1, (end - first, self.num_heads, -1))  # B T 3 N K
        return parts.permute(2, 0, 3, 1, 4).unbind()


def _appended(cache: KeysValues | None, found: KeysValues) -> KeysValues:
    if cache is None:
        return found
    return KeysValues(*(torch.cat(pair, dim=2) for pair in zip(cache, found, strict=True)))


def _none_later(steps: int, seen: int, mask: Tensor | None, device: torch.device) -> Tensor:
    """The mask, and that none of the last steps attends to a later one of all that are seen."""
    earlier = torch.ones(1, steps, seen, dtype=torch.bool, device=device).tril(seen - steps)
    return earlier if mask is None else earlier & mask
