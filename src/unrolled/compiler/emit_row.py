"""The C of one phase: a loop over rows, in it numbers of the row and loops over its units."""

from collections import Counter
from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Protocol

from unrolled.compiler.c_words import C, as_comment, extent, factor, folded_line, identifier
from unrolled.compiler.loops import Loop
from unrolled.compiler.plan import Plan
from unrolled.compiler.schedule import Buffer, Phase, Place, Sweep
from unrolled.lang.forms import ONE, show_form
from unrolled.lang.nodes import Node
from unrolled.lang.printing import show, show_briefly
from unrolled.lang.text import TEXT

DEEPEST = 40  # operations inside each other in one statement


class Surroundings(Protocol):
    """What a phase must know of the function that it stands in."""

    plan: Plan
    loop: Loop
    name: str
    titles: dict[Node, str]
    names: dict[Buffer, str]
    of_role: dict[tuple[str, ...], Buffer]

    def row_of(self, place: Place, row: str) -> str:
        """The address of a place in a row."""
        ...


class Pointer:
    """A place in the present row: its name, and whether it is written to."""

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place
        self.written = False


class RowWriter:
    """Writes the statements of one phase."""

    def __init__(self, around: Surroundings, phase: Phase, units: str) -> None:
        """Begin.

        Args:
            around: The function.
            phase: What is to be done.
            units: The name of this member's part of the units; empty if rows cannot be parted.
        """
        self.around = around
        self.phase = phase
        self.units = units
        self.step = around.plan.step
        self.graph = self.step.graph
        self.places = around.loop.schedule.places
        self.pointers: dict[tuple[Buffer, str], Pointer] = {}
        self.taken = {*around.names.values(), units}
        self.named: dict[Node, str] = {}
        self.making: set[Node] = set()

    def text(self) -> str:
        """The loop over the rows."""
        lines = [line for part in self.phase.levels for line in self._level(*part)]
        body = indent("\n".join([*self._declared_pointers(), *lines]), "    ")
        begin, end = ("begin", "now.count") if self.units else ("rows.begin", "rows.end")
        return f"\nfor (long r = {begin}; r < {end}; r++) {{\n{body}\n}}"

    def _declared_pointers(self) -> Iterator[str]:
        for pointer in self.pointers.values():
            const = "" if pointer.written else "const "
            address = self.around.row_of(pointer.place, "r")
            yield f"{const}real *const {pointer.name} = {address};"

    def _level(self, numbers: list[Node], sweeps: list[Sweep]) -> Iterator[str]:
        for node in numbers:
            yield self._definition(node)
        for sweep in sweeps:
            if sweep.width == ONE:
                yield from self._statements(sweep)
            else:
                yield from self._loop(sweep)

    def _loop(self, sweep: Sweep) -> Iterator[str]:
        """A loop over the units of the row; what it names is not known outside."""
        outside = dict(self.named)
        self.making = set(sweep.values)
        lines = list(self._statements(sweep))
        sums = {node: self._fresh("sum") for node in sweep.sums}
        lines += [f"{name} += {self._value(node.args[0])};" for node, name in sums.items()]
        self.named, self.making = {**outside, **sums}, set()
        if not lines:
            return
        yield from (f"real {name} = 0;" for name in sums.values())
        reduction = f" reduction(+ : {', '.join(sums.values())})" if sums else ""
        pragma = f"#pragma omp simd{reduction}"
        begin, end = "0", extent(sweep.width)
        if self.units:
            begin, end = f"{self.units}.begin", f"{self.units}.end"
        head = f"for (long j = {begin}; j < {end}; j++)"
        if sweep.alone and all(line.startswith("/*") for line in lines[:-1]):
            *quote, line = lines
            yield from quote
            yield pragma
            yield f"{head}\n{indent(line, '    ')}"
        else:
            yield pragma
            yield f"{head} {{\n{indent(chr(10).join(lines), '    ')}\n}}"

    def _statements(self, sweep: Sweep) -> Iterator[str]:
        uses = _uses(sweep)
        equations = self.step.equations
        depths: dict[Node, int] = {}
        for node in sweep.values:
            depths[node] = 1 + max((depths.get(argument, 0) for argument in node.args), default=0)
            last = sweep.alone and node is sweep.values[-1]
            named = node in equations or node in self.titles_of_gradients
            if last and node in equations:
                yield self._quote(node)
            elif named or uses[node] > 1 or depths[node] == DEEPEST:
                if node in equations:
                    yield self._quote(node)
                yield self._definition(node)
                depths[node] = 0
        for node, place in sweep.stores:
            yield folded_line(f"{self._target(node, place)} = {self._value(node)};")
        for node, place in sweep.adds:
            of_step = self.around.of_role["step_sum", *place.buffer.role[1:]]
            target = self._target(node, Place(of_step, place.width, place.offset))
            yield folded_line(f"{target} += {self._value(node)};")

    @property
    def titles_of_gradients(self) -> Mapping[Node, str]:
        """The gradients that have titles; forward has none."""
        return self.around.titles if self.around.name == "backward" else {}

    def _definition(self, node: Node) -> str:
        value = self._expression(node)
        self.named[node] = self._fresh(self.around.titles.get(node, "t"))
        return folded_line(f"const real {self.named[node]} = {value};")

    def _fresh(self, title: str) -> str:
        name = identifier(title, self.taken)
        self.taken.add(name)
        return name

    def _target(self, node: Node, place: Place) -> str:
        pointer = self._pointer(node, place)
        pointer.written = True
        return f"{pointer.name}[{'0' if place.width == ONE else 'j'}]"

    def _read(self, node: Node) -> str:
        place = self.places[node]
        return f"{self._pointer(node, place).name}[{'0' if place.width == ONE else 'j'}]"

    def _value(self, node: Node) -> str:
        """A value by its name, from memory, or written out where it is made."""
        if node in self.named:
            return self.named[node]
        lies_there = node in self.places and node not in self.making
        return self._read(node) if lies_there else self._expression(node)

    def _expression(self, node: Node) -> str:
        """A value in C, down to what has a name or lies in memory."""
        if not node.args:
            return show(node, C, {})
        known: dict[Node, str] = {}
        stack = list(node.args)
        while stack:
            top = stack.pop()
            if top in self.named:
                known[top] = self.named[top]
            elif top.op == "extent":
                known[top] = f"(real){factor(self.graph.extents[top])}"
            elif top in self.places and top not in self.making:
                known[top] = self._read(top)
            else:
                stack += top.args
        return show(node, C, known)

    def _pointer(self, node: Node, place: Place) -> Pointer:
        key = (place.buffer, show_form(place.offset))
        if key not in self.pointers:
            name = self._fresh(self._pointer_title(node, place))
            self.pointers[key] = Pointer(name, place)
        return self.pointers[key]

    def _pointer_title(self, node: Node, place: Place) -> str:
        role, *names = place.buffer.role
        title = self.around.titles.get(node)
        if role == "product" and self.around.name == "forward":
            total = next(
                (n for n, p in self.places.items() if n.op == "total" and p == place), None
            )
            title = self.around.titles.get(total, title) if total else title
        elif role in ("product", "kept"):
            return f"kept_{title or names[0]}"
        elif role == "gradient" and title:
            return f"to_{title}"
        elif role in ("stored", "step_sum"):
            return ("sum_" if role == "step_sum" else "") + self._vector_at(place)
        elif role in ("before", "state"):
            return f"{names[0]}_{'before' if role == 'before' else 'after'}"
        if title and role in ("product", "scratch"):
            return title if title.startswith(("a_", "d_")) else f"{title}_now"
        return "_".join(("x" if role == "input" else role, *names, "now"))

    def _vector_at(self, place: Place) -> str:
        """The name of the vector whose place this is, among all biases or all others."""
        for node, own in self.around.plan.leaves.items():
            same = own.offset == place.offset and own.buffer.role[1:] == place.buffer.role[1:]
            if node.op == "vector" and same:
                return node.label
        return place.buffer.role[1]

    def _quote(self, node: Node) -> str:
        equation = self.step.equations[node]
        names = {e.value: e.name for e in self.step.cell.equations if e is not equation}
        text = f"{equation.name} = {show_briefly(equation.value, TEXT, names)}"
        said = f": {equation.comment}" if equation.comment else ""
        return as_comment(text + said, room=74)


def _uses(sweep: Sweep) -> Counter[Node]:
    """How often a sweep reads each value."""
    uses: Counter[Node] = Counter()
    for node in sweep.values:
        uses.update(node.args)
    uses.update(node for node, _ in (*sweep.stores, *sweep.adds))
    uses.update(node.args[0] for node in sweep.sums)
    return uses
