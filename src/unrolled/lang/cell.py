"""A whole cell: states in, equations, new states out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from unrolled.errors import NoParametersError
from unrolled.lang.masks import Mask
from unrolled.lang.nodes import Node, in_order


@dataclass(frozen=True, eq=False)
class Equation:
    """One line of a cell: the name it binds, the value, and what the author said beside it."""

    name: str
    value: Node
    comment: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Cell:
    """A recurrent cell as a graph: what `@cell` makes of a function.

    Calling it gives the same cell with other parameters, where its signature declares some:
    `rhn(depth=3)`, `lstm_recurrent_dropout(m=dropout(0.5))`.
    """

    name: str
    doc: str
    input: Node
    states: tuple[Node, ...]
    equations: tuple[Equation, ...]
    results: tuple[Node, ...]
    masks: Mapping[str, Mask] = field(default_factory=dict[str, Mask])
    parameters: Mapping[str, float] = field(default_factory=dict[str, float])
    init: Mapping[str, float] = field(default_factory=dict[str, float])
    widths: Mapping[str, str] = field(default_factory=dict[str, str])
    again: "Callable[..., Cell] | None" = None

    def __call__(self, **parameters: float | Mask) -> "Cell":
        """The same equations with other parameters.

        Raises:
            NoParametersError: The cell was read from a run, which stores the graph alone.
        """
        if not parameters:
            return self
        if self.again is None:
            raise NoParametersError(cell=self.name)
        return self.again(**parameters)

    def __repr__(self) -> str:
        return f"<cell {self.name}: {', '.join(self.state_names)}>"

    def __deepcopy__(self, memo: object) -> "Cell":
        return self  # immutable

    def __reduce__(self) -> tuple[object, ...]:
        from unrolled.lang.stored import from_json, to_json  # which reads this module

        return from_json, (to_json(self),)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The states in order; the first is the output."""
        return tuple(state.label for state in self.states)

    @cached_property
    def named(self) -> dict[str, Node]:
        """Every name of the equations with its last value; a state's name is its new value."""
        bound = {equation.name: equation.value for equation in self.equations}
        return bound | dict(zip(self.state_names, self.results, strict=True))

    @property
    def names(self) -> frozenset[str]:
        """Every name that stands for a value: x, states, masks and what the equations bind."""
        leaves = (node.label for node in (self.input, *self.states))
        return frozenset({*leaves, *self.masks, *(equation.name for equation in self.equations)})

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node of the graph, operands before the operations that read them."""
        values = (equation.value for equation in self.equations)
        return tuple(in_order([self.input, *self.states, *values, *self.results]))

    def leaves(self, op: str) -> tuple[Node, ...]:
        """The leaves of one kind ("matrix", "vector", "mask"), in order of appearance."""
        return tuple(node for node in self.nodes if node.op == op)

    @cached_property
    def products(self) -> tuple[Node, ...]:
        """Every product of the equations, in order of appearance."""
        return tuple(node for node in self.nodes if node.op == "product")
