"""Weights into a model, if they are that model's: names, shapes and number types all agree."""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from unrolled.errors import ForeignWeightsError

_SHOWN = 5


def load_weights_into(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Copy weights into a module, all of them or none.

    Args:
        module: The module. If it is on the meta device it takes over the tensors themselves, so
            that no memory is asked for before the sizes are compared.
        weights: Its state dict, as `load_weights` returns it.

    Raises:
        ForeignWeightsError: A name, a shape or a number type differs.
    """
    wanted: dict[str, Tensor] = module.state_dict()
    lines = [
        *_list("missing", (_line(n, t) for n, t in wanted.items() if n not in weights)),
        *_list("unexpected", (_line(n, t) for n, t in weights.items() if n not in wanted)),
        *_list("different", _mismatches(wanted, weights)),
    ]
    if lines:
        differences = "".join(f"\n  {line}" for line in lines)
        raise ForeignWeightsError(module=type(module).__name__, differences=differences)
    unmade = any(tensor.is_meta for tensor in wanted.values())
    module.load_state_dict(dict(weights), assign=unmade)


def _mismatches(wanted: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> Iterable[str]:
    for name, ours in wanted.items():
        theirs = weights.get(name)
        if theirs is not None and _form(theirs) != _form(ours):
            yield f"{name!r} is {_form(theirs)}, and the model's is {_form(ours)}"


def _list(title: str, found: Iterable[str]) -> list[str]:
    """The first few of what was found, under a title, and how many more there are."""
    every = list(found)
    shown = [f"{title}: {text}" for text in every[:_SHOWN]]
    return shown + [f"{title}: and {len(every) - _SHOWN} more"] * (len(every) > _SHOWN)


def _line(name: str, tensor: Tensor) -> str:
    return f"{name!r} {_form(tensor)}"


def _form(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
