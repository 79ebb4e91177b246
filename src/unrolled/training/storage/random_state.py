"""The state of torch's random generators as tensors, and back: resumed draws go on as they were."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Generator, Tensor

from unrolled.errors import ForeignStateError

_CPU = "rng.cpu"
_CUDA = "rng.cuda."
_GENERATOR = "rng.generator."


def pack_rng(**generators: Generator) -> dict[str, Tensor]:
    """Take the state of torch's own generators, CPU and GPUs, and of those given.

    Args:
        **generators: More generators, each under a name of your choice.

    Returns:
        States by name, as uint8 tensors (for `Checkpoint.carried`).
    """
    states = {_CPU: torch.get_rng_state()}
    if torch.cuda.is_initialized():  # before that nothing was drawn there, and asking takes seconds
        for index, state in enumerate(torch.cuda.get_rng_state_all()):
            states[f"{_CUDA}{index}"] = state
    for name, generator in generators.items():
        states[_GENERATOR + name] = generator.get_state()
    return states


def unpack_rng(states: Mapping[str, Tensor], **generators: Generator) -> None:
    """Set torch's own generators, and those given, to the states that `pack_rng` took.

    A GPU's state is passed over with a warning if the GPU is not here.

    Args:
        states: States by name; other tensors among them do no harm.
        **generators: The same names as were given to `pack_rng`.

    Raises:
        ForeignStateError: A state is missing, or is none of such a generator.
    """
    _set(torch.set_rng_state, states, _CPU)
    for index in _gpus(states):
        _set(partial(torch.cuda.set_rng_state, device=index), states, f"{_CUDA}{index}")
    for name, generator in generators.items():
        _set(generator.set_state, states, _GENERATOR + name)


def _gpus(states: Mapping[str, Tensor]) -> list[int]:
    saved = sum(name.startswith(_CUDA) for name in states)
    here = torch.cuda.device_count() if saved else 0
    if saved > here:
        text = f"the random state of {saved - here} GPU(s) of the saved run has no GPU here"
        warnings.warn(f"{text}: what is drawn there will not go on as it was.", stacklevel=3)
    return list(range(min(saved, here)))


def _set(put: Callable[[Tensor], Any], states: Mapping[str, Tensor], name: str) -> None:
    if name not in states:
        raise ForeignStateError(problem=f"lacks the random state {name!r}")
    try:
        put(states[name])
    except (RuntimeError, TypeError) as error:
        problem = f"holds under {name!r} no state of such a generator"
        raise ForeignStateError(problem=problem) from error
