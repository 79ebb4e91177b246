"""Omega (Pascanu, Mikolov and Bengio 2013): a penalty on steps in which gradients fade or grow.

The sum over steps of (|dE/dh_{t+1} dh_{t+1}/dh_t| / |dE/dh_{t+1}| - 1)^2, where dE/dh is all that
flows back to a state. Its own gradient is taken with respect to the recurrent matrix where that
stands in dh_{t+1}/dh_t, as if states and dE/dh did not hang on it: no second backward is needed.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from unrolled.errors import NothingToRecordError, OmegaCellError
from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node, in_order
from unrolled.layers.recurrent import Recurrent

FAINTEST = 1e-20  # squared norm of a gradient dE/dh; steps with less are left out
_TINY = 1e-30  # no float32 that is divided by is smaller


class Form(NamedTuple):
    """How far a step's ratio of norms is from 1, and how that number grows with the ratio."""

    cost: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    """The derivative of the cost, divided by the ratio."""
    over_steps: bool
    """The mean over all steps that count, instead of their sum as a mean over the sequences."""


FORMS = {
    "paper": Form(
        lambda ratio: (ratio - 1).square(),
        lambda ratio: 2 * (ratio - 1) / ratio.clamp_min(_TINY),
        over_steps=False,
    ),
    "released": Form(
        lambda ratio: (ratio.square() - 1).square(),
        lambda ratio: 4 * (ratio.square() - 1),
        over_steps=True,
    ),
}
SLOPES: dict[str, Callable[[Tensor], Tensor]] = {  # of f, from its value
    "tanh": lambda h: 1 - h.square(),
    "relu": lambda h: (h > 0).to(h.dtype),
    "sigmoid": lambda h: h * (1 - h),
}


class Omega:
    """The penalty for all recurrent layers of a network, one sum; a `Penalty` of the trainer."""

    name = "omega"

    def __init__(self, network: nn.Module, weight: float, *, form: str = "paper") -> None:
        """Look at the layers' equations.

        Args:
            network: Any module that holds our layers of any cells.
            weight: What Omega's gradient is multiplied with.
            form: "paper", or "released" for that of the authors' code.

        Raises:
            NothingToRecordError: The network holds none of our layers.
            OmegaCellError: A cell is not of the form h = f(W.hh @ h + ...).
        """
        self.weight, self.form = weight, FORMS[form]
        layers = [each for each in network.modules() if isinstance(each, Recurrent)]
        if not layers:
            raise NothingToRecordError(network=type(network).__name__)
        self._parts = {layer: recurrence_of(layer.cell) for layer in layers}
        self._heard: list[tuple[Recurrent, Tensor, Tensor]] = []

    @contextmanager
    def listening(self) -> Iterator[None]:
        """A block in which the network runs, and its layers' states and probes are kept."""
        self._heard = []
        for layer in self._parts:
            layer.forward = partial(self._hear, layer)
        try:
            yield
        finally:
            for layer in self._parts:
                del layer.forward

    def _hear(self, layer: Recurrent, *given: Any, **options: Any) -> Any:
        """Run a layer in place of its own `forward`."""
        (name,) = layer.cell.state_names
        output, last, recorded, probes = layer.run(
            *given, record=name, record_gradients=name, **options
        )
        self._heard.append((layer, recorded[name].detach(), probes[name]))
        return output, last

    @torch.no_grad()
    def add_gradient(self) -> float:
        """Add the gradient of the weighted Omega to the recurrent matrices'; Omega itself."""
        total = 0.0
        for layer, states, probe in self._heard:
            pulled = () if probe.grad is None else probe.grad  # L*D x T x B x H
            for row, (of_states, of_loss) in enumerate(zip(states, pulled, strict=False)):
                total += self._add_of(layer, row, of_states, of_loss)
        self._heard = []
        return total

    def _add_of(self, layer: Recurrent, row: int, states: Tensor, pulled: Tensor) -> float:
        """Omega of one layer and direction, its gradient added."""
        number, direction = divmod(row, layer.directions)
        of: dict[str, Any] = {"layer": number, "reverse": bool(direction)}
        name, slope = self._parts[layer]
        matrix = layer.parameter(name, **of)
        omega, gradient = omega_of(pulled, slope(states), matrix, self.form)
        so_far = layer.gradient(name, **of)
        if so_far is not None:
            so_far.add_(gradient, alpha=self.weight)
        return float(omega)


def omega_of(pulled: Tensor, slope: Tensor, matrix: Tensor, form: Form) -> tuple[Tensor, Tensor]:
    """Omega of one layer, and its gradient with respect to the matrix, all else held.

    Args:
        pulled: dE/dh, T x B x H.
        slope: The derivative of f in h = f(W @ h + ...), T x B x H.
        matrix: W.
        form: Which Omega.
    """
    size = pulled.norm(dim=-1, keepdim=True)  # T B 1
    counts = size.square() >= FAINTEST
    through = torch.where(counts, pulled / size.clamp_min(_TINY), 0.0) * slope  # T B H
    reached = through @ matrix  # T B H, a step earlier
    ratio = reached.norm(dim=-1, keepdim=True)
    number = counts.sum().clamp_min(1) if form.over_steps else pulled.shape[1]
    omega = torch.where(counts, form.cost(ratio), 0.0).sum() / number
    push = form.slope(ratio) * reached
    return omega, through.flatten(0, 1).T @ push.flatten(0, 1) / number


def recurrence_of(cell: Cell) -> tuple[str, Callable[[Tensor], Tensor]]:
    """The name of the matrix W in h = f(W @ h + ...), and the derivative of f from its value.

    Raises:
        OmegaCellError: The cell is not of that form.
    """
    state, result = cell.states[0], cell.results[0]
    nodes = [*in_order(cell.results)]
    readers = [node for node in nodes if state in node.args]
    if len(cell.states) > 1:
        problem = f"has the states {', '.join(cell.state_names)}"
    elif [node.op for node in readers] != ["product"]:
        problem = f"does not read {state.label} in one product and nowhere else"
    elif result.op not in SLOPES or not _only_summed(readers[0], result, nodes):
        problem = f"does more with {readers[0].args[0].label} @ {state.label} than f of a sum"
    else:
        return readers[0].args[0].label, SLOPES[result.op]
    raise OmegaCellError(cell=cell.name, problem=problem)


def _only_summed(product: Node, result: Node, nodes: Sequence[Node]) -> bool:
    """Whether a product goes into a result by way of sums and differences alone, once."""
    touched = {product}
    for node in nodes:
        ways = sum(argument in touched for argument in node.args)
        if node is result:
            return ways == 1
        if ways > 1 or (ways == 1 and node.op not in ("add", "sub")):
            return False
        if ways:
            touched.add(node)
    return False
