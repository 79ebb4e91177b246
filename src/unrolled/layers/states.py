"""The state of a layer: one tensor, or a NamedTuple in the cell's order, as torch shapes them."""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from unrolled.errors import StateError
from unrolled.lang.cell import Cell

_types: dict[tuple[str, ...], type[Any]] = {}


def state_type(names: tuple[str, ...]) -> type[Any]:
    """The NamedTuple of these state names, one type for all cells that share them."""
    if names not in _types:
        made = namedtuple("State", names)  # noqa: PYI024
        made.__reduce__ = lambda self: (_restore, (names, tuple(self)))  # pyright: ignore
        made.__doc__ = f"The states {', '.join(names)}, each L*D x B x width."
        _types[names] = made
    return _types[names]


def _restore(names: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    return state_type(names)(*values)


def zero_states(shapes: Sequence[tuple[int, ...]], like: Tensor) -> list[Tensor]:
    """States of zeros on the device and in the dtype of a tensor."""
    return [like.new_zeros(shape) for shape in shapes]


def open_state(
    state: Any, shapes: Sequence[tuple[int, int, int]], *, cell: Cell, batched: bool
) -> list[Tensor]:
    """The given state as a list, each L*D x B x width.

    Raises:
        StateError: It has other parts or shapes than the cell's states.
    """
    parts = list(state) if isinstance(state, tuple | list) else [state]
    wanted = [shape if batched else (shape[0], shape[2]) for shape in shapes]
    same_count = len(parts) == len(shapes) and (len(shapes) > 1 or isinstance(state, Tensor))
    got = [list(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in parts]
    if not same_count or got != [list(shape) for shape in wanted]:
        names = ", ".join(cell.state_names)
        raise StateError(cell=cell.name, names=names, got=got, wanted=list(map(list, wanted)))
    return list(parts) if batched else [part.unsqueeze(1) for part in parts]


def close_state(states: Sequence[Tensor], *, cell: Cell, batched: bool) -> Any:
    """The last states as the caller gets them: a tensor, or the cell's NamedTuple.

    An exported program gives a plain tuple: who loads it does not know the NamedTuple.
    """
    parts = list(states) if batched else [state.squeeze(1) for state in states]
    if len(parts) == 1:
        return parts[0]
    exported = torch.compiler.is_exporting()
    return tuple(parts) if exported else state_type(cell.state_names)(*parts)


def detach(state: Any) -> Any:
    """The same state, cut from the graph that made it: what truncated BPTT carries on.

    A state of any form that a layer returns, or None.
    """
    return map_state(Tensor.detach, state)


def map_state(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """The same form of state with each of its tensors changed; None stays None."""
    if state is None or isinstance(state, Tensor):
        return None if state is None else change(state)
    parts = map(change, state)
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def draw_masks(
    cell: Cell, widths: Mapping[str, int], *, steps: int, batch: int, like: Tensor
) -> dict[str, Tensor]:
    """Fresh random masks for one sequence, from torch's generator of the tensor's device."""
    drawn: dict[str, Tensor] = {}
    for name, width in widths.items():
        mask = cell.masks[name]
        shape = (batch, width) if mask.per == "sequence" else (steps, batch, width)
        keep = 1 - mask.rate if mask.kind == "dropout" else mask.rate
        ones = torch.bernoulli(like.new_full(shape, keep))
        drawn[name] = ones / keep if mask.kind == "dropout" else ones
    return drawn
