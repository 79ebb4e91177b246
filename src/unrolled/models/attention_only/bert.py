"""BERT: every symbol read with those before and after it (Devlin et al. 2018)."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.models.attention_only.blocks import Block, BlockShape, check_sizes
from unrolled.models.attention_only.symbols import Lengths, check_context, open_symbols
from unrolled.models.linear import Linear

EPSILON = 1e-12  # of all norms
_SPREAD = 0.02  # standard deviation of all weights at the start


@dataclass(frozen=True)
class BertShape:
    """The sizes of a BERT."""

    vocabulary_size: int = 30522  # V
    context: int = 512  # the most symbols in a sequence
    width: int = 768  # C
    num_layers: int = 12  # L
    num_heads: int = 12  # N
    num_segments: int = 2  # such as a question and its answer
    dropout: float = 0.1


BERT_SHAPES = {
    "bert-base-uncased": BertShape(),  # 110 million parameters
    "bert-base-cased": BertShape(vocabulary_size=28996),
    "bert-large-uncased": BertShape(width=1024, num_layers=24, num_heads=16),  # 340 million
    "bert-large-cased": BertShape(vocabulary_size=28996, width=1024, num_layers=24, num_heads=16),
}


class Encoded(NamedTuple):
    """What BERT makes of sequences. What stands past a length means nothing."""

    symbols: Float[Tensor, "B T C"]
    pooled: Float[Tensor, "B C"] | None  # of the whole sequence; None without a pooler


class Bert(nn.Module):
    """Symbols + positions + segments, blocks with the norm after each part, and a pooler.

    Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers", section 3; the
    pooler, tanh(W h + b) of the first symbol's h, is in the authors' program.
    """

    def __init__(self, shape: BertShape, *, has_pooler: bool = True) -> None:
        """Make the model.

        Args:
            shape: Its sizes; `BERT_SHAPES` has the published ones.
            has_pooler: Whether it says something about the whole sequence.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        check_sizes(shape, "Bert")
        self.shape = shape
        block = BlockShape(
            shape.width,
            shape.num_heads,
            4 * shape.width,
            activation="gelu",
            pre_norm=False,
            epsilon=EPSILON,
            dropout=shape.dropout,
            attention_dropout=shape.dropout,
        )
        self.embedding = nn.Embedding(shape.vocabulary_size, shape.width)
        self.positions = nn.Embedding(shape.context, shape.width)
        self.segments = nn.Embedding(shape.num_segments, shape.width)
        self.norm = nn.LayerNorm(shape.width, eps=EPSILON)
        self.dropout = nn.Dropout(shape.dropout)
        self.blocks = nn.ModuleList(Block(block) for _ in range(shape.num_layers))
        self.pooler = Linear(shape.width, shape.width) if has_pooler else None
        start_weights(self)

    def forward(
        self,
        symbols: Int[Tensor, "B T"],
        segments: Int[Tensor, "B T"] | None = None,
        lengths: Lengths = None,
    ) -> Encoded:
        """What it makes of each symbol, and of the whole sequence.

        Args:
            symbols: Whole numbers below the vocabulary size; anything past a length.
            segments: The segment of each symbol, from 0; None is 0 throughout.
            lengths: How many symbols each sequence has; None is T for all.

        Raises:
            ShapeError: The symbols are not B x T whole numbers.
            LengthsError: The lengths do not fit the symbols.
            ContextError: There are more symbols than the context.
        """
        symbols, mask = open_symbols(symbols, lengths, "Bert")
        steps = symbols.shape[1]
        check_context("Bert", steps, context=self.shape.context)
        if segments is None:
            segments = torch.zeros_like(symbols)
        elif mask is not None:
            segments = segments * mask.squeeze(1)
        x = self.embedding(symbols) + self.segments(segments) + self.positions.weight[:steps]
        x = self.dropout(self.norm(x))
        for block in self.blocks:
            x, _ = block(x, mask=mask)
        return Encoded(x, None if self.pooler is None else torch.tanh(self.pooler(x[:, 0])))


def start_weights(network: nn.Module) -> None:
    """Draw the weights as the authors' program does: normal, none over two standard deviations."""
    for module in network.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            limit = 2 * _SPREAD
            nn.init.trunc_normal_(module.weight, std=_SPREAD, a=-limit, b=limit)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
