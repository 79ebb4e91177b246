"""A loss or a metric of one's own is a function of a model and a batch: others are refused."""

from collections.abc import Sequence
from inspect import signature
from typing import Any

from torch import nn

from unrolled.errors import OwnFunctionError

_EXAMPLES = {
    "loss": (
        "lambda model, batch: F.mse_loss(model(batch[0]), batch[1])",
        "def loss(model, batch, state): ...; return loss, state",
    ),
    "metric": (
        "lambda model, batch: (model(batch[0]).argmax(-1) != batch[1]).float().mean()",
        "def metric(model, batch, state): ...; return share_of_wrong_ones",
    ),
}
"""Without and with a state that is carried from batch to batch."""


def check_function(name: str, function: Any, *, carries: bool) -> None:
    """Refuse before training what cannot be called with a model and a batch.

    Args:
        name: What it is given as: loss or metric.
        function: That.
        carries: Whether it takes the state that the batch before has left, too.

    Raises:
        OwnFunctionError: It is no function, takes other arguments, or is a module or one of torch's
            functions, which compare outputs with targets.
    """
    arguments = ("model", "batch", *(["state"] if carries else []))
    if _compares(function) or not _takes(function, arguments):
        got = getattr(function, "__name__", type(function).__name__)
        example = _EXAMPLES[name][carries]
        raise OwnFunctionError(name=name, arguments=", ".join(arguments), got=got, example=example)


def _compares(function: Any) -> bool:
    """Whether this is what others call with outputs and targets."""
    torchs = str(getattr(function, "__module__", "")).startswith("torch.nn")
    return torchs or isinstance(function, nn.Module)


def _takes(function: Any, arguments: Sequence[str]) -> bool:
    if not callable(function):
        return False
    try:
        signature(function).bind(*arguments)
    except ValueError:  # of a function in C nothing is known
        return True
    except TypeError:
        return False
    return True
