"""A recurrent language model: symbols in, scores of the next symbol out, in step."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.lang.cell import Cell
from unrolled.layers.recurrent import Recurrent


@dataclass(frozen=True)
class Shape:
    """The sizes of a language model."""

    vocabulary_size: int  # V
    hidden_size: int  # H
    num_layers: int = 1  # L
    embedding_size: int = 0  # E; 0 feeds one-hot vectors, as the deck does
    projection_size: int = 0  # R of a cell that has a projection
    dropout: float = 0.0


class LanguageModel(nn.Module):
    """Embedding (or one-hot), recurrent layers of any cell, and a readout y = W.hy@h + b.y."""

    def __init__(self, cell: Cell, shape: Shape) -> None:
        """Make the model.

        Args:
            cell: The equations of its layers.
            shape: Its sizes.

        Raises:
            OptionError: A size is impossible.
            SizeError: The sizes break an equation of the cell.
        """
        super().__init__()
        width = shape.embedding_size or shape.vocabulary_size
        self.embedding = (
            nn.Embedding(shape.vocabulary_size, width) if shape.embedding_size else None
        )
        self.recurrent = Recurrent(
            cell,
            width,
            shape.hidden_size,
            shape.num_layers,
            dropout=shape.dropout if shape.num_layers > 1 else 0.0,
            sizes={"R": shape.projection_size} if shape.projection_size else None,
        )
        self.dropout = nn.Dropout(shape.dropout)
        output_width = self.recurrent.state_shapes()[0][-1]
        self.readout = nn.Linear(output_width, shape.vocabulary_size)

    def forward(
        self, symbols: Int[Tensor, "T B"], state: Any = None
    ) -> tuple[Float[Tensor, "T B V"], Any]:
        """The scores (logits) of the symbol after each one, and the state after the last.

        Args:
            symbols: Whole numbers below the vocabulary size.
            state: The recurrent layer's state to start from; None is zeros.
        """
        x = symbols if self.embedding is None else self.dropout(self.embedding(symbols))
        output, state = self.recurrent(x, state)  # T B H
        return self.readout(self.dropout(output)), state


def lecture_parameters(model: LanguageModel) -> dict[str, nn.Parameter]:
    """The parameters of a model of one layer of `rnn`, as the lecture's program names them."""
    layer, readout = model.recurrent, model.readout
    return {
        "W_xh": layer.weight_x_l0,
        "W_hh": layer.weight_h_l0,
        "W_hy": readout.weight,
        "b_h": layer.bias_l0,
        "b_y": readout.bias,
    }  # pyright: ignore[reportReturnType]
