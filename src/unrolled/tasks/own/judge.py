"""The loss and the metric of one's own: called as they want to be, and what they give checked."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unrolled.errors import LossError
from unrolled.training.storage.tensor_trees import map_tree
from unrolled.training.task import Step

_LOSS = "a tensor with one number, the mean over the batch, or (that, the number of its items)"


@dataclass(frozen=True)
class Judge:
    """Says how well a model does on a batch."""

    model: nn.Module
    loss: Callable[..., Any]
    metric: Callable[..., Any] | None
    carries: bool
    """Whether both take the state that the batch before has left."""

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        return next(self.model.parameters()).device

    def step(self, batch: Any, carried: Any) -> Step:
        """The loss on a batch.

        Args:
            batch: On the model's device.
            carried: What the batch before has left.

        Raises:
            LossError: The loss gives something else.
        """
        found, state = self._called(batch, carried)
        loss, items = found if isinstance(found, tuple) and len(found) == 2 else (found, 1)
        if not isinstance(loss, Tensor) or loss.dim() > 0:
            raise LossError(function="loss", got=_described(loss), wanted=_LOSS)
        count = _plain(items)
        if not isinstance(count, Integral) or count < 1:
            wanted = "a whole number of items, 1 or more"
            raise LossError(function="loss", got=_described(items), wanted=wanted)
        return Step(loss, int(count), map_tree(state, Tensor.detach))

    def learning(self, batch: Any, carried: Any) -> Step:
        """The loss on a batch, from which a gradient flows back; arguments as for `step`.

        Raises:
            LossError: None does, or the loss gives something else.
        """
        step = self.step(batch, carried)
        if not step.loss.requires_grad:
            wanted = "one that the model's parameters flow into (no detach, no item, no no_grad)"
            raise LossError(function="loss", got="a tensor without a gradient", wanted=wanted)
        return step

    def wrong(self, batch: Any, carried: Any) -> float:
        """The share of a batch that is wrong, by the metric; 0 without one.

        Raises:
            LossError: The metric gives no share.
        """
        if self.metric is None:
            return 0.0
        given = (batch, carried) if self.carries else (batch,)
        found = self.metric(self.model, *given)
        share = _plain(found)
        if not isinstance(share, Real) or not 0 <= float(share) <= 1:
            wanted = "the share of wrong ones, from 0 to 1"
            raise LossError(function="metric", got=_described(found), wanted=wanted)
        return float(share)

    def _called(self, batch: Any, carried: Any) -> tuple[Any, Any]:
        """What the loss gives, and the state beside it."""
        if not self.carries:
            return self.loss(self.model, batch), None
        found = self.loss(self.model, batch, carried)
        if not isinstance(found, tuple) or len(found) != 2:
            wanted = "(loss, state), since carry=True"
            raise LossError(function="loss", got=_described(found), wanted=wanted)
        return found


def moved(batch: Any, device: torch.device) -> Any:
    """The batch with its tensors on a device, in tuples, lists and dicts too; else as it is."""
    if isinstance(batch, Tensor | PackedSequence):
        return batch.to(device)  # pyright: ignore[reportArgumentType]
    if isinstance(batch, dict):
        return {name: moved(part, device) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [moved(part, device) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def _plain(found: Any) -> Any:
    return found.item() if isinstance(found, Tensor) and found.dim() == 0 else found


def _described(found: Any) -> str:
    if isinstance(found, Tensor) and found.dim() > 0:
        return f"a tensor of shape {list(found.shape)}"
    return f"{found!r:.60} of type {type(found).__name__}"
