"""How often each gate of a network is shut or wide open.

After Karpathy, Johnson and Fei-Fei 2015 (section 4.2): a gate is left-saturated below 0.1 and
right-saturated above 0.9. What a tanh bounds has limits of its own, so that there is something to
say of cells without gates.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import nn

from unrolled.errors import NothingToRecordError
from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node
from unrolled.layers.layer import Layer
from unrolled.probe.recorder import Tape
from unrolled.probe.taps import Source


@dataclass(frozen=True)
class Limits:
    """Below the one and above the other a value counts as saturated."""

    kind: str
    low: float
    high: float


GATE = Limits("gate", 0.1, 0.9)
STATE = Limits("tanh", -0.9, 0.9)
LIMITS = {"sigmoid": GATE, "tanh": STATE}


@dataclass(frozen=True, eq=False)
class Saturation:
    """How often the W units of one source are saturated."""

    source: Source
    limits: Limits
    low: np.ndarray
    """Of each unit the share of the text's characters where it is below the low limit (W)."""
    high: np.ndarray
    """Likewise above the high one."""


def limits_of(cell: Cell) -> dict[str, Limits]:
    """Which names of a cell can saturate, and where: what to record.

    A name is a gate if its value is a sigmoid, a part of one, or 1 minus a gate; of the other kind
    if it is a tanh, or a part of one. A name that is bound again counts with its last value.

    Args:
        cell: Any cell.
    """
    found = {name: _limits(value) for name, value in cell.named.items()}
    return {name: limits for name, limits in found.items() if limits}


def gate_names(cell: Cell) -> tuple[str, ...]:
    """The names of a cell's gates, in the order of its equations.

    Args:
        cell: Any cell.
    """
    return tuple(name for name, limits in limits_of(cell).items() if limits is GATE)


def _limits(value: Node) -> Limits | None:
    if value.op == "slice":
        return _limits(value.args[0])
    if value.op == "sub" and value.args[0].op == "constant" and value.args[0].attribute == 1:
        return GATE if _limits(value.args[1]) is GATE else None  # coupled: f = 1 - i
    return LIMITS.get(value.op)


def saturation(tape: Tape, network: nn.Module) -> list[Saturation]:
    """How often the units of a tape are saturated; names that cannot be are left out.

    The tape is read one unit at a time.

    Args:
        tape: What the network did while it read a text; see `limits_of` for what to record.
        network: The same one, whose cells say which names are gates.

    Raises:
        NothingToRecordError: A source of the tape is no layer of the network.
    """
    return [*_saturations(tape, network)]


def _saturations(tape: Tape, network: nn.Module) -> Iterator[Saturation]:
    modules = dict(network.named_modules())
    for source, values in tape.values.items():
        layer = modules.get(source.module)
        if not isinstance(layer, Layer):
            raise NothingToRecordError(network=f"{type(network).__name__}.{source.module}")
        if limits := limits_of(layer.cell).get(source.name):
            shares = [((v < limits.low).mean(), (v > limits.high).mean()) for v in values]
            low, high = np.array(shares).T
            yield Saturation(source, limits, low, high)
