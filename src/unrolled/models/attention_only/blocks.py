"""A block: attention and feed-forward parts, each added to what it reads, with layer norms."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from unrolled.errors import AttentionCacheError, OptionError
from unrolled.layers.options import check_whole
from unrolled.models.attention_only.attention import KeysValues, MultiHeadAttention
from unrolled.models.linear import Linear

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "gelu_tanh": partial(F.gelu, approximate="tanh"),  # Hendrycks & Gimpel 2016, section 2
}


@dataclass(frozen=True)
class BlockShape:
    """The sizes and options of a block."""

    width: int  # C
    num_heads: int  # N
    inner_width: int  # F, of the feed-forward part
    activation: str  # a name in ACTIVATIONS
    pre_norm: bool  # x + f(norm(x)), and not norm(x + f(x))
    epsilon: float = 1e-5  # of the norms
    dropout: float = 0.0  # of what is added
    attention_dropout: float = 0.0
    has_cross: bool = False  # whether it attends to a memory, too


class BlockCache(NamedTuple):
    """What a block has read: of its own sequence, and of the memory if it attends to one."""

    own: KeysValues
    memory: KeysValues | None


Cache = tuple[BlockCache, ...]  # one for each block


class FeedForward(nn.Module):
    """W₂ activation(W₁ x + b₁) + b₂ (Vaswani et al. 2017, section 3.3, eq. 2)."""

    def __init__(self, width: int, inner_width: int, activation: str) -> None:
        """Make the layer.

        Args:
            width: C, of what comes in and goes out.
            inner_width: F, of what is between.
            activation: A name in `ACTIVATIONS`.

        Raises:
            OptionError: No activation has that name.
        """
        super().__init__()
        if activation not in ACTIVATIONS:
            wanted = "one of " + ", ".join(ACTIVATIONS)
            raise OptionError(
                layer="FeedForward", option="activation", got=activation, wanted=wanted
            )
        self.activation = ACTIVATIONS[activation]
        self.linear1 = Linear(width, inner_width)
        self.linear2 = Linear(inner_width, width)

    def forward(self, x: Float[Tensor, "B T C"]) -> Float[Tensor, "B T C"]:
        """The same for each step."""
        return self.linear2(self.activation(self.linear1(x)))


class Block(nn.Module):
    """Attention to itself, then to a memory if it has one, then feed-forward."""

    def __init__(self, shape: BlockShape) -> None:
        """Make the block.

        Args:
            shape: Its sizes and options.

        Raises:
            OptionError: A size or an option is impossible.
        """
        super().__init__()
        self.pre_norm = shape.pre_norm

        def attention() -> MultiHeadAttention:
            dropout = shape.attention_dropout
            return MultiHeadAttention(shape.width, shape.num_heads, dropout=dropout)

        def norm() -> nn.LayerNorm:
            return nn.LayerNorm(shape.width, eps=shape.epsilon)

        self.attention, self.attention_norm = attention(), norm()
        self.cross, self.cross_norm = (attention(), norm()) if shape.has_cross else (None, None)
        self.feed_forward = FeedForward(shape.width, shape.inner_width, shape.activation)
        self.feed_forward_norm = norm()
        self.dropout = nn.Dropout(shape.dropout)

    def forward(
        self,
        x: Float[Tensor, "B T C"],
        cache: BlockCache | None = None,
        *,
        mask: Bool[Tensor, "#B #T S"] | None = None,
        causal: bool = False,
        memory: Float[Tensor, "B M C"] | None = None,
        memory_mask: Bool[Tensor, "#B #T M"] | None = None,
    ) -> tuple[Float[Tensor, "B T C"], BlockCache]:
        """What the block makes of each step, and the cache for the steps after them.

        Args:
            x: The steps, which come after those in the cache.
            cache: What an earlier call returned.
            mask: True where a step (T) may attend to one of its own sequence (S).
            causal: Whether a step attends to no later one.
            memory: What the cross attention attends to.
            memory_mask: True where a step may attend to one of the memory (M).
        """
        own, read = cache or (None, None)
        x, own = self._own(x, own, mask=mask, causal=causal)
        if self.cross is not None and self.cross_norm is not None:
            assert memory is not None
            asked = self._before(self.cross_norm, x)
            found, read = self.cross(asked, read, memory=memory, mask=memory_mask)
            x = self._added(self.cross_norm, x, found)
        found = self.feed_forward(self._before(self.feed_forward_norm, x))
        return self._added(self.feed_forward_norm, x, found), BlockCache(own, read)

    def cross_weights(
        self,
        x: Float[Tensor, "B T C"],
        memory: Float[Tensor, "B M C"],
        memory_mask: Bool[Tensor, "#B #T M"] | None = None,
    ) -> Float[Tensor, "B N T M"]:
        """How much each step attends to each of the memory, none seeing a later one of its own.

        Args:
            x: The steps, from the first on.
            memory: What the cross attention attends to.
            memory_mask: True where a step may attend to one of the memory (M).
        """
        assert self.cross is not None and self.cross_norm is not None
        x, _ = self._own(x, None, mask=None, causal=True)
        return self.cross.weights(self._before(self.cross_norm, x), memory, memory_mask)

    def _own(
        self, x: Tensor, cache: KeysValues | None, *, mask: Tensor | None, causal: bool
    ) -> tuple[Tensor, KeysValues]:
        """What attention to itself makes of each step, and what it has read."""
        asked = self._before(self.attention_norm, x)
        found, read = self.attention(asked, cache, mask=mask, causal=causal)
        return self._added(self.attention_norm, x, found), read

    def _before(self, norm: nn.LayerNorm, x: Tensor) -> Tensor:
        return norm(x) if self.pre_norm else x

    def _added(self, norm: nn.LayerNorm, x: Tensor, found: Tensor) -> Tensor:
        x = x + self.dropout(found)
        return x if self.pre_norm else norm(x)


def run_causally(
    blocks: Iterable[nn.Module],
    x: Float[Tensor, "B T C"],
    cache: Cache | None,
    **options: Any,
) -> tuple[Float[Tensor, "B T C"], Cache]:
    """Through all blocks, each step seeing those before it and those in the cache."""
    blocks = tuple(blocks)
    grown: list[BlockCache] = []
    for block, read in zip(blocks, cache or [None] * len(blocks), strict=True):
        x, read = block(x, read, causal=True, **options)
        grown.append(read)
    return x, tuple(grown)


def steps_in(cache: Cache | None, model: str, *, blocks: int, batch: int) -> int:
    """How many steps a cache holds.

    Raises:
        AttentionCacheError: It is of another number of blocks or of sequences.
    """
    if cache is None:
        return 0
    kept = (len(cache), cache[0].own.keys.shape[0] if cache else 0)
    if kept != (blocks, batch):
        got, wanted = (f"{n} blocks and B={b}" for n, b in (kept, (blocks, batch)))
        raise AttentionCacheError(model=model, got=got, wanted=wanted)
    return cache[0].own.keys.shape[2]


def check_sizes(shape: Any, model: str) -> None:
    """Refuse a size of a model (a dataclass) that is below 1.

    Raises:
        OptionTypeError: A size is no whole number.
        OptionError: A size is below 1.
    """
    for field in fields(shape):
        if field.type is int:
            check_whole(model, field.name, getattr(shape, field.name), least=1)
