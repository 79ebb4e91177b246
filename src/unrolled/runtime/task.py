"""What one run of a compiled cell is: its kernel, its rows, its tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from unrolled.runtime.kernel import Kernel
from unrolled.runtime.rows import Rows


class Inputs(NamedTuple):
    """Every tensor that a run depends on; or in the same places, something about each."""

    x: Any  # T B X, or whole numbers T B
    first: tuple[Any, ...]  # each B x width; none if they are zeros
    stacks: tuple[Any, ...]
    bias: Any
    vector: Any
    masks: tuple[Any, ...]
    given: tuple[Any, ...]
    probes: tuple[Any, ...] = ()  # each T x B x width

    def flat(self) -> tuple[Any, ...]:
        """All in one row."""
        ends = (*self.masks, *self.given, *self.probes)
        return (self.x, *self.first, *self.stacks, self.bias, self.vector, *ends)

    def like(self, row: Sequence[Any]) -> "Inputs":
        """What lies in one row, in the places where these lie."""
        states = 1 + len(self.first)
        stacks = states + len(self.stacks)
        masks = stacks + 2 + len(self.masks)
        given = masks + len(self.given)
        bias, vector = row[stacks : stacks + 2]
        ends = tuple(row[stacks + 2 : masks]), tuple(row[masks:given]), tuple(row[given:])
        return Inputs(row[0], tuple(row[1:states]), tuple(row[states:stacks]), bias, vector, *ends)


@dataclass(frozen=True, eq=False)
class Task:
    """What a run is, beside its tensors."""

    kernel: Kernel
    rows: Rows
    shape: Inputs
    """An example of the inputs, which says how many there are of each kind."""
