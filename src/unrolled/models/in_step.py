"""An answer at each step of a sequence, in step with its input."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.lang.cell import Cell
from unrolled.models.encoder import Encoder, Shape


class InStep(Encoder):
    """Recurrent layers of any cell, and a readout y = W.hy@h + b.y of each step's state."""

    def __init__(self, cell: Cell, shape: Shape, output_size: int) -> None:
        """Make the model.

        Args:
            cell: The equations of its layers.
            shape: Its sizes.
            output_size: Y, such as the number of classes.

        Raises:
            OptionError: A size is impossible.
            SizeError: The sizes break an equation of the cell.
        """
        super().__init__(cell, shape)
        self.readout = nn.Linear(self.output_size, output_size)

    def forward(
        self,
        x: Float[Tensor, "T B X"] | Int[Tensor, "T B"],
        state: Any = None,
        *,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> tuple[Float[Tensor, "T B Y"], Any]:
        """The answer at each step, and the state after the last.

        Args:
            x: The sequence; whole numbers are symbols.
            state: The recurrent layer's state to start from; None is zeros.
            lengths: How long each sequence is; None: all of T.
        """
        steps, state = self.encode(x, state, lengths=lengths)
        return self.readout(steps), state
