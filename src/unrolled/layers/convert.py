"""Exchange torch's recurrent modules inside any model for ours, weights included."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.nn.utils import parametrize

from unrolled.errors import ConvertError
from unrolled.layers.torch_cells import GRUCell, LSTMCell, RNNCell
from unrolled.layers.torch_like import GRU, LSTM, RNN

_STACKED = "input_size hidden_size num_layers bias batch_first dropout bidirectional".split()
_SINGLE = "input_size hidden_size bias".split()

_EXCHANGES: dict[type[nn.Module], tuple[Callable[..., nn.Module], list[str]]] = {
    nn.RNN: (RNN, [*_STACKED, "nonlinearity"]),
    nn.LSTM: (LSTM, [*_STACKED, "proj_size"]),
    nn.GRU: (GRU, _STACKED),
    nn.RNNCell: (RNNCell, [*_SINGLE, "nonlinearity"]),
    nn.LSTMCell: (LSTMCell, _SINGLE),
    nn.GRUCell: (GRUCell, _SINGLE),
}


def convert(module: nn.Module) -> nn.Module:
    """The module with every torch.nn RNN, LSTM, GRU and one-step cell exchanged for ours.

    Modules inside are exchanged in place; a recurrent module itself is returned as ours. The
    parameters are the same objects, so optimizers and tied weights stay valid. Subclasses of
    torch's modules are left alone: they may compute something else.

    Raises:
        ConvertError: A recurrent module is parametrized (weight norm and the like) or has hooks.
    """
    exchanged: dict[int, nn.Module] = {}
    for name, inner in list(module.named_modules(remove_duplicate=False)):
        if type(inner) not in _EXCHANGES or not name:
            continue
        parent_name, _, child = name.rpartition(".")
        ours = exchanged.setdefault(id(inner), _exchange(inner, name))
        setattr(module.get_submodule(parent_name), child, ours)
    return _exchange(module, "the module") if type(module) in _EXCHANGES else module


def _exchange(theirs: nn.Module, name: str) -> nn.Module:
    if parametrize.is_parametrized(theirs):
        raise ConvertError(module=name, reason="its parameters are parametrized; remove that first")
    if theirs._forward_hooks or theirs._forward_pre_hooks or theirs._backward_hooks:
        raise ConvertError(
            module=name, reason="it has hooks, which would be lost; remove them first"
        )
    make, options = _EXCHANGES[type(theirs)]
    arguments: dict[str, Any] = {option: getattr(theirs, option) for option in options}
    ours = make(**arguments, device="meta")
    for parameter_name, parameter in theirs.named_parameters(recurse=False):
        ours.register_parameter(parameter_name, parameter)
    return ours.train(theirs.training)
