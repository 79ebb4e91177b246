"""An answer at each step of a sequence, in step with its input."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.lang.cell import Cell
from unrolled.layers.recurrent import Recurrent


class InStep(nn.Module):
    """Recurrent layers of any cell, and a readout y = W.hy@h + b.y of each step's state."""

    def __init__(
        self, cell: Cell, input_size: int, output_size: int, hidden_size: int, num_layers: int = 1
    ) -> None:
        """Make the model.

        Args:
            cell: The equations of its layers.
            input_size: X.
            output_size: Y, such as the number of classes.
            hidden_size: H.
            num_layers: L, one upon the other.

        Raises:
            OptionError: A size is impossible.
            SizeError: The sizes break an equation of the cell.
        """
        super().__init__()
        self.recurrent = Recurrent(cell, input_size, hidden_size, num_layers)
        self.readout = nn.Linear(self.recurrent.state_shapes()[0][-1], output_size)

    def forward(
        self, x: Float[Tensor, "T B X"] | Int[Tensor, "T B"], state: Any = None
    ) -> tuple[Float[Tensor, "T B Y"], Any]:
        """The answer at each step, and the state after the last.

        Args:
            x: The sequence; whole numbers stand for one-hot vectors.
            state: The recurrent layer's state to start from; None is zeros.
        """
        output, state = self.recurrent(x, state)  # T B H
        return self.readout(output), state
