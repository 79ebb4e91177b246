"""The Transformer: a sequence read at once, and another written (Vaswani et al. 2017)."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from unrolled.errors import OptionError
from unrolled.models.attention_only.blocks import (
    Block,
    BlockShape,
    Cache,
    check_sizes,
    run_causally,
    steps_in,
)
from unrolled.models.attention_only.symbols import Lengths, open_symbols
from unrolled.models.linear import linear


@dataclass(frozen=True)
class TransformerShape:
    """The sizes of a Transformer; as they stand, those of the paper's base model (table 3)."""

    vocabulary_size: int = 37000  # V, of source and target together
    width: int = 512  # C, even: the positions are pairs of sine and cosine
    inner_width: int = 2048  # F, of the feed-forward parts
    num_layers: int = 6  # L, of the encoder and of the decoder
    num_heads: int = 8  # N
    dropout: float = 0.1


class Memory(NamedTuple):
    """A source that has been read."""

    states: Float[Tensor, "B S C"]
    mask: Bool[Tensor, "B 1 S"] | None  # True where the source has a symbol; None: everywhere


class Transformer(nn.Module):
    """Encoder and decoder with sinusoidal positions and the norm after each part.

    Vaswani et al. 2017, "Attention Is All You Need", section 3. One matrix is the embedding of both
    sides, there multiplied by √C, and the readout (section 3.4). Matrices start uniform, as Glorot
    & Bengio (2010) have it, and the embedding normal with variance 1/C, as in the authors' program.
    """

    def __init__(self, shape: TransformerShape) -> None:
        """Make the model.

        Args:
            shape: Its sizes.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        check_sizes(shape, "Transformer")
        if shape.width % 2:
            raise OptionError(layer="Transformer", option="width", got=shape.width, wanted="even")
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary_size, shape.width)
        self.dropout = nn.Dropout(shape.dropout)
        self.encoder = self._blocks(has_cross=False)
        self.decoder = self._blocks(has_cross=True)
        self._start()

    def forward(
        self,
        source: Int[Tensor, "B S"],
        target: Int[Tensor, "B T"],
        lengths: Lengths = None,
    ) -> Float[Tensor, "B T V"]:
        """The scores (logits) of the symbol after each one of the target (teacher forcing).

        Args:
            source: Whole numbers below the vocabulary size; anything past a length.
            target: Whole numbers below the vocabulary size, the start symbol first.
            lengths: How many symbols each source has; None is S for all.

        Raises:
            ShapeError: The source or the target is not batch x steps whole numbers.
            LengthsError: The lengths do not fit the source.
        """
        return self.decode(target, self.encode(source, lengths))[0]

    def encode(self, source: Int[Tensor, "B S"], lengths: Lengths = None) -> Memory:
        """Read the sources; arguments and errors are those of `forward`."""
        source, mask = open_symbols(source, lengths, "Transformer")
        x = self._embedded(source)
        for block in self.encoder:
            x, _ = block(x, mask=mask)
        return Memory(x, mask)

    def decode(
        self, target: Int[Tensor, "B T"], memory: Memory, cache: Cache | None = None
    ) -> tuple[Float[Tensor, "B T V"], Cache]:
        """The scores (logits) of the symbol after each one, and the cache after the last.

        Args:
            target: Whole numbers below the vocabulary size, which come after those in the cache.
            memory: The sources, as `encode` has read them.
            cache: What an earlier call with this memory returned; None begins.

        Raises:
            ShapeError: The target is not B x T whole numbers.
            AttentionCacheError: The cache is of another model, or of another batch.
        """
        features, cache = self.features(target, memory, cache)
        return self.readout(features), cache

    def features(
        self, target: Int[Tensor, "B T"], memory: Memory, cache: Cache | None = None
    ) -> tuple[Float[Tensor, "B T C"], Cache]:
        """As `decode`, without the readout."""
        target, _ = open_symbols(target, None, "Transformer")
        past = steps_in(cache, "Transformer", blocks=len(self.decoder), batch=len(target))
        return run_causally(
            self.decoder,
            self._embedded(target, past),
            cache,
            memory=memory.states,
            memory_mask=memory.mask,
        )

    def readout(self, features: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """The scores (logits) that `features` stand for."""
        return linear(features, self.embedding.weight, None)

    def attended(self, target: Int[Tensor, "B T"], memory: Memory) -> Float[Tensor, "B T S"]:
        """How much the last block of the decoder attends to each source symbol: mean of the heads.

        Args:
            target: Whole numbers below the vocabulary size, the start symbol first.
            memory: The sources, as `encode` has read them.

        Raises:
            ShapeError: The target is not B x T whole numbers.
        """
        target, _ = open_symbols(target, None, "Transformer")
        *before, last = self.decoder
        assert isinstance(last, Block)
        options = {"memory": memory.states, "memory_mask": memory.mask}
        x, _ = run_causally(before, self._embedded(target), None, **options)
        return last.cross_weights(x, *memory).mean(1)

    def _embedded(self, symbols: Tensor, past: int = 0) -> Tensor:
        x = self.embedding(symbols) * math.sqrt(self.shape.width)
        return self.dropout(x + sinusoids(past, symbols.shape[1], self.shape.width).to(x))

    def _blocks(self, *, has_cross: bool) -> nn.ModuleList:
        shape = self.shape
        block = BlockShape(
            shape.width,
            shape.num_heads,
            shape.inner_width,
            activation="relu",
            pre_norm=False,
            dropout=shape.dropout,
            has_cross=has_cross,
        )
        return nn.ModuleList(Block(block) for _ in range(shape.num_layers))

    def _start(self) -> None:
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                parts = 3 if name.endswith("in_proj") else 1  # query, key and value are matrices
                for matrix in module.weight.chunk(parts):
                    nn.init.xavier_uniform_(matrix)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.embedding.weight, std=self.shape.width**-0.5)


def sinusoids(first: int, steps: int, width: int) -> Float[Tensor, "T C"]:
    """The positions of some steps, in float64 (Vaswani et al. 2017, section 3.5).

    PE[t, 2i] = sin(t / 10000^(2i/C)), PE[t, 2i+1] = cos(t / 10000^(2i/C)).

    Args:
        first: The number of the first step, from 0.
        steps: T.
        width: C, even.
    """
    numbers = torch.arange(first, first + steps, dtype=torch.float64, device="cpu").unsqueeze(-1)
    pairs = torch.arange(0, width, 2, dtype=torch.float64, device="cpu")  # 2i
    angles = numbers / 10000 ** (pairs / width)  # T C/2
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # T C
