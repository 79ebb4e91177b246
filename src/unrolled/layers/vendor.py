"""Torch's own fused kernels for the drop-ins, which hold torch's parameters under torch's names."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from unrolled.errors import BackendError
from unrolled.layers.states import state_type

_MODULES: dict[str, Any] = {
    "RNN_TANH": nn.RNN,
    "RNN_RELU": nn.RNN,
    "LSTM": nn.LSTM,
    "GRU": nn.GRU,
}


@lru_cache(maxsize=64)
def _template(mode: str, options: tuple[tuple[str, Any], ...], training: bool) -> nn.RNNBase:
    """A module of torch's without memory, to be called with our parameters."""
    extra: dict[str, Any] = {"nonlinearity": "relu"} if mode == "RNN_RELU" else {}
    with torch.device("meta"):
        return _MODULES[mode](**dict(options), **extra).train(training)


def run_vendor(
    layer: Any,
    x: Tensor | PackedSequence,
    state: Any,
    *,
    lengths: Tensor | Sequence[int] | None,
    record: Sequence[str],
) -> Any:
    """Run a drop-in's parameters through torch's own kernel.

    Raises:
        BackendError: Values are to be recorded, or a sequence has no step: torch has no such thing.
    """
    options = "input_size hidden_size num_layers bias batch_first dropout bidirectional".split()
    options += ["proj_size"] * (layer.mode == "LSTM")
    chosen = tuple((name, getattr(layer, name)) for name in options)
    template = _template(layer.mode, chosen, layer.training)
    if record:
        raise _impossible(layer, "torch's kernel records nothing")
    steps = None
    if lengths is not None and isinstance(x, Tensor):
        count = torch.as_tensor(lengths)
        if not count.numel() or int(count.min()) < 1:
            raise _impossible(layer, "torch's kernel takes no sequence of length 0")
        steps = x.shape[1 if layer.batch_first else 0]
        x = pack_padded_sequence(x, count.cpu(), layer.batch_first, enforce_sorted=False)
    parameters = dict(layer.named_parameters())
    output, last = torch.func.functional_call(template, parameters, (x, state))
    if steps is not None:
        output, _ = pad_packed_sequence(output, layer.batch_first, total_length=steps)
    return output, state_type(layer.cell.state_names)(*last) if isinstance(last, tuple) else last


def _impossible(layer: Any, reason: str) -> BackendError:
    return BackendError(backend="vendor", layer=type(layer).__name__, reason=reason)
