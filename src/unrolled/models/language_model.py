"""A recurrent language model: symbols in, scores of the next symbol out, in step."""

from torch import nn

from unrolled.lang.cell import Cell
from unrolled.models.encoder import Shape
from unrolled.models.in_step import InStep


class LanguageModel(InStep):
    """An answer at each step is the scores of the symbol that comes next."""

    def __init__(self, cell: Cell, shape: Shape) -> None:
        """Make the model.

        Args:
            cell: The equations of its layers.
            shape: Its sizes.

        Raises:
            OptionError: A size is impossible.
            SizeError: The sizes break an equation of the cell.
        """
        super().__init__(cell, shape, shape.input_size)


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
