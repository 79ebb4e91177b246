"""C from a plan: the forward and the backward loop of a cell, in its own names.

A direction is three functions: one packs the weights, one takes a slice of the rows through the
whole sequence, one calls both. What a row's statements look like is `emit_row`'s.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from textwrap import indent

from unrolled.compiler.c_words import as_comment, extent, factor, identifier
from unrolled.compiler.emit_row import RowWriter
from unrolled.compiler.loops import Loop, Packed
from unrolled.compiler.plan import Plan
from unrolled.compiler.schedule import Buffer, Call, Phase, Place
from unrolled.compiler.titles import titles_of
from unrolled.lang.printing import show
from unrolled.lang.text import TEXT

_ROWS = {
    "steps": "for each row of each step",
    "batch": "for each row",
    "row": "for each slice",
    "slice": "for each slice",
}


def emit(plan: Plan) -> str:
    """The C of a plan."""
    name = plan.step.cell.name
    parts = [
        as_comment(f"{name}, forward and backward over a sequence, from its equations."),
        '#include "real.h"\n#include "product.h"\n#include "loop.h"\n',
        _Direction(plan, plan.forward, "forward").text(),
        _Direction(plan, plan.backward, "backward").text(),
        "long panel(void)\n{\n    return PANEL;\n}\n",
    ]
    return "\n".join(parts)


class _Direction:
    """The functions of one direction."""

    def __init__(self, plan: Plan, loop: Loop, name: str) -> None:
        self.plan = plan
        self.loop = loop
        self.name = name
        self.titles = titles_of(plan.step, plan.adjoint)
        self.names: dict[Buffer, str] = {}
        for buffer in (*loop.buffers, *loop.before):
            taken = {*plan.symbols, *self.names.values()}
            self.names[buffer] = identifier("_".join(buffer.role), taken)
        self.of_role = {buffer.role: buffer for buffer in self.names}

    def text(self) -> str:
        """All three functions."""
        return f"{self._packing()}\n{self._slice()}\n{self._entry()}"

    def _entry(self) -> str:
        pack = "    if (!call->packed)\n" + f"        run(call, pack_{self.name});\n"
        body = (pack if self.loop.packed else "") + f"    run(call, {self.name}_slice);"
        return f"void {self.name}(const struct call *call)\n{{\n{body}\n}}\n"

    def _packing(self) -> str:
        if not self.loop.packed:
            return ""
        used = {b for p in self.loop.packed for b in (p.buffer, self.loop.weights[p.group.key])}
        lines = ["", *(self._pack(packed) for packed in self.loop.packed)]
        lines = [*self._locals(used, lines), *lines]
        return _function(
            f"static void pack_{self.name}(const struct call *call, long slice)", lines
        )

    def _pack(self, packed: Packed) -> str:
        weight = self.names[self.loop.weights[packed.group.key]]
        start = f" + {factor(packed.start)} * {factor(packed.stride)}" if packed.start else ""
        panels = f"panels_of({extent(packed.results)})"
        return (
            f"pack{'_transposed' * packed.transposed}(\n"
            f"    {self.names[packed.buffer]}, {weight}{start}, {extent(packed.stride)}, "
            f"{extent(packed.results)}, {extent(packed.operands)},\n"
            f"    {panels} * slice / call->slices, {panels} * (slice + 1) / call->slices);"
        )

    def _slice(self) -> str:
        backwards = self.name == "backward"
        weights = set(self.loop.weights.values())
        used = {buffer for buffer in self.loop.buffers if buffer not in weights}
        number = "call->steps - 1 - s" if backwards else "s"
        step = [
            f"const struct step now = step_of(call, slice, {number});",
            "if (now.count <= begin)\n    continue;",
            *(self._state_before(buffer) for buffer in self.loop.before),
            *(text for phase in self.loop.schedule.phases for text in self._phase(phase)),
            *self._end_of_step(),
        ]
        lines = [
            "const long begin = call->bounds[slice];",
            *self._cleared(),
            "",
            "for (long s = call->from; s < call->to; s++) {\n"
            + indent("\n".join(step), "    ")
            + "\n}",
        ]
        lines = [*self._locals(used, lines), *lines]
        order = "last step to the first" if backwards else "first step to the last"
        head = f"static void {self.name}_slice(const struct call *call, long slice)"
        return f"/* A slice of the rows, from the {order}. */\n{_function(head, lines)}"

    def _locals(self, used: Iterable[Buffer], lines: Sequence[str]) -> Iterator[str]:
        """The widths that some lines read, and the buffers, under their names."""
        wanted = set(used)
        words = set(re.findall(r"\w+", "\n".join(lines)))
        symbols = [f"{s} = call->sizes[{i}]" for i, s in enumerate(self.plan.symbols) if s in words]
        if symbols:
            yield f"const long {', '.join(symbols)};"
        for number, buffer in enumerate(self.loop.buffers):
            if buffer in wanted:
                told = f"{extent(buffer.width)} {_ROWS.get(buffer.rows, '')}".strip()
                note = f" /* {told} */" if buffer.width else ""
                yield f"real *const {self.names[buffer]} = call->at[{number}];{note}"

    def _state_before(self, before: Buffer) -> str:
        state = before.role[1]
        roles = (("first", state), ("state", state), ("side", state))
        first, sequence, side = (self.names[self.of_role[role]] for role in roles)
        return (
            f"const real *const {self.names[before]} = state_before(\n"
            f"    call, now, begin, {extent(before.width)}, {first}, {sequence}, {side});"
        )

    def _phase(self, phase: Phase) -> Iterator[str]:
        if phase.levels:
            yield RowWriter(self, phase).text()
        for call in phase.calls:
            yield self._product(call)

    def _product(self, call: Call) -> str:
        packed = next(packed for packed in self.loop.packed if packed.is_of(call))
        names = ", ".join(call.group.matrices[call.first : call.last])
        read = f"{names} @ {self._operand(call)}"
        if call.transposed:
            read = f"the gradient of {self._operand(call)}, through {names}"
        return (
            f"\n{as_comment(read)}\nproduct(\n"
            f"    {self.row_of(call.out, 'begin')}, {extent(call.out.buffer.width)},\n"
            f"    {self.row_of(call.vector, 'begin')}, {extent(call.vector.buffer.width)}, "
            f"now.count - begin,\n"
            f"    {self.names[packed.buffer]}, {extent(packed.results)}, "
            f"{extent(packed.operands)}, {int(call.onto)});"
        )

    def _operand(self, call: Call) -> str:
        """What is multiplied, as the cell's author wrote it."""
        cell = self.plan.step.cell
        names = {equation.value: equation.name for equation in cell.equations}
        matrix = call.group.matrices[call.first]
        wrote = next(product for product in cell.products if product.args[0].label == matrix)
        return show(wrote.args[1], TEXT, names)

    def row_of(self, place: Place, row: str) -> str:
        """The address of a place in a row."""
        buffer = place.buffer
        in_step = f"(now.row + {row})" if row != "0" else "now.row"
        width = factor(buffer.width)
        index = {"steps": in_step, "batch": row, "before": row, "row": "slice", "slice": "slice"}
        parts = [self.names[buffer]]
        if buffer.rows in index:
            parts.append(f"{index[buffer.rows]} * {width}" if width != "1" else index[buffer.rows])
        if place.offset:
            parts.append(extent(place.offset))
        return " + ".join(parts)

    def _cleared(self) -> Iterator[str]:
        """Sums begin at zero."""
        for buffer in self.loop.buffers:
            if buffer.role[0] in ("sum", "step_sum"):
                address = self.row_of(Place(buffer, buffer.width), "")
                yield f"clear(call, {address}, {extent(buffer.width)});"

    def _end_of_step(self) -> Iterator[str]:
        """Last states are kept, carried gradients and sums go on."""
        yield ""
        for state in self.plan.step.states:
            label = state.label
            if self.name == "forward":
                after, last = self.of_role["state", label], self.of_role["last", label]
                now = self.row_of(Place(after, after.width), "0")
                names = f"{now}, {self.names[last]}"
                yield f"keep_last(call, now, begin, {extent(after.width)}, {names});"
            else:
                carried, before = self.of_role["carried", label], self.of_role["next", label]
                names = f"{self.names[carried]}, {self.names[before]}"
                yield f"copy_rows({names}, begin, now.count, {extent(carried.width)});"
        for buffer in self.loop.buffers:
            if buffer.role[0] == "sum":
                of_step = self.of_role["step_sum", *buffer.role[1:]]
                total, part = (self.row_of(Place(b, b.width), "") for b in (buffer, of_step))
                yield f"add_up({total}, {part}, {extent(buffer.width)});"


def _function(head: str, lines: Sequence[str]) -> str:
    body = indent("\n".join(lines), "    ")
    return f"{head}\n{{\n{body}\n}}\n"
