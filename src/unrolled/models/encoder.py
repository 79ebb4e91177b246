"""What all recurrent models have in common: symbols or vectors in, a state for each step out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.lang.cell import Cell
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.states import map_state


@dataclass(frozen=True)
class Shape:
    """The sizes of a recurrent model."""

    input_size: int
    """X, the width of the vectors that it reads, or V, how many symbols there are."""
    hidden_size: int  # H
    num_layers: int = 1  # L
    embedding_size: int = 0
    """E, the width of a learned vector for each symbol; 0 feeds one-hot vectors, as the deck does,
    or vectors as they are."""
    projection_size: int = 0  # R of a cell that has a projection
    bidirectional: bool = False
    dropout: float = 0.0


class Encoder(nn.Module):
    """Embedding (or one-hot, or vectors), and recurrent layers of any cell."""

    def __init__(self, cell: Cell, shape: Shape) -> None:
        """Make the layers.

        Args:
            cell: The equations of its layers.
            shape: Its sizes.

        Raises:
            OptionError: A size is impossible.
            SizeError: The sizes break an equation of the cell.
        """
        super().__init__()
        width = shape.embedding_size or shape.input_size
        self.embedding = nn.Embedding(shape.input_size, width) if shape.embedding_size else None
        self.recurrent = Recurrent(
            cell,
            width,
            shape.hidden_size,
            shape.num_layers,
            dropout=shape.dropout if shape.num_layers > 1 else 0.0,
            bidirectional=shape.bidirectional,
            sizes={"R": shape.projection_size} if shape.projection_size else None,
        )
        self.dropout = nn.Dropout(shape.dropout)

    @property
    def output_size(self) -> int:
        """The width of what stands at each step, of both directions together."""
        return self.recurrent.state_shapes()[0][-1] * self.recurrent.directions

    def encode(
        self,
        x: Float[Tensor, "T B X"] | Int[Tensor, "T B"],
        state: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
    ) -> tuple[Float[Tensor, "T B D"], Any]:
        """The uppermost layer's output at each step, and the states of all after the last.

        Args:
            x: The sequence; whole numbers are symbols.
            state: The recurrent layer's state to start from; None is zeros.
            lengths: How long each sequence is; beyond it the output is zero. None: all of T.
        """
        given = x if self.embedding is None else self.dropout(self.embedding(x))
        output, state = self.recurrent(given, state, lengths=lengths)
        return self.dropout(output), state

    def reorder(self, state: Any, rows: Int[Tensor, " N"]) -> Any:
        """The state of some rows; one may come several times."""
        return map_state(lambda part: part.index_select(1, rows.to(part.device)), state)

    def last(self, state: Any) -> Float[Tensor, "B D"]:
        """The first of the cell's states in the uppermost layer, both directions side by side."""
        first = state if isinstance(state, Tensor) else state[0]
        return torch.cat([*first[-self.recurrent.directions :]], dim=-1)
