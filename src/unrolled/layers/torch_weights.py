"""How torch stores a recurrent layer's weights, and how our cells read them."""

import torch
from torch import Tensor

from unrolled.cells import elman
from unrolled.lang.cell import Cell

RNN_CELLS = {"tanh": elman.rnn, "relu": elman.rnn_relu}
MODES = {
    "rnn": "RNN_TANH",
    "rnn_relu": "RNN_RELU",
    "lstm": "LSTM",
    "lstm_projected": "LSTM",
    "gru_torch": "GRU",
}
_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def gate_count(cell: Cell) -> int:
    """How many blocks of H rows torch's matrices have for this cell."""
    return _GATES[MODES[cell.name]]


def merged_bias(cell: Cell, weight: Tensor, ih: Tensor | None, hh: Tensor | None) -> Tensor:
    """Torch's two biases as the one vector of the cell's layout, zeros if there are none.

    Our cells have one bias a gate, the sum of torch's two; only the GRU keeps both, gate by gate.
    """
    if ih is None or hh is None:
        ih = hh = weight.new_zeros(len(weight))
    if cell.name != "gru_torch":
        return ih + hh
    by_gate = torch.stack([ih.view(3, -1), hh.view(3, -1)], dim=1)  # 3 2 H: xr hr xz hz xn hn
    return by_gate.reshape(-1)
