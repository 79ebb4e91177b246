"""Drop-ins for torch.nn's recurrent layers: their arguments, parameters, results and errors.

Each holds torch's own parameters, in torch's order and under torch's names, so that state dicts
load both ways, and runs a cell of the gallery with them.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unrolled.cells import gru, lstm
from unrolled.errors import OptionError, OptionTypeError
from unrolled.lang.cell import Cell
from unrolled.layers.layer import Layer
from unrolled.layers.options import Options, check_whole
from unrolled.layers.torch_weights import MODES, RNN_CELLS, gate_count, merged_bias
from unrolled.layers.vendor import run_vendor
from unrolled.runtime.eager import Weights


class TorchLike(Layer):
    """A layer that stores its parameters as torch does: weight_ih, weight_hh, both biases."""

    def __init__(  # noqa: PLR0913
        self,
        cell: Cell,
        options: Options,
        *,
        bias: bool,
        proj_size: int,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        name = type(self).__name__
        if not isinstance(bias, bool):
            kind = type(bias).__name__
            raise OptionTypeError(
                layer=name, option="bias", got=bias, kind=kind, wanted="True or False"
            )
        super().__init__(cell, options, {"R": proj_size} if proj_size else {})
        if self.dropout and self.num_layers == 1:
            message = f"{name}: dropout lies between layers, and num_layers=1 has no between"
            warnings.warn(message, stacklevel=3)
        self.mode = MODES[cell.name]
        self.bias = bias
        self.proj_size = proj_size
        self._stored = [
            _stored_names(i, direction, bias=bias, projected=bool(proj_size))
            for i in range(self.num_layers)
            for direction in range(self.directions)
        ]
        self._make_parameters(device, dtype)
        self.reset_parameters()

    def forward(
        self,
        input: Tensor | PackedSequence,
        hx: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        record: str | Sequence[str] = (),
        record_gradients: str | Sequence[str] = (),
    ) -> Any:
        """Run the layer as torch's; what torch's has not is as in `Recurrent.forward`.

        Raises:
            ShapeError: The input has the wrong shape.
            LengthsError: The lengths do not fit it.
            StateError: The state does not fit.
            DtypeError: Input and weights differ in dtype.
            DeviceError: Input and weights are on different devices.
            UnknownNameError: A name to record is none of the equations'.
            RecordError: A value to record is not equally wide in all layers.
            NoGradientError: A value whose gradient is wanted has none.
            BackendError: The layer's backend cannot run this.
        """
        on = input.data if isinstance(input, PackedSequence) else input
        recorded = (*record, *record_gradients)
        if self.backend == "vendor" or (self._prefers_vendor(on.device) and not recorded):
            return run_vendor(self, input, hx, lengths=lengths, record=recorded)
        return self.run(
            input, hx, lengths=lengths, record=record, record_gradients=record_gradients
        )

    def _prefers_vendor(self, device: torch.device) -> bool:
        return self.backend == "auto" and device.type in ("cuda", "mps")

    def explain(self) -> str:
        """Which backend runs the layer as it is now, why, and what it does at each step."""
        device = self.stored(self._names(0, 0)[0]).device
        if self.backend != "vendor" and not self._prefers_vendor(device):
            return super().explain()
        asked = self.backend == "vendor"
        reason = "it was asked for" if asked else f"its weights are on {device}"
        return f"{self.cell.name} runs on backend 'vendor': {reason}"

    def weights(self, layer: int, direction: int) -> Weights:
        """The stored tensors of one layer and direction, in the order of the cell's layout."""
        tensors = [self.stored(name) for name in self._names(layer, direction)]
        ih, hh = tensors[:2]
        stacks = (ih, hh, tensors[-1]) if self.proj_size else (ih, hh)
        biases = tensors[2:4] if self.bias else [None, None]
        return Weights(stacks, merged_bias(self.cell, ih, *biases), None)

    @property
    def all_weights(self) -> list[list[nn.Parameter]]:
        """The parameters of each layer and direction."""
        return [
            [getattr(self, name) for name in self._names(layer, direction)]
            for layer in range(self.num_layers)
            for direction in range(self.directions)
        ]

    def flatten_parameters(self) -> None:
        """Nothing to do; here because code for torch's layers calls it."""

    def reset_parameters(self) -> None:
        """Draw all parameters anew, as torch does."""
        self.start_uniform()

    def extra_repr(self) -> str:
        """The options that differ from their defaults, as torch prints them."""
        shown = [str(self.input_size), str(self.hidden_size)]
        shown += [f"proj_size={self.proj_size}"] * bool(self.proj_size)
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0}
        defaults["bidirectional"] = False
        shown += [f"{k}={getattr(self, k)}" for k, v in defaults.items() if getattr(self, k) != v]
        return ", ".join(shown)

    def _names(self, layer: int, direction: int) -> tuple[str, ...]:
        return self._stored[layer * self.directions + direction]

    def _make_parameters(self, device: Any, dtype: torch.dtype | None) -> None:
        rows = gate_count(self.cell) * self.hidden_size
        out = self.proj_size or self.hidden_size
        for layer in range(self.num_layers):
            below = out * self.directions if layer else self.input_size
            shapes = {"weight_ih": (rows, below), "weight_hh": (rows, out)}
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,), "weight_hr": (out, self.hidden_size)}
            for direction in range(self.directions):
                for name in self._names(layer, direction):
                    empty = torch.empty(
                        shapes[name.rpartition("_l")[0]], device=device, dtype=dtype
                    )
                    self.register_parameter(name, nn.Parameter(empty))


def _stored_names(layer: int, direction: int, *, bias: bool, projected: bool) -> tuple[str, ...]:
    kinds = ["weight_ih", "weight_hh"]
    kinds += ["bias_ih", "bias_hh"] * bias + ["weight_hr"] * projected
    return tuple(f"{kind}_l{layer}{'_reverse' * direction}" for kind in kinds)


class RNN(TorchLike):
    """Drop-in for torch.nn.RNN: tanh or relu (Elman 1990)."""

    def __init__(  # noqa: PLR0913
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        backend: str = "auto",
    ) -> None:
        """Make the layer; the arguments are torch.nn.RNN's, and `backend` as in `Recurrent`.

        Raises:
            OptionError: An option has an impossible value.
            OptionTypeError: An option has the wrong type.
        """
        if nonlinearity not in RNN_CELLS:
            raise OptionError(
                layer="RNN", option="nonlinearity", got=nonlinearity, wanted="'tanh' or 'relu'"
            )
        options = Options(
            input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, backend
        )
        cell = RNN_CELLS[nonlinearity]
        super().__init__(cell, options, bias=bias, proj_size=0, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity


class LSTM(TorchLike):
    """Drop-in for torch.nn.LSTM, with `proj_size` (Sak, Senior and Beaufays 2014)."""

    def __init__(  # noqa: PLR0913
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        backend: str = "auto",
    ) -> None:
        """Make the layer; the arguments are torch.nn.LSTM's, and `backend` as in `Recurrent`.

        Raises:
            OptionError: An option has an impossible value.
            OptionTypeError: An option has the wrong type.
        """
        options = Options(
            input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, backend
        )
        options.check("LSTM")
        check_whole("LSTM", "proj_size", proj_size, least=0)
        if proj_size >= hidden_size:
            wanted = "less than hidden_size"
            raise OptionError(layer="LSTM", option="proj_size", got=proj_size, wanted=wanted)
        cell = lstm.lstm_projected if proj_size else lstm.lstm
        super().__init__(cell, options, bias=bias, proj_size=proj_size, device=device, dtype=dtype)


class GRU(TorchLike):
    """Drop-in for torch.nn.GRU: the reset gate after the product."""

    def __init__(  # noqa: PLR0913
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        backend: str = "auto",
    ) -> None:
        """Make the layer; the arguments are torch.nn.GRU's, and `backend` as in `Recurrent`.

        Raises:
            OptionError: An option has an impossible value.
            OptionTypeError: An option has the wrong type.
        """
        options = Options(
            input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, backend
        )
        cell = gru.gru_torch
        super().__init__(cell, options, bias=bias, proj_size=0, device=device, dtype=dtype)
