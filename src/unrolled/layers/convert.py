"""Exchange torch's recurrent modules inside any model for ours, weights included."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import nn
from torch.nn.utils import parametrize

from unrolled.errors import ConvertError
from unrolled.layers.torch_cells import GRUCell, LSTMCell, RNNCell
from unrolled.layers.torch_like import GRU, LSTM, RNN

_STACKED = "input_size hidden_size num_layers bias batch_first dropout bidirectional".split()
_SINGLE = "input_size hidden_size bias".split()

_EXCHANGES: dict[type[nn.Module], tuple[Callable[..., nn.Module], Sequence[str]]] = {
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
    found = [
        (name, inner)
        for name, inner in module.named_modules(remove_duplicate=False)
        if parametrize.type_before_parametrizations(inner) in _EXCHANGES
    ]
    for name, inner in found:
        _check(inner, name or "the module")
    exchanged = {id(inner): _exchange(inner) for _, inner in found}
    for name, inner in found:
        parent_name, _, child = name.rpartition(".")
        if name:
            setattr(module.get_submodule(parent_name), child, exchanged[id(inner)])
    return exchanged.get(id(module), module)


def _check(theirs: nn.Module, name: str) -> None:
    """Refuse what would be lost, before anything is exchanged."""
    if parametrize.is_parametrized(theirs):
        raise ConvertError(module=name, reason="its parameters are parametrized; remove that first")
    if any(hooks for kind, hooks in vars(theirs).items() if kind.endswith("_hooks")):
        raise ConvertError(
            module=name, reason="it has hooks, which would be lost; remove them first"
        )


def _exchange(theirs: nn.Module) -> nn.Module:
    make, options = _EXCHANGES[type(theirs)]
    arguments: dict[str, Any] = {option: getattr(theirs, option) for option in options}
    ours = make(**arguments, device="meta")
    for parameter_name, parameter in theirs.named_parameters(recurse=False):
        ours.register_parameter(parameter_name, parameter)
    return ours.train(theirs.training)
