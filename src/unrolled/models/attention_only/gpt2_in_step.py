"""GPT-2 behind the calls of `models.language_model`: time first, and texts longer than it sees."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.models.attention_only.attention import KeysValues
from unrolled.models.attention_only.blocks import BlockCache, Cache
from unrolled.models.attention_only.gpt2 import GPT2, GPT2Shape


class Seen(NamedTuple):
    """What the model sees of a text: the last symbols, and what it made of them."""

    symbols: Int[Tensor, "B S"]
    cache: Cache


class GPT2InStep(nn.Module):
    """A GPT-2 that reads on where it stopped, as a recurrent model does with its state.

    Where its context is full it goes on from the second half of it, read anew: the symbols after
    that are predicted from at least half a context. In training a call stands for itself.
    """

    def __init__(self, shape: GPT2Shape) -> None:
        """Make the model.

        Args:
            shape: Its sizes.

        Raises:
            OptionTypeError: A size is no whole number.
            OptionError: A size is impossible.
        """
        super().__init__()
        self.gpt2 = GPT2(shape)

    def forward(
        self, x: Int[Tensor, "T B"], state: Seen | None = None
    ) -> tuple[Float[Tensor, "T B V"], Seen | None]:
        """The scores of the symbol after each one, and what the model sees after the last.

        Args:
            x: Symbols.
            state: What it saw before them; None: nothing.

        Returns:
            The scores, and in evaluation what to go on from; in training None.
        """
        features: list[Tensor] = []
        for piece in self._pieces(x.t(), state):
            found, state = self._read(piece, state)
            features.append(found)
        scores = self.gpt2.readout(torch.cat(features, dim=1)).transpose(0, 1)
        return scores, None if self.training else state

    def reorder(self, state: Seen | None, rows: Int[Tensor, " N"]) -> Seen | None:
        """What the model sees in some rows; one may come several times."""
        if state is None:
            return None
        cache = [
            BlockCache(KeysValues(own.keys[rows], own.values[rows]), None) for own, _ in state.cache
        ]
        return Seen(state.symbols[rows], tuple(cache))

    def _pieces(self, symbols: Tensor, state: Seen | None) -> Iterator[Tensor]:
        """The symbols, cut where the context is full: at once, and then each half of it."""
        context, seen = self.gpt2.shape.context, 0 if state is None else state.symbols.shape[1]
        room = context - seen or context - context // 2
        while symbols.shape[1]:
            yield symbols[:, :room]
            symbols, room = symbols[:, room:], context - context // 2

    def _read(self, piece: Tensor, state: Seen | None) -> tuple[Tensor, Seen]:
        """The features of a piece that the context has room for, once it is made."""
        if state and state.symbols.shape[1] == self.gpt2.shape.context:
            kept = state.symbols[:, state.symbols.shape[1] - self.gpt2.shape.context // 2 :]
            state = Seen(kept, self.gpt2.features(kept)[1]) if kept.shape[1] else None
        features, cache = self.gpt2.features(piece, state.cache if state else None)
        symbols = torch.cat([state.symbols, piece], dim=1) if state else piece
        return features, Seen(symbols, cache)
