"""One direction of a compiled cell: its schedule, and all the memory that it works on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from unrolled.compiler.places import Places
from unrolled.compiler.schedule import Buffer, Call, Phase, Place, Schedule
from unrolled.compiler.step import Group
from unrolled.lang.forms import Form
from unrolled.lang.nodes import Node


@dataclass(frozen=True, eq=False)
class Packed:
    """Weights packed for a product: `results` x `operands` of a stored matrix, from `start` on."""

    buffer: Buffer
    group: Group
    first: int
    last: int
    transposed: bool
    results: Form
    operands: Form
    start: Form
    stride: Form

    def is_of(self, call: Call) -> bool:
        """Whether a call multiplies with these."""
        same = self.group is call.group and self.transposed == call.transposed
        return same and (self.first, self.last) == (call.first, call.last)


@dataclass(frozen=True, eq=False)
class Outer:
    """The gradient of a group's weights: over all rows, what results were owed times what was read.

    What was read is a place, or the state before the step.
    """

    group: Group
    weight: Place
    owed: Place
    read: Place
    first: Buffer | None
    """The first states, if what was read is the state before the step."""
    panels: Buffer
    """Where what was read is packed."""


@dataclass(frozen=True, eq=False)
class Loop:
    """One direction: its steps, and what all rows of a few steps do together before or after."""

    schedule: Schedule
    ahead: tuple[Call, ...]
    behind: tuple[Call, ...]
    outers: tuple[Outer, ...]
    buffers: tuple[Buffer, ...]
    """In the order in which the generated C finds them."""
    before: tuple[Buffer, ...]
    """States as they were before a step, which C finds among first states and new ones."""
    packed: tuple[Packed, ...]
    weights: Mapping[str, Buffer]


def loop_of(
    made: Schedule,
    places: Places,
    ends: Sequence[Buffer],
    *,
    ahead: Sequence[Call] = (),
    behind: Sequence[Call] = (),
    outers: Sequence[Outer] = (),
) -> Loop:
    """A schedule with its buffers; `ends` are those that the end of a step reads."""
    found = dict.fromkeys(b for phase in made.phases for b in _touched(phase, made.places))
    for call in (*ahead, *behind):
        found |= dict.fromkeys((call.vector.buffer, call.out.buffer))
    for outer in outers:
        touched = (outer.owed.buffer, outer.read.buffer, outer.weight.buffer, outer.panels)
        found |= dict.fromkeys([*touched, *([outer.first] if outer.first else [])])
    before = tuple(buffer for buffer in found if buffer.rows == "before")
    for buffer in before:
        label = buffer.role[1]
        found[places.buffer("batch", buffer.width, "first", label)] = None
        found[places.buffer("batch", buffer.width, "side", label)] = None
        found[places.buffer("steps", buffer.width, "state", label)] = None
    found.update(dict.fromkeys(ends))
    for buffer in [buffer for buffer in found if buffer.role[0] == "sum"]:
        found[places.buffer("slice", buffer.width, "step_sum", *buffer.role[1:])] = None
    calls = [*ahead, *(call for phase in made.phases for call in phase.calls), *behind]
    packed = tuple(_packed(call, places) for call in calls)
    weights = {p.group.key: places.buffer("once", {}, "weight", p.group.key) for p in packed}
    buffers = [buffer for buffer in found if buffer.rows != "before"]
    buffers += [*(p.buffer for p in packed), *weights.values()]
    return Loop(
        made, tuple(ahead), tuple(behind), tuple(outers), tuple(buffers), before, packed, weights
    )


def _touched(phase: Phase, places: Mapping[Node, Place]) -> Iterator[Buffer]:
    """The buffers that a phase reads or writes."""
    for numbers, sweeps in phase.levels:
        nodes = list(numbers)
        for sweep in sweeps:
            stored = [*sweep.stores, *sweep.adds]
            nodes += [*sweep.values, *sweep.sums, *(node for node, _ in stored)]
            yield from (place.buffer for _, place in stored)
        read = (operand for node in nodes for operand in (node, *node.args))
        yield from (places[operand].buffer for operand in read if operand in places)
    for call in phase.calls:
        yield from (call.vector.buffer, call.out.buffer)


def _packed(call: Call, places: Places) -> Packed:
    group = call.group
    start = places.rows_above(group, call.first)
    height = places.rows_of(group.matrices[call.first : call.last])
    width = places.widths[group.operand]
    results, operands = (width, height) if call.transposed else (height, width)
    way = "back" if call.transposed else "on"
    name = (
        (group.name,)
        if call.last - call.first == len(group.matrices)
        else (group.name, str(call.first))
    )
    buffer = places.buffer("once", {}, "packed", way, *name)
    return Packed(
        buffer, group, call.first, call.last, call.transposed, results, operands, start, width
    )
