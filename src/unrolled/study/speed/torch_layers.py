"""Torch's own recurrent layers as contenders: fused, as a loop over cells, and that compiled."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from unrolled.study.speed.case import Case
from unrolled.study.speed.trial import Trial, torch_trial

LAYERS: Mapping[str, Callable[..., nn.Module]] = {
    "lstm": nn.LSTM,
    "lstm_projected": nn.LSTM,
    "gru_torch": nn.GRU,
    "rnn": nn.RNN,
    "rnn_relu": nn.RNN,
}
CELLS: Mapping[str, Callable[..., nn.Module]] = {
    "lstm": nn.LSTMCell,
    "gru_torch": nn.GRUCell,
    "rnn": nn.RNNCell,
    "rnn_relu": nn.RNNCell,
}


def options_of(case: Case) -> dict[str, Any]:
    """What tells torch's layer to compute this very cell."""
    if case.cell.name == "rnn_relu":
        return {"nonlinearity": "relu"}
    return {"proj_size": case.sizes["R"]} if case.cell.name == "lstm_projected" else {}


def torch_weights(case: Case) -> dict[str, Tensor]:
    """The case's weights under torch's names; where torch has two biases and we one, one is 0."""
    stored = case.layer.state_dict()
    bias = stored["bias_l0"]
    biases = (bias, torch.zeros_like(bias))
    if case.cell.name == "gru_torch":
        by_gate = bias.view(3, 2, -1)  # of r, z, n: the one of x, the one of h
        biases = (by_gate[:, 0].reshape(-1), by_gate[:, 1].reshape(-1))
    named = {"weight_ih_l0": stored["weight_x_l0"], "weight_hh_l0": stored["weight_h_l0"]}
    named |= dict(zip(("bias_ih_l0", "bias_hh_l0"), biases, strict=True))
    if case.cell.name == "lstm_projected":
        named["weight_hr_l0"] = stored[f"weight_{case.layer.program(0).layout.stacks[-1].key}_l0"]
    return named


def build_layer(case: Case, *, backward: bool) -> Trial:
    """torch.nn's layer; with lengths, on a sequence that was packed before its turn."""
    width = case.point.width
    layer = LAYERS[case.cell.name](width, width, dtype=case.x.dtype, **options_of(case))
    layer.load_state_dict(torch_weights(case))
    if case.lengths is None:

        def call(x: Tensor) -> Tensor:
            return layer(x)[0]

        return torch_trial(call, case.x, case.d_output, layer.parameters(), backward=backward)
    return _packed(layer, case, case.lengths, backward=backward)


class Loop(nn.Module):
    """The loop that everyone writes: torch's cell, step by step, outputs stacked."""

    def __init__(self, cell: nn.Module) -> None:
        """Make it of a cell such as nn.LSTMCell."""
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        """T x B x H for T x B x X, from a state of zeros."""
        outputs: list[Tensor] = []
        state = None
        for step in x.unbind(0):
            state = self.cell(step, state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs)


def make_loop(case: Case) -> Loop:
    """The loop over torch's cell with the weights of the case."""
    width = case.point.width
    cell = CELLS[case.cell.name](width, width, dtype=case.x.dtype, **options_of(case))
    weights = torch_weights(case)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in weights.items()})
    return Loop(cell)


def build_loop(case: Case, *, backward: bool) -> Trial:
    """The plain loop over nn.LSTMCell, nn.GRUCell or nn.RNNCell."""
    loop = make_loop(case)
    return torch_trial(loop, case.x, case.d_output, loop.parameters(), backward=backward)


def build_compiled(case: Case, *, backward: bool) -> Trial:
    """torch.compile of the plain loop, or of our eager layer for cells that torch does not have."""
    torch.compiler.reset()  # or else the eighth size would fall back to eager in silence
    if case.cell.name in CELLS:
        module: nn.Module = make_loop(case)
        call = torch.compile(module, dynamic=False)
    else:
        module = case.layer
        call = torch.compile(lambda x: case.layer(x)[0], dynamic=False)
    return torch_trial(call, case.x, case.d_output, module.parameters(), backward=backward)


def _packed(layer: nn.Module, case: Case, lengths: Tensor, *, backward: bool) -> Trial:
    """A layer on a PackedSequence: x and output stay packed, which is kind to it."""

    def pack(values: Tensor) -> PackedSequence:
        return pack_padded_sequence(values, lengths, enforce_sorted=False)

    like = pack(case.x)

    def call(data: Tensor) -> Tensor:
        return layer(like._replace(data=data))[0].data

    def padded(data: Tensor) -> Tensor:
        return pad_packed_sequence(like._replace(data=data), total_length=len(case.x))[0]

    d_output = pack(case.d_output).data
    return torch_trial(
        call, like.data, d_output, layer.parameters(), backward=backward, padded=padded
    )
