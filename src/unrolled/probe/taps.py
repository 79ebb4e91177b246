"""Listening to the layers of a network, whatever it does around them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from unrolled.errors import (
    CalledAgainError,
    NotCausalError,
    NothingToRecordError,
    UnknownNameError,
)
from unrolled.layers.layer import Layer


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

    def __init__(self, network: nn.Module, names: Sequence[str] | None) -> None:
        """Find the layers.

        Args:
            network: Any module that holds some.
            names: Names of equations; None: each layer's states.

        Raises:
            NothingToRecordError: It holds none of our layers.
            NotCausalError: A layer runs in both directions.
            UnknownNameError: No layer has an equation of that name.
        """
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
        self._states: dict[str, Any] = {}
        self._called: set[str] = set()

    def _check(self, names: Sequence[str]) -> None:
        for name in names:
            if not any(name in own for own in self.names.values()):
                cells = {layer.cell.name: layer.cell for layer in self.layers.values()}
                known = ", ".join(dict.fromkeys(n for cell in cells.values() for n in cell.named))
                cell = ", ".join(cells)
                raise UnknownNameError(cell=cell, kind="equation", name=name, known=known)

    def expect(self) -> None:
        """Another call of the network comes, which goes on where the last one ended."""
        self.values, self._called = {}, set()

    def hear(self, path: str, x: Any, state: Any = None, **options: Any) -> Any:
        """Run a layer in place of its own `forward`, from the state in which it is.

        Raises:
            CalledAgainError: It has run in this call already.
        """
        if path in self._called:
            raise CalledAgainError(layer=path)
        self._called.add(path)
        layer, names = self.layers[path], self.names[path]
        first = self._states.get(path) if state is None else state
        output, last, recorded = layer.run(x, first, record=names, **options)
        self._states[path] = last
        for name, rows in recorded.items():
            for number, values in enumerate(rows):
                self.values[Source(path, number, name)] = values
        return output, last


@contextmanager
def tapped(network: nn.Module, names: Sequence[str] | None = None) -> Iterator[Taps]:
    """Hear a network's layers while the block runs: their states go on from call to call.

    Args:
        network: Any module that holds our layers.
        names: Names of equations whose values to hear; None: each layer's states.

    Raises:
        NothingToRecordError: It holds none of our layers.
        NotCausalError: A layer runs in both directions.
        UnknownNameError: No layer has an equation of that name.
    """
    taps = Taps(network, names)
    for path, layer in taps.layers.items():
        layer.forward = partial(taps.hear, path)
    try:
        yield taps
    finally:
        for layer in taps.layers.values():
            del layer.forward


def _names_in(layer: Layer, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        return tuple(layer.cell.state_names)
    return tuple(name for name in dict.fromkeys(names) if name in layer.cell.named)
