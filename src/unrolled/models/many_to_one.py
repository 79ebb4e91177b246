"""One answer to a whole sequence."""

from typing import Any

from jaxtyping import Float, Int
from torch import Tensor, nn

from unrolled.lang.cell import Cell
from unrolled.models.encoder import Encoder, Shape
from unrolled.models.pooling import How, Pooling


class ManyToOne(Encoder):
    """Recurrent layers of any cell, and a readout y = W.hy@h + b.y of what they make of it all."""

    def __init__(self, cell: Cell, shape: Shape, output_size: int, pooling: How = "last") -> None:
        """Make the model.

        Args:
            cell: The equations of its layers.
            shape: Its sizes.
            output_size: Y, such as the number of classes.
            pooling: Of what the answer is read: the last states, or a mean of all steps.

        Raises:
            OptionError: A size is impossible.
            SizeError: The sizes break an equation of the cell.
        """
        super().__init__(cell, shape)
        self.pooling = Pooling(self.output_size, pooling)
        self.readout = nn.Linear(self.output_size, output_size)

    def forward(
        self,
        x: Float[Tensor, "T B X"] | Int[Tensor, "T B"],
        state: Any = None,
        *,
        lengths: Int[Tensor, " B"] | None = None,
    ) -> tuple[Float[Tensor, "B Y"], Any]:
        """The answer to each sequence, and the state after the last step.

        Args:
            x: The sequence; whole numbers are symbols.
            state: The recurrent layer's state to start from; None is zeros.
            lengths: How long each sequence is; None: all of T.
        """
        steps, state = self.encode(x, state, lengths=lengths)
        whole, _ = self.pooling(steps, self.dropout(self.last(state)), lengths)
        return self.readout(whole), state
