"""GPT-2: each symbol predicted from those before it (Radford et al. 2019)."""

import math
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.models.attention_only.blocks import (
    Block,
    BlockShape,
    Cache,
    check_sizes,
    run_causally,
    steps_in,
)
from unrolled.models.attention_only.symbols import check_context, open_symbols
from unrolled.models.linear import linear

_SPREAD = 0.02  # standard deviation of all weights at the start


@dataclass(frozen=True)
class GPT2Shape:
    """The sizes of a GPT-2."""

    vocabulary_size: int = 50257  # V
    context: int = 1024  # the most symbols that it sees at once
    width: int = 768  # C
    num_layers: int = 12  # L
    num_heads: int = 12  # N
    dropout: float = 0.1


GPT2_SHAPES = {
    "gpt2": GPT2Shape(),  # 124 million parameters
    "gpt2-medium": GPT2Shape(width=1024, num_layers=24, num_heads=16),  # 355
    "gpt2-large": GPT2Shape(width=1280, num_layers=36, num_heads=20),  # 774
    "gpt2-xl": GPT2Shape(width=1600, num_layers=48, num_heads=25),  # 1558
}


class GPT2(nn.Module):
    """Learned positions, blocks with the norm before each part, the embedding as readout.

    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3. The
    weights start as it says: what adds to the residual path is smaller by √(2L).
    """

    def __init__(self, shape: GPT2Shape) -> None:
        """Make the model.

        Args:
            shape: Its sizes; `GPT2_SHAPES` has the published ones.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        check_sizes(shape, "GPT2")
        self.shape = shape
        block = BlockShape(
            shape.width,
            shape.num_heads,
            4 * shape.width,
            activation="gelu_tanh",
            pre_norm=True,
            dropout=shape.dropout,
            attention_dropout=shape.dropout,
        )
        self.embedding = nn.Embedding(shape.vocabulary_size, shape.width)
        self.positions = nn.Embedding(shape.context, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(block) for _ in range(shape.num_layers))
        self.norm = nn.LayerNorm(shape.width)
        self._start()

    def forward(
        self, symbols: Int[Tensor, "B T"], cache: Cache | None = None
    ) -> tuple[Float[Tensor, "B T V"], Cache]:
        """The scores (logits) of the symbol after each one, and the cache after the last.

        Args:
            symbols: Whole numbers below the vocabulary size, which come after those in the cache.
            cache: What an earlier call returned; None begins a text.

        Raises:
            ShapeError: The symbols are not B x T whole numbers.
            ContextError: Those in the cache and these are more than the context.
            AttentionCacheError: The cache is of another model, or of another batch.
        """
        features, cache = self.features(symbols, cache)
        return self.readout(features), cache

    def features(
        self, symbols: Int[Tensor, "B T"], cache: Cache | None = None
    ) -> tuple[Float[Tensor, "B T C"], Cache]:
        """As `forward`, without the readout, which is a third of the work of the smallest model."""
        symbols, _ = open_symbols(symbols, None, "GPT2")
        batch, steps = symbols.shape
        past = steps_in(cache, "GPT2", blocks=len(self.blocks), batch=batch)
        check_context("GPT2", steps, past=past, context=self.shape.context)
        x = self.embedding(symbols) + self.positions.weight[past : past + steps]
        x, cache = run_causally(self.blocks, self.dropout(x), cache)
        return self.norm(x), cache

    def readout(self, features: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """The scores (logits) that `features` stand for."""
        return linear(features, self.embedding.weight, None)

    def _start(self) -> None:
        for name, module in self.named_modules():
            adds = name.endswith(("attention.out_proj", "feed_forward.linear2"))
            spread = _SPREAD / math.sqrt(2 * self.shape.num_layers) if adds else _SPREAD
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=spread)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)
