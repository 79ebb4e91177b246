"""The Transformer behind the calls of `encoder_decoder`: time first, written step by step."""

from typing import NamedTuple

from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.models.attention_only.attention import KeysValues
from unrolled.models.attention_only.blocks import BlockCache, Cache
from unrolled.models.attention_only.transformer import Memory, Transformer, TransformerShape


class Writing(NamedTuple):
    """Where writing stands."""

    memory: Memory
    cache: Cache | None


class TransformerTranslator(nn.Module):
    """A Transformer that reads one sequence and writes another; both share one vocabulary."""

    def __init__(self, shape: TransformerShape) -> None:
        """Make the model.

        Args:
            shape: Its sizes.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        self.transformer = Transformer(shape)

    def read(self, source: Int[Tensor, "S B"], lengths: Int[Tensor, " B"] | None = None) -> Writing:
        """Read a source; what comes back is where writing starts.

        Args:
            source: Symbols.
            lengths: How long each source is; None: all of S.
        """
        return Writing(self.transformer.encode(source.t(), lengths), None)

    def forward(
        self,
        source: Int[Tensor, "S B"],
        symbols: Int[Tensor, "T B"],
        source_lengths: Int[Tensor, " B"] | None = None,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "T B V"]:
        """The scores of the symbol after each one, for a source and the symbols of its target.

        Args:
            source: Symbols.
            symbols: What was written before each step: in training the truth (teacher forcing).
            source_lengths: How long each source is; None: all of S.
            lengths: How many of the symbols count: no step sees a later one, so nothing changes.
        """
        return self.readout(self.features(source, symbols, source_lengths, lengths))

    def features(
        self,
        source: Int[Tensor, "S B"],
        symbols: Int[Tensor, "T B"],
        source_lengths: Int[Tensor, " B"] | None = None,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "T B C"]:
        """As `forward`, without the readout, which is most of the work where symbols are many."""
        memory = self.transformer.encode(source.t(), source_lengths)
        return self.transformer.features(symbols.t(), memory)[0].transpose(0, 1)

    def readout(self, features: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """The scores that `features` stand for."""
        return self.transformer.readout(features)

    def step(self, symbols: Int[Tensor, " N"], at: Writing) -> tuple[Float[Tensor, "N V"], Writing]:
        """The scores of the next symbol in each row.

        Args:
            symbols: The last symbol of each row.
            at: What `read`, `reorder` or the last step gave, of as many rows.
        """
        symbols = symbols.to(at.memory.states.device).unsqueeze(1)
        scores, cache = self.transformer.decode(symbols, at.memory, at.cache)
        return scores[:, 0], Writing(at.memory, cache)

    def attended(self, symbols: Int[Tensor, "T B"], at: Writing) -> Float[Tensor, "T B S"]:
        """How much each source symbol is attended to while the one after each is written.

        Args:
            symbols: What was written before each step, from the first on.
            at: What `read` gave.
        """
        return self.transformer.attended(symbols.t(), at.memory).transpose(0, 1)

    def reorder(self, at: Writing, rows: Int[Tensor, " N"]) -> Writing:
        """Where writing stands in some rows; one may come several times."""
        rows = rows.to(at.memory.states.device)
        states, mask = at.memory
        memory = Memory(states[rows], None if mask is None else mask[rows])
        if at.cache is None:
            return Writing(memory, None)
        return Writing(memory, tuple(_rows(block, rows) for block in at.cache))


def _rows(block: BlockCache, rows: Tensor) -> BlockCache:
    own, memory = block
    return BlockCache(
        KeysValues(own.keys[rows], own.values[rows]),
        None if memory is None else KeysValues(memory.keys[rows], memory.values[rows]),
    )
