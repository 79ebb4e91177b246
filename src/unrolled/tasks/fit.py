"""`unrolled.fit`: train any torch module on any loader, in a run folder as the command's tasks do.

The order of a pass follows from the seed and the pass's number, also where a DataLoader shuffles: a
run that goes on meets the same order, skips what it has read of the pass, and is bit for bit the
run that was never stopped. Not restored is what is drawn elsewhere than from torch's generators:
Python's and numpy's own, the state that `persistent_workers` keep from pass to pass, a loader with
an order of its own.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from torch import nn

from unrolled.errors import SettingError, UnknownSettingError
from unrolled.lang.names import hint, shown
from unrolled.tasks.own.given import Given
from unrolled.tasks.own.run import start, take_up
from unrolled.tasks.runs import best_weights
from unrolled.training.group import join
from unrolled.training.loop import Ending
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.weights import load_weights_into
from unrolled.training.watchers import Silent, Watcher, watcher_for

Model = TypeVar("Model", bound=nn.Module)

_KNOWN = ("out", "carry", *TrainSettings.__dataclass_fields__)


@dataclass(frozen=True)
class Fitted(Generic[Model]):
    """A trained model, how its training ended, and the run folder."""

    model: Model
    """The given one, in evaluation mode, with the weights of the best evaluation, else the last."""

    ending: Ending
    path: Path


def fit(
    model: Model,
    loader: Any,
    loss: Callable[..., Any],
    *,
    validation: Any = None,
    metric: Callable[..., Any] | None = None,
    resume: bool = False,
    watcher: Watcher | Literal["auto"] | None = "auto",
    **settings: Any,
) -> Fitted[Model]:
    """Train a model of your own, a batch a step, so that Ctrl-C and kills lose nothing.

    Going on is bit for bit but for draws outside of torch's generators: numpy's and Python's, those
    of `persistent_workers`, of a loader with an order of its own. Processes that torchrun starts
    take every n-th batch each; a step's loss is the mean over all their items.

    Args:
        model: The module, trained where it is (unless `device` is given); frozen parameters stay,
            and modules in it that are in evaluation mode stay so, if it is not as a whole.
        loader: A DataLoader, a list of batches, or what else has a length and can be iterated again
            and again. Tensors in tuples, lists and dicts are moved to the model's device.
        loss: `loss(model, batch)` gives a scalar tensor, the mean over the batch, or (that, number
            of items); without the number all batches weigh the same.
        validation: Such a loader too, for evaluations.
        metric: `metric(model, batch)` gives the share of the batch that is wrong.
        resume: Go on with the run in `out`: settings that are given hold from now on, and new
            limits, counted from its start, take the place of all others.
        watcher: Who is told as it goes; "auto": standard error; None: nobody.
        **settings: `out`, the run folder; `carry=True`, where `loss(model, batch, state)` gives
            (loss, state) for truncated BPTT (None begins a pass; a state that is resumed is of
            plain tuples), and the metric takes it too; any flag of training, such as `epochs=10`.

    Raises:
        UnrolledError: Many kinds, each a class of `unrolled.errors`.
    """
    carry, out, flags = _sorted(settings)
    given = Given(model, loader, loss, validation, metric, carry)
    teller = _teller(watcher)
    ending, path = (take_up if resume else start)(given, out, flags, teller)
    if ending.signal is not None:
        teller.say(f"stopped and saved at step {ending.step:,}; resume=True goes on in {path}")
    load_weights_into(model, best_weights(path))
    return Fitted(model.eval(), ending, path)


def _sorted(settings: dict[str, Any]) -> tuple[bool, Path | None, dict[str, Any]]:
    """Whether a state is carried, the run folder, and the settings of training.

    Raises:
        UnknownSettingError: There is no setting of a name.
        SettingError: One of the first two is of another type.
    """
    for name in settings:
        if name not in _KNOWN:
            every = f"it has {', '.join(_KNOWN)}."
            raise UnknownSettingError(name=shown(name), hint=hint(name, _KNOWN, every))
    carry, out = settings.pop("carry", False), settings.pop("out", None)
    if not isinstance(carry, bool):
        raise SettingError(name="carry", got=repr(carry), wanted="True or False")
    if not isinstance(out, str | PathLike | None):
        raise SettingError(name="out", got=repr(out), wanted="a folder")
    return carry, None if out is None else Path(out), settings


def _teller(watcher: Watcher | Literal["auto"] | None) -> Watcher:
    """Who is told: of several processes the first alone tells anybody.

    Raises:
        SettingError: It is another word than "auto".
    """
    if isinstance(watcher, str) and watcher != "auto":
        raise SettingError(name="watcher", got=repr(watcher), wanted="'auto', None or a Watcher")
    if watcher is None or not join().is_first:
        return Silent()
    return watcher_for(sys.stderr) if watcher == "auto" else watcher
