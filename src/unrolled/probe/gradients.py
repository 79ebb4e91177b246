"""The gradient lens: how far back in time a network's loss reaches.

Of each step's loss the gradient with respect to every earlier state, through all that lies between.
Each loss has a lane of its own, in which the network reads the same text up to there; so one
backward pass of the compiled layers gives the gradients of many losses apart from each other.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unrolled.compiler.paths import through
from unrolled.errors import NoSuchPathError, TextTooShortError
from unrolled.probe.swapping import swapped, with_cell
from unrolled.probe.taps import Source, Taps, evaluating, frozen, repeated, tapped

LANES = 32  # losses that go back together
FAINT = 0.01  # of the gradient at lag 0
ENOUGH = 0.25  # of the steps, whose mean is spoken of


@dataclass(frozen=True, eq=False)
class GradientMap:
    """How strongly the loss of each of T steps hangs on a state k steps before.

    Of `gradient_maps_of_last` it is B sequences, each with the loss of its last step.
    """

    source: Source
    norms: np.ndarray
    """T x T: at [t, k] the Euclidean norm of the gradient of step t's loss (in nats) with respect
    to the state at step t - k; NaN before the first step. B x T where it is of sequences."""

    @property
    def by_lag(self) -> np.ndarray:
        """The mean over the steps that reach back so far (T)."""
        return np.nanmean(self.norms, axis=0)

    @property
    def reach(self) -> int:
        """How many lags a quarter of the steps or more reach back: means beyond are of few."""
        return int(((~np.isnan(self.norms)).mean(0) >= ENOUGH).sum())

    @property
    def horizon(self) -> int | None:
        """The smallest lag at which the mean over the steps is below a hundredth of that at lag 0.

        Lags that few steps reach are not looked at; None if it is not below at any other.
        """
        seen = self.by_lag[: self.reach]
        faint = np.flatnonzero(seen < FAINT * seen[0])
        return int(faint[0]) if len(faint) else None


def gradient_maps(
    network: nn.Module,
    symbols: np.ndarray,
    *,
    names: Sequence[str] | None = None,
    path: str | None = None,
    warmup: int = 0,
    batch_first: bool = False,
) -> dict[Source, GradientMap]:
    """How far back the losses of a network reach, for each layer and state.

    Args:
        network: Any module that holds our layers; it is called as `record` calls it.
        symbols: The text as whole numbers: the warm-up, the T steps, and one symbol more.
        names: Names of equations; None: each layer's states.
        path: Of the gradients only what goes back in time through this state of every layer that
            has it; the other states are read but let nothing back. None: through all.
        warmup: How many symbols are read before the first step, so that the states are not zeros.
        batch_first: Whether the network takes and returns B x T.

    Raises:
        TextTooShortError: The text has no step and a symbol more after the warm-up.
        NoSuchPathError: No layer has a state of the path's name.
        NothingToRecordError: The network holds none of our layers, or calls none.
        NoGradientError: Nothing flows back to a value of a name.
    """
    if len(symbols) < warmup + 2:
        raise TextTooShortError(length=len(symbols), purpose="the lens", least=warmup + 2)
    steps = len(symbols) - warmup - 1
    maps: dict[Source, np.ndarray] = {}
    with evaluating(network), _along(network, path), frozen(network):
        states = _states_after(network, symbols[:warmup], batch_first=batch_first)
        with tapped(network, names, gradients=True) as taps:
            for first in range(0, steps, LANES):
                lanes = np.arange(first, min(first + LANES, steps))
                taps.states = {at: repeated(state, len(lanes)) for at, state in states.items()}
                found = _gradients(taps, symbols[warmup:], lanes, batch_first=batch_first)
                for source, gradient in found.items():
                    norms = maps.setdefault(source, np.full((steps, steps), np.nan))
                    _place(norms, lanes, gradient.norm(dim=-1).cpu().numpy())
    return {source: GradientMap(source, norms) for source, norms in maps.items()}


def gradient_maps_of_last(
    network: nn.Module, loss: Callable[[], Tensor], *, names: Sequence[str] | None = None
) -> dict[Source, GradientMap]:
    """How far back from its last step one loss reaches, for each layer and state: B x T.

    Args:
        network: Any module that holds our layers.
        loss: Runs the network once, over a batch from time 0 on, and gives the loss of the last
            step, summed over the batch: so each sequence's gradient is of its own loss.
        names: Names of equations; None: each layer's states.

    Raises:
        NothingToRecordError: The network holds none of our layers.
        NoGradientError: Nothing flows back to a value of a name.
    """
    with evaluating(network), frozen(network), tapped(network, names, gradients=True) as taps:
        with torch.enable_grad():
            loss().backward()
        found = {source: gradient.norm(dim=-1) for source, gradient in taps.gradients.items()}
    by_lag = {source: norms.flip(0).T.cpu().numpy() for source, norms in found.items()}
    return {source: GradientMap(source, norms) for source, norms in by_lag.items()}


def _along(network: nn.Module, path: str | None) -> ExitStack:
    """Layers with one path open in place of those that have others, too."""
    stack = ExitStack()
    if path is None:
        return stack
    with tapped(network) as taps:
        having = {at: lr for at, lr in taps.layers.items() if path in lr.cell.state_names}
    if not having:
        known = dict.fromkeys(n for lr in taps.layers.values() for n in lr.cell.state_names)
        raise NoSuchPathError(name=path, known=", ".join(known))
    cut = {at: with_cell(layer, through(layer.cell, path)) for at, layer in having.items()}
    stack.enter_context(swapped(network, cut))
    return stack


@torch.no_grad()
def _states_after(
    network: nn.Module, symbols: np.ndarray, *, batch_first: bool
) -> Mapping[str, Any]:
    """The states of all layers when these symbols have been read."""
    with tapped(network) as taps:
        if len(symbols):
            taps.read(symbols[:, None], batch_first=batch_first)
        return taps.states


def _gradients(
    taps: Taps, symbols: np.ndarray, lanes: np.ndarray, *, batch_first: bool
) -> dict[Source, Tensor]:
    """The gradients of the loss of step lanes[b] in lane b, each T x B x width."""
    rows = np.repeat(symbols[: lanes[-1] + 1, None], len(lanes), axis=1)
    with torch.enable_grad():
        logits = taps.read(rows, batch_first=batch_first)
        of_each = logits[torch.from_numpy(lanes), torch.arange(len(lanes))]
        following = torch.from_numpy(symbols[lanes + 1].astype(np.int64)).to(logits.device)
        F.cross_entropy(of_each, following, reduction="sum").backward()
    return taps.gradients


def _place(norms: np.ndarray, lanes: np.ndarray, found: np.ndarray) -> None:
    """Turn norms by step (T x B) into norms by lag, each lane's in its row."""
    for lane, step in enumerate(lanes):
        norms[step, : step + 1] = found[step::-1, lane]
