"""Listening to the layers of a network, whatever it does around them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.errors import (
    CalledAgainError,
    ForeignOutputError,
    NotCausalError,
    NothingToRecordError,
    OwnStateError,
    SteppedError,
    UnknownNameError,
)
from unrolled.layers.layer import Layer
from unrolled.layers.states import map_state
from unrolled.layers.torch_cells import TorchCell


class Source(NamedTuple):
    """Where recorded values come from: a value of a cell's equations, in one of its layers."""

    module: str
    """The layer's path in the network; empty if it is the network."""
    layer: int
    """Counted from 0, the lowest of those that the module stacks."""
    name: str

    def __str__(self) -> str:
        of = f"{self.module}, " if self.module else ""
        return f"{self.name} ({of}layer {self.layer})"


class Taps:
    """What the layers of a network did in its last call, and the states they are in."""

    def __init__(self, network: nn.Module, names: Sequence[str] | None, *, gradients: bool) -> None:
        """Find the layers.

        Args:
            network: Any module that holds some.
            names: Names of equations; None: each layer's states.
            gradients: Whether to hear the gradients of these values, not the values.

        Raises:
            NothingToRecordError: It holds none of our layers.
            NotCausalError: A layer runs in both directions.
            UnknownNameError: No layer has an equation of that name.
        """
        self.network = network
        modules = network.named_modules()
        self.layers = {path: each for path, each in modules if isinstance(each, Layer)}
        if not self.layers:
            raise NothingToRecordError(network=type(network).__name__)
        for path, layer in self.layers.items():
            if layer.bidirectional:
                raise NotCausalError(layer=path or type(layer).__name__)
        self.names = {path: _names_in(layer, names) for path, layer in self.layers.items()}
        self._check(names or ())
        self.values: dict[Source, Tensor] = {}
        """Of the last call, each T x B x width."""
        self.states: dict[str, Any] = {}
        """Of each layer by its path, from which the next call goes on."""
        self._gradients = gradients
        self._started: dict[str, Any] = {}
        """Of each layer the first state that the network itself gave it, of one row."""
        self._called: dict[str, Mapping[str, Tensor]] = {}
        """Each layer's values, or probes, of the last call."""

    def _check(self, names: Sequence[str]) -> None:
        for name in names:
            if not any(name in own for own in self.names.values()):
                cells = {layer.cell.name: layer.cell for layer in self.layers.values()}
                known = ", ".join(dict.fromkeys(n for cell in cells.values() for n in cell.named))
                cell = ", ".join(cells)
                raise UnknownNameError(cell=cell, kind="equation", name=name, known=known)

    def read(self, symbols: np.ndarray, *, batch_first: bool = False) -> Tensor:
        """The network's scores of the next symbols (T x B x V), its states going on.

        Args:
            symbols: T x B.
            batch_first: Whether the network takes and returns B x T.

        Raises:
            ForeignOutputError: It returns no scores.
            NothingToRecordError: It calls none of its layers.
        """
        parameter = next(self.network.parameters(), torch.empty(0))
        given = torch.from_numpy(symbols.astype(np.int64)).to(parameter.device)
        given = given.t() if batch_first else given
        self.values, self._called = {}, {}
        made = self.network(given)
        made = made[0] if isinstance(made, tuple | list) and made else made
        shape = list(made.shape) if isinstance(made, Tensor) else type(made).__name__
        if not isinstance(made, Tensor) or made.shape[:-1] != given.shape:
            wanted = " x ".join(map(str, given.shape))
            raise ForeignOutputError(got=shape, given=list(given.shape), wanted=wanted)
        if not self._called:
            raise NothingToRecordError(network=type(self.network).__name__)
        return made.transpose(0, 1) if batch_first else made

    def _first(self, path: str, given: Any) -> Any:
        """The state from which a layer runs: the one in which it is, or the network's own."""
        if given is None:
            return self.states.get(path)
        started = self._started.setdefault(path, _one_row(given))
        if not all(map(_all_equal, _tensors(given), _tensors(started))):
            raise OwnStateError(layer=path or type(self.network).__name__)
        return self.states.get(path, given)

    @property
    def gradients(self) -> dict[Source, Tensor]:
        """Those that have flowed back since the last call, each T x B x width."""
        return {
            Source(path, number, name): rows
            for path, probes in self._called.items()
            for name, probe in probes.items()
            if probe.grad is not None
            for number, rows in enumerate(probe.grad)
        }

    def hear(self, path: str, x: Any, state: Any = None, **options: Any) -> Any:
        """Run a layer in place of its own `forward`, from the state in which it is.

        Raises:
            CalledAgainError: It has run in this call already.
            OwnStateError: It is given another state than the one from which it started.
        """
        if path in self._called:
            raise CalledAgainError(layer=path)
        layer, names = self.layers[path], self.names[path]
        first = self._first(path, state)
        which = "record_gradients" if self._gradients else "record"
        output, last, *rest = layer.run(x, first, **{which: names}, **options)
        heard = rest[0] if rest else {}
        self.states[path], self._called[path] = last, heard
        for name, rows in {} if self._gradients else heard.items():
            for number, values in enumerate(rows):
                self.values[Source(path, number, name)] = values
        return output, last


@contextmanager
def tapped(
    network: nn.Module, names: Sequence[str] | None = None, *, gradients: bool = False
) -> Iterator[Taps]:
    """Hear a network's layers while the block runs: their states go on from call to call.

    Args:
        network: Any module that holds our layers.
        names: Names of equations whose values to hear; None: each layer's states.
        gradients: Whether to hear the gradients of these values, not the values.

    Raises:
        NothingToRecordError: It holds none of our layers.
        NotCausalError: A layer runs in both directions.
        UnknownNameError: No layer has an equation of that name.
    """
    taps = Taps(network, names, gradients=gradients)
    for path, layer in taps.layers.items():
        layer.step = partial(_refuse, path)
        if not isinstance(layer, TorchCell):  # whose forward is a step
            layer.forward = partial(taps.hear, path)
    try:
        yield taps
    finally:
        for layer in taps.layers.values():
            vars(layer).pop("forward", None)
            del layer.step


def _refuse(path: str, *_: Any, **__: Any) -> Any:
    raise SteppedError(layer=path)


def _tensors(state: Any) -> tuple[Tensor, ...]:
    return (state,) if isinstance(state, Tensor) else tuple(state)


def _one_row(state: Any) -> tuple[Tensor, ...]:
    return tuple(part[..., :1, :].detach().clone() for part in _tensors(state))


def _all_equal(state: Tensor, row: Tensor) -> bool:
    """Whether every row of a state (L x B x width) is this one."""
    return bool((state == row).all())


def repeated(state: Any, rows: int) -> Any:
    """A state of one row (L x 1 x width) for each of some rows; None stays None."""
    return map_state(lambda part: part.detach().expand(-1, rows, -1).contiguous(), state)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """No masks and no dropout; afterwards every part is in the mode in which it was."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No gradients of parameters, which cost time; afterwards as before."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad = True


def _names_in(layer: Layer, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        return tuple(layer.cell.state_names)
    return tuple(name for name in dict.fromkeys(names) if name in layer.cell.named)
