"""One sequence read, another one written: translation and its like.

Sutskever et al. 2014 without attention; with it Luong et al. 2015, whose decoder reads its own
words alone and attends afterwards, so that a whole target runs through the compiled layer at once.
"""

from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.lang.cell import Cell
from unrolled.models.attention import Attention, Memory
from unrolled.models.encoder import Encoder, Shape
from unrolled.models.linear import Linear

AttentionForm = Literal["none", "additive", "multiplicative"]


class Writing(NamedTuple):
    """Where writing stands."""

    memory: Memory | None
    """The source's steps, if they are attended to."""
    state: Any
    """Of the decoder's layers."""


class EncoderDecoder(nn.Module):
    """Layers of any cell that read, and layers that write, starting from where reading ended."""

    def __init__(
        self, cell: Cell, source: Shape, target: Shape, attention: AttentionForm = "none"
    ) -> None:
        """Make the model.

        Args:
            cell: The equations of its layers.
            source: Sizes of the encoder, which may read both ways.
            target: Sizes of the decoder, with as many layers.
            attention: How scores are made; none: the writer has the encoder's last state alone.

        Raises:
            OptionError: A size is impossible.
            SizeError: The sizes break an equation of the cell.
        """
        super().__init__()
        self.encoder = Encoder(cell, source)
        self.decoder = Encoder(cell, target)
        width, memory = self.decoder.output_size, self.encoder.output_size
        self.bridge = _Bridge(self.encoder, self.decoder)
        self.attention = None if attention == "none" else Attention(width, memory, attention)
        self.mix = None if attention == "none" else nn.Linear(width + memory, width)
        self.readout = Linear(width, target.input_size)

    def read(self, source: Int[Tensor, "S B"], lengths: Int[Tensor, " B"] | None = None) -> Writing:
        """Read a source; what comes back is where writing starts.

        Args:
            source: Symbols.
            lengths: How long each source is; None: all of S.
        """
        steps, state = self.encoder.encode(source, lengths=lengths)
        memory = self.attention.remember(steps, lengths) if self.attention else None
        return Writing(memory, self.bridge(state))

    def write(
        self,
        symbols: Int[Tensor, "T B"],
        at: Writing,
        *,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> tuple[Float[Tensor, "T B W"], Writing, Float[Tensor, "T B S"] | None]:
        """What `readout` makes scores of, where writing stands, and what was attended to.

        Args:
            symbols: What was written before each step: in training the truth (teacher forcing).
            at: What `read` or the last call gave.
            lengths: How many of the symbols count; None: all of T.
        """
        output, state = self.decoder.encode(symbols, at.state, lengths=lengths)
        weights = None
        if self.attention and self.mix and at.memory:
            found, weights = self.attention(output, at.memory)
            output = self.mix(torch.cat([found, output], dim=-1)).tanh()
        return output, Writing(at.memory, state), weights

    def step(self, symbols: Int[Tensor, " N"], at: Writing) -> tuple[Float[Tensor, "N V"], Writing]:
        """The scores of the next symbol in each row.

        There may be K rows for each of the B sources, row k * B + b for source b: these are then K
        queries of one memory, which is nowhere repeated.
        """
        given = symbols.to(self.readout.weight.device).unsqueeze(0)
        output, state = self.decoder.encode(given, at.state)
        if self.attention and self.mix and at.memory:
            rows = output.view(-1, len(at.memory.steps), output.shape[-1])  # K B W
            found, _ = self.attention(rows, at.memory)
            output = self.mix(torch.cat([found, rows], dim=-1)).tanh().view_as(output)
        return self.readout(output)[0], Writing(at.memory, state)

    def forward(
        self,
        source: Int[Tensor, "S B"],
        symbols: Int[Tensor, "T B"],
        source_lengths: Int[Tensor, " B"] | None = None,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "T B V"]:
        """The scores of the symbol after each one, for a source and the symbols of its target."""
        return self.readout(self.features(source, symbols, source_lengths, lengths))

    def features(
        self,
        source: Int[Tensor, "S B"],
        symbols: Int[Tensor, "T B"],
        source_lengths: Int[Tensor, " B"] | None = None,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "T B W"]:
        """As `forward`, without the readout, which is most of the work where symbols are many."""
        return self.write(symbols, self.read(source, source_lengths), lengths=lengths)[0]

    def reorder(self, at: Writing, rows: Int[Tensor, " N"]) -> Writing:
        """Where writing stands in some rows, for K of each source as in `step`.

        Each takes the place of one of the same source; sources that are left out leave the memory.
        """
        state = self.decoder.reorder(at.state, rows)
        if at.memory is None:
            return Writing(None, state)
        sources = (rows % len(at.memory.steps)).unique()
        return Writing(at.memory.of(sources.to(at.memory.steps.device)), state)


class _Bridge(nn.Module):
    """The state in which the decoder starts: tanh(W s) of the encoder's last, layer by layer."""

    def __init__(self, encoder: Encoder, decoder: Encoder) -> None:
        super().__init__()
        self.directions = encoder.recurrent.directions
        sizes = [each.recurrent.state_shapes() for each in (encoder, decoder)]
        self.linear = nn.ModuleList(
            nn.Linear(self.directions * old[-1], new[-1])
            for old, new in zip(*sizes, strict=True)
            for _ in range(decoder.recurrent.num_layers)
        )

    def forward(self, state: Any) -> Any:
        """A state of L·D x B x W as one of L x B x W."""
        parts = (state,) if isinstance(state, Tensor) else state
        ends = [torch.cat([*pair], -1) for part in parts for pair in part.split(self.directions)]
        starts = [linear(end).tanh() for linear, end in zip(self.linear, ends, strict=True)]
        layers = len(starts) // len(parts)
        made = [torch.stack(starts[at : at + layers]) for at in range(0, len(starts), layers)]
        return made[0] if isinstance(state, Tensor) else type(state)(*made)
