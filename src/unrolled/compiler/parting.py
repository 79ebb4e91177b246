"""Where the threads that share a row can each take a part of its units."""

from collections.abc import Container, Iterator, Mapping, Sequence

from unrolled.compiler.schedule import Phase, Place, Sweep
from unrolled.lang.forms import ONE, Form, add, is_multiple
from unrolled.lang.nodes import Node


def width_to_part(phase: Phase, places: Mapping[Node, Place]) -> Form | None:
    """The width of all loops of a phase, if no unit waits for another; else None.

    Args:
        phase: Its loops.
        places: Where every value in memory lies.
    """
    sweeps = [sweep for _, sweeps in phase.levels for sweep in sweeps]
    if any(numbers for numbers, _ in phase.levels) or any(sweep.sums for sweep in sweeps):
        return None
    width = sweeps[0].width
    if width == ONE or any(sweep.width != width for sweep in sweeps):
        return None
    written = [place for sweep in sweeps for _, place in sweep.stores]
    read = [places[node] for node in _read(sweeps, places)]
    parts = all(are_apart(one, other) for one in written for other in read)
    return width if parts else None


def _read(sweeps: Sequence[Sweep], places: Container[Node]) -> Iterator[Node]:
    """What some loops read from memory, to compute their values or others once more."""
    made = {node for sweep in sweeps for node in sweep.values}
    stored = [node for sweep in sweeps for node, _ in (*sweep.stores, *sweep.adds)]
    waiting = [*stored, *(argument for node in made for argument in node.args)]
    seen: set[Node] = set()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            if node in places:
                yield node
            elif node not in made:
                waiting += node.args


def are_apart(one: Place, other: Place) -> bool:
    """Whether members who take the same part of two places never meet in memory."""
    if one.buffer is not other.buffer:
        return True
    between = add(one.offset, other.offset, -1)
    return one.width == other.width and is_multiple(between, one.width)
