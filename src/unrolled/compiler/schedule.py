"""In which order a step's values are computed, and where they lie.

Work alternates: a *phase* is some sweeps over each row, then the products that these made possible.
A *sweep* is one loop over the units of a row; a value that must be whole before it can be read (a
row's sum, a part of a vector) ends it. A value that is read in a later sweep lies in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, TypeAlias

from unrolled.compiler.step import WHOLE, Graph, Group
from unrolled.lang.forms import Form, add, show_form
from unrolled.lang.nodes import Node, in_order

Level: TypeAlias = tuple[int, int]
Rows: TypeAlias = Literal["steps", "batch", "row", "once", "slice", "before"]

START: Level = (0, 0)
AT_ONCE = frozenset("neg add sub mul".split())
"""Operations that cost no more than reading their result would."""
LONG = frozenset("sigmoid tanh softplus exp log pow sin cos".split())
"""Operations of many instructions: those whose result is stored get loops of their own, since a
loop with several of them waits for each chain in turn (measured: a quarter faster apart)."""


@dataclass(frozen=True, eq=False)
class Buffer:
    """A block of memory that the runtime provides; `role` says what it puts there.

    `rows`: "steps" has one for each row of each step, "batch" one for each sequence, "row" one for
    each slice, "once" a single one; "slice" is once for each slice, summed afterwards; "before" is
    a state as it was before the step.
    """

    rows: Rows
    width: Form
    role: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a value lies: a buffer, and from which column on."""

    buffer: Buffer
    width: Form
    offset: Form = field(default_factory=dict[str, Fraction])

    def follows(self, other: "Place") -> bool:
        """Whether this place begins where the other ends."""
        return self.buffer is other.buffer and self.offset == add(other.offset, other.width)


@dataclass(frozen=True, eq=False)
class Sweep:
    """One loop over the units of a row; `alone` if it makes but one value for others."""

    width: Form
    alone: bool = False
    values: list[Node] = field(default_factory=list[Node])
    stores: list[tuple[Node, Place]] = field(default_factory=list[tuple[Node, Place]])
    sums: list[Node] = field(default_factory=list[Node])
    adds: list[tuple[Node, Place]] = field(default_factory=list[tuple[Node, Place]])


@dataclass(frozen=True, eq=False)
class Call:
    """A product: of consecutive matrices of a group, or of the group's transposed whole."""

    group: Group
    first: int
    last: int
    transposed: bool
    vector: Place
    out: Place
    onto: bool


@dataclass(frozen=True, eq=False)
class Phase:
    """Numbers and sweeps, level by level, then the products that they made possible."""

    levels: list[tuple[list[Node], list[Sweep]]]
    calls: list[Call]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a loop must do, and what it finds in memory."""

    graph: Graph
    resident: Mapping[Node, Place]
    stores: Sequence[tuple[Node, Place]]
    adds: Sequence[tuple[Node, Place]]
    groups: Sequence[Group]
    hints: Sequence[Node]
    """Values in the order in which a reader expects them."""
    gradients: Mapping[str, Place]
    """Where the gradients of a group's products lie, side by side."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """The phases of a step, where every value in memory lies, and the scratch buffers."""

    phases: list[Phase]
    places: Mapping[Node, Place]
    scratch: list[Buffer]
    order: Sequence[Node]
    levels: Mapping[Node, Level]
    readers: Mapping[Node, Sequence[Node]]


def schedule(wanted: Wanted) -> Schedule:
    """Order a step's work."""
    return _Scheduler(wanted).schedule()


class _Scheduler:
    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.graph = wanted.graph
        self.stores = list(wanted.stores)
        roots = [node for node, _ in (*wanted.stores, *wanted.adds)]
        early = {product for group in wanted.groups if group.early for product in group.products}
        known = {*wanted.resident, *early}
        live = set(in_order(roots, known=known))
        told = [node for node in wanted.hints if node in live]
        self.nodes = list(in_order([*told, *roots], known=known))
        self.position = {node: number for number, node in enumerate(self.nodes)}
        self.early = early
        self.places: dict[Node, Place] = dict(wanted.resident)
        self.scratch: list[Buffer] = []
        self.begun: list[tuple[Node, Place]] = []  # what products are added onto
        self.alone = {n for n, _ in self.stores if n.op in LONG and not self.graph.is_scalar(n)}
        self.alone -= set(self.places)
        self.home: dict[Node, Node | None] = {}
        self.ready: dict[Node, Level] = {}
        self.at: dict[Node, Level] = {}
        self.readers: dict[Node, list[Node]] = {}
        self.sweeps: dict[Level, dict[object, Sweep]] = {}
        self.numbers: dict[Level, list[Node]] = {}

    def schedule(self) -> Schedule:
        for node in self.nodes:
            for argument in dict.fromkeys(node.args):
                self.readers.setdefault(argument, []).append(node)
            self.ready[node] = self._ready(node)
        self._choose_levels()
        self._place_concatenations()
        self._place_totals()
        self._place_crossing_values()
        self._fill_sweeps()
        calls = self._calls()
        phases = 1 + max((level[0] for level in (*self.sweeps, *self.numbers)), default=0)
        phases = max([phases, *(phase + 1 for phase in calls)])
        made = [Phase(self._levels_of(p), calls.get(p, [])) for p in range(phases)]
        return Schedule(made, self.places, self.scratch, self.nodes, self.at, self.readers)

    def _level(self, node: Node) -> Level:
        return self.ready.get(node, START)

    def _ready(self, node: Node) -> Level:
        """The first level at which a value can be read."""
        levels = [self._level(argument) for argument in node.args]
        phase, sweep = max(levels, default=START)
        if node.op in ("product", "back"):
            return phase + 1, 0
        if node.op == "part" and self._in_memory(node.args[0]):
            return phase, sweep
        if node.op in ("sum", "part", "concat") or node in self.alone:
            return phase, sweep + 1
        return phase, sweep

    def _in_memory(self, node: Node) -> bool:
        return node in self.wanted.resident or node.op in ("total", "concat")

    def _is_pointwise(self, node: Node) -> bool:
        """Whether a node is computed in a sweep (or, if it is a number, before one)."""
        return node.op not in WHOLE and bool(node.args)

    def _choose_levels(self) -> None:
        """A value is computed where it is first read, or at once if it must be whole for that."""
        for node in reversed(self.nodes):
            readers = self.readers.get(node, [])
            level = self.ready[node]
            waits = any(reader.op in WHOLE for reader in readers) or self.graph.is_scalar(node)
            self.home[node] = self._home(node, readers)
            if node in self.alone:
                level = (level[0], level[1] - 1)
            elif self._is_pointwise(node) and readers and not waits:
                level = min(self.at[reader] for reader in readers)
            self.at[node] = level

    def _home(self, node: Node, readers: Sequence[Node]) -> Node | None:
        """The value whose own loop a node is made in; None for a loop that it shares."""
        if node in self.alone:
            return node
        homes = {self.home[reader] for reader in readers}
        wanted = any(node is root for root, _ in (*self.stores, *self.wanted.adds))
        apart = len(homes) == 1 and not wanted and not self.graph.is_scalar(node)
        return homes.pop() if apart and self._is_pointwise(node) else None

    def _readable(self, node: Node) -> Level:
        """When a value that is made where it is first read, or before, can be read."""
        return self.ready[node] if node in self.alone else self.at.get(node, START)

    def _place_concatenations(self) -> None:
        for node in self.nodes:
            if node.op == "concat":
                place = self._stored(node) or self._new_place(node, "batch")
                self.places[node] = place
                offset = place.offset
                for argument in node.args:
                    width = self.graph.widths[argument]
                    self.stores.append((argument, Place(place.buffer, width, offset)))
                    offset = add(offset, width)

    def _place_totals(self) -> None:
        """A total lies where an early product is, else where it is wanted, else at the side."""
        for node in self.nodes:
            if node.op == "total" and node not in self.places:
                first = node.args[0]
                own = self.places.get(first) if first in self.early else self._stored(node)
                self.places[node] = own or self._new_place(node, "batch")
                if first.op not in ("product", "back"):
                    self.begun.append((first, self.places[node]))

    def _stored(self, node: Node) -> Place | None:
        """The place where a value is wanted, which needs no store then."""
        for number, (wanted, place) in enumerate(self.stores):
            if wanted is node and place.width == self.graph.widths[node]:
                del self.stores[number]
                return place
        return None

    def _new_place(self, node: Node, rows: Rows) -> Place:
        name = f"{rows}{len(self.scratch)}"
        width = self.graph.widths[node]
        buffer = Buffer(rows, width, ("scratch", name))
        self.scratch.append(buffer)
        return Place(buffer, width)

    def _place_crossing_values(self) -> None:
        """Memory for values that are read after the sweep (a number: the phase) that makes them."""
        for node in self.nodes:
            if node.op == "matrix" or not node.args or node in self.places:
                continue
            if node.op == "part":
                self.places[node] = self._part_of(node)
            elif (node.op not in WHOLE or node.op == "sum") and not self._is_made_again(node):
                rows = self._memory_needed(node)
                if rows is not None:
                    self._remember(node, rows)

    def _is_made_again(self, node: Node) -> bool:
        """Whether a value follows from what lies in memory by so little that it needs no place."""
        stays = {n for n in node.args if n in self.wanted.resident and n.op != "total"}
        known = all(a.op == "constant" or a in stays for a in node.args)
        whole = any(reader.op in WHOLE for reader in self.readers.get(node, []))
        return node.op in AT_ONCE and known and not whole

    def _part_of(self, node: Node) -> Place:
        place = self.places[node.args[0]]
        return Place(
            place.buffer, self.graph.widths[node], add(place.offset, self.graph.starts[node])
        )

    def _memory_needed(self, node: Node) -> Rows | None:
        """Whether a value is read later than made, and how long it has to stay."""
        phase, _ = self.at[node]
        scalar = self.graph.is_scalar(node)
        is_cut = any(reader.op == "part" for reader in self.readers.get(node, []))
        needed: Rows | None = "row" if is_cut else None
        for reader in self._final_readers(node):
            if reader.op in ("product", "back") or self.at[reader][0] > phase:
                return "batch"
            elsewhere = self.at[reader] > self.at[node] or self.home[reader] is not self.home[node]
            if reader.op not in WHOLE and not scalar and elsewhere:
                needed = "row"
        return needed

    def _final_readers(self, node: Node) -> Iterator[Node]:
        """Who reads a value, or a part of it."""
        for reader in self.readers.get(node, []):
            if reader.op == "part":
                yield from self._final_readers(reader)
            elif reader.op not in ("sum", "concat", "total"):
                yield reader

    def _remember(self, node: Node, rows: Rows) -> None:
        place = next((place for wanted, place in self.stores if wanted is node), None)
        if place is None or place.width != self.graph.widths[node]:
            place = self._new_place(node, rows)
            self.stores.append((node, place))
        self.places[node] = place

    def _sweep(self, level: Level, width: Form) -> Sweep:
        of_level = self.sweeps.setdefault(level, {})
        return of_level.setdefault(show_form(width), Sweep(width))

    def _fill_sweeps(self) -> None:
        for node in self.nodes:
            if node in self.alone:
                self._fill_alone(node)
            elif self._is_pointwise(node) and self.graph.is_scalar(node):
                self.numbers.setdefault(self.at[node], []).append(node)
            elif self._is_pointwise(node) and self.home[node] is None:
                self._sweep(self.at[node], self.graph.widths[node]).values.append(node)
            elif node.op == "sum":
                value = node.args[0]
                self._sweep(self._readable(value), self.graph.widths[value]).sums.append(node)
        for node, place in self.begun:
            self._sweep(self._readable(node), place.width).stores.append((node, place))
        for node, place in self.stores:
            if not (node in self.alone and place is self.places[node]):
                self._sweep(self._readable(node), place.width).stores.append((node, place))
        for node, place in self.wanted.adds:
            self._sweep(self._readable(node), place.width).adds.append((node, place))

    def _fill_alone(self, node: Node) -> None:
        """A loop for one value, which others read from where it is stored."""
        place = next(place for stored, place in self.stores if stored is node)
        self.places[node] = place
        chain = [other for other in self.nodes if self.home[other] is node]
        sweep = Sweep(self.graph.widths[node], alone=True, values=chain, stores=[(node, place)])
        self.sweeps.setdefault(self.at[node], {})[node] = sweep

    def _levels_of(self, phase: int) -> list[tuple[list[Node], list[Sweep]]]:
        levels = sorted({level for level in (*self.sweeps, *self.numbers) if level[0] == phase})
        found: list[tuple[list[Node], list[Sweep]]] = []
        for level in levels:
            sweeps = sorted(self.sweeps.get(level, {}).values(), key=lambda sweep: sweep.alone)
            found.append((self.numbers.get(level, []), sweeps))
        return found

    def _calls(self) -> dict[int, list[Call]]:
        """The products of each phase, in order."""
        found: dict[int, list[Call]] = {}
        begun: set[Node] = set()
        totals = {term: node for node in self.nodes if node.op == "total" for term in node.args}
        pending = sorted(
            (node for node in self.nodes if node.op in ("product", "back")), key=self._order
        )
        for node in pending:
            total = totals[node]
            first = total.args[0]
            onto = total in begun or first in self.early or first.op not in ("product", "back")
            begun.add(total)
            call = self._call(node, self.places[total], onto)
            calls = found.setdefault(self.ready[node][0] - 1, [])
            if calls and (joined := _joined(calls[-1], call)):
                calls[-1] = joined
            else:
                calls.append(call)
        return found

    def _order(self, node: Node) -> tuple[int, int, int]:
        """Products by phase, then in the order in which their matrices are stored."""
        for number, group in enumerate(self.wanted.groups):
            if node in group.products:
                return self.ready[node][0], number, group.products.index(node)
        return self.ready[node][0], 0, self.position[node]

    def _call(self, node: Node, out: Place, onto: bool) -> Call:
        if node.op == "back":
            group = next(g for g in self.wanted.groups if g.name == node.attribute)
            vector = self.wanted.gradients[group.name]
            return Call(group, 0, len(group.products), True, vector, out, onto)
        group = next(g for g in self.wanted.groups if node in g.products)
        index = group.products.index(node)
        vector = self.places[group.operand]
        return Call(group, index, index + 1, False, vector, out, onto)


def _joined(before: Call, call: Call) -> Call | None:
    """One product in place of two whose matrices, and results, are neighbours."""
    neighbours = before.group is call.group and before.last == call.first
    if not neighbours or before.onto != call.onto or not call.out.follows(before.out):
        return None
    out = Place(call.out.buffer, add(before.out.width, call.out.width), before.out.offset)
    return Call(call.group, before.first, call.last, False, call.vector, out, call.onto)
