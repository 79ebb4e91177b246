"""Which backend runs a layer, and why.

`eager` is the meaning of a cell on tensors; `c` its generated C, float32 or float64 on a CPU;
`vendor` torch's own kernel, for the drop-ins. `auto` takes the C where it can. A backend that is
named runs or raises.
"""

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from unrolled.errors import (
    BackendError,
    CacheError,
    CompilerCommandError,
    CompilerFailedError,
    CompilerTimeoutError,
    NoCompilerError,
)
from unrolled.runtime.kernel import Kernel

Shapes: TypeAlias = Sequence[tuple[int, ...]]
BACKENDS = ("auto", "eager", "c", "vendor")
COMPILED = (torch.float32, torch.float64)
NO_LIBRARY = (
    NoCompilerError, CompilerCommandError, CompilerFailedError, CompilerTimeoutError, CacheError
)  # fmt: skip
_log = logging.getLogger("unrolled")


class Choice(NamedTuple):
    """A backend, and the reason for it."""

    backend: str
    reason: str
    kernels: tuple[Kernel, ...] = ()


def choose(
    wanted: str,
    obstacle: str | None,
    kernels: Callable[[], tuple[Kernel, ...]],
    *,
    layer: str,
) -> Choice:
    """The backend for a run.

    Args:
        wanted: What the layer was built with.
        obstacle: Why generated C cannot run this; None if it can.
        kernels: Compiles the cell, for each layer.
        layer: The layer's name, for errors.

    Raises:
        BackendError: A backend that was asked for by name cannot run this.
    """
    if wanted == "eager":
        return Choice("eager", "it was asked for")
    if wanted == "vendor":
        reason = "torch has kernels for whole sequences of RNN, LSTM and GRU alone"
        raise BackendError(backend=wanted, layer=layer, reason=reason)
    if obstacle is None:
        try:
            return Choice("c", "float32 or float64 on a CPU", kernels())
        except NO_LIBRARY as error:
            if wanted == "c":
                raise
            obstacle = str(error)
            _tell_once(type(error).__name__, obstacle)
    if wanted == "c":
        raise BackendError(backend=wanted, layer=layer, reason=obstacle)
    return Choice("eager", obstacle)


def obstacle_of(device: torch.device, dtype: torch.dtype) -> str | None:
    """Why generated C cannot run weights like these; None if it can."""
    if device.type != "cpu":
        return f"its weights are on {device}"
    return None if dtype in COMPILED else f"its weights are {dtype}"


def obstacle_to_c(
    read: Sequence[Tensor], like: Tensor, weights: Sequence[Tensor] = (), shapes: Shapes = ()
) -> str | None:
    """Why generated C cannot run this; None if it can.

    Args:
        read: Input and states.
        like: A tensor of the weights' device and dtype.
        weights: All of them.
        shapes: What they were made with.
    """
    obstacle = obstacle_of(like.device, like.dtype)
    if obstacle is not None:
        return obstacle
    if torch._C._are_functorch_transforms_active():
        return "a function transform (vmap, grad, jvp) is active, which needs the eager meaning"
    if forward_ad._current_level >= 0:
        return "forward-mode differentiation is active, which needs the eager meaning"
    if any(type(t) is not Tensor and type(t) is not nn.Parameter for t in (*read, *weights)):
        return "a tensor is of a subclass, whose operations it defines itself"
    if any(t.dtype is not like.dtype or t.device != like.device for t in weights):
        return "its weights are not all of one dtype and device"
    if [weight.shape for weight in weights] != [*shapes]:
        return "a weight has not the shape that it was made with"
    return None


_told: set[str] = set()


def _tell_once(kind: str, reason: str) -> None:
    """One line in the log for each kind of reason why C was not taken."""
    if kind not in _told:
        _told.add(kind)
        _log.warning("layers run eagerly, since their C cannot be compiled: %s", reason)
