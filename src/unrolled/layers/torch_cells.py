"""Drop-ins for torch.nn's one-step cells: RNNCell, LSTMCell, GRUCell."""

from typing import Any

import torch
from torch import Tensor, nn

from unrolled.cells import gru, lstm
from unrolled.errors import OptionError, ShapeError
from unrolled.lang.cell import Cell
from unrolled.layers.layer import Layer
from unrolled.layers.options import Options
from unrolled.layers.torch_weights import RNN_CELLS, gate_count, merged_bias
from unrolled.runtime.eager import Weights


class TorchCell(Layer):
    """One step of a cell, with torch's parameters: weight_ih, weight_hh, bias_ih, bias_hh."""

    def __init__(  # noqa: PLR0913
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        options = Options(input_size, hidden_size, 1, False, 0.0, False)
        super().__init__(cell, options, {})
        self.bias = bias
        rows = gate_count(cell) * hidden_size
        shapes = {"weight_ih": (rows, input_size), "weight_hh": (rows, hidden_size)}
        for name, shape in (shapes | {"bias_ih": (rows,), "bias_hh": (rows,)}).items():
            wanted = bias or name in shapes
            made = nn.Parameter(torch.empty(shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, made)
        self.reset_parameters()

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """One step: the new state, in torch's form (a tensor, or (h, c)).

        Args:
            input: B x X, or X for one row.
            hx: B x H (or H), a pair of them for an LSTM; None starts from zeros.

        Raises:
            ShapeError: The input has the wrong shape.
            StateError: The state has the wrong shape.
            DtypeError: Input and weights differ in dtype.
            DeviceError: Input and weights are on different devices.
        """
        if input.dim() not in (1, 2):
            problem = "one step takes B X, or X for one row"
            raise ShapeError(layer=type(self).__name__, shape=list(input.shape), problem=problem)
        _, state = self.step(input, _map(hx, lambda part: part.unsqueeze(0)))
        return _map(state, lambda part: part.squeeze(0))

    def weights(self, layer: int, direction: int) -> Weights:
        """The stored tensors, in the order of the cell's layout."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ih, hh, *biases = (getattr(self, name) for name in names)
        return Weights((ih, hh), merged_bias(self.cell, ih, *biases), None)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as torch does."""
        self.start_uniform()

    def extra_repr(self) -> str:
        """The options, as torch prints them."""
        shown = [str(self.input_size), str(self.hidden_size)]
        shown += [f"bias={self.bias}"] * (self.bias is not True)
        shown += ["nonlinearity=relu"] * (self.cell.name == "rnn_relu")
        return ", ".join(shown)


def _map(state: Any, change: Any) -> Any:
    if state is None or isinstance(state, Tensor):
        return None if state is None else change(state)
    return tuple(change(part) for part in state)


class RNNCell(TorchCell):
    """Drop-in for torch.nn.RNNCell."""

    def __init__(  # noqa: PLR0913
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the cell; the arguments are torch.nn.RNNCell's.

        Raises:
            OptionError: An option has an impossible value.
        """
        if nonlinearity not in RNN_CELLS:
            wanted = "'tanh' or 'relu'"
            raise OptionError(
                layer="RNNCell", option="nonlinearity", got=nonlinearity, wanted=wanted
            )
        cell = RNN_CELLS[nonlinearity]
        super().__init__(cell, input_size, hidden_size, bias=bias, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity


class LSTMCell(TorchCell):
    """Drop-in for torch.nn.LSTMCell."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the cell; the arguments are torch.nn.LSTMCell's."""
        super().__init__(lstm.lstm, input_size, hidden_size, bias=bias, device=device, dtype=dtype)


class GRUCell(TorchCell):
    """Drop-in for torch.nn.GRUCell: the reset gate after the product."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the cell; the arguments are torch.nn.GRUCell's."""
        cell = gru.gru_torch
        super().__init__(cell, input_size, hidden_size, bias=bias, device=device, dtype=dtype)
