"""C from a plan: the forward and the backward loop of a cell, in its own names.

A direction is some functions: one packs the weights, one takes a slice of the rows through some
steps, one does beside it what all rows of those steps can do together, and one calls them all.
What a row's statements look like is `emit_row`'s.
"""

import re
from collections.abc import Iterator, Sequence
from textwrap import indent

from unrolled.compiler.c_words import (
    as_comment,
    extent,
    factor,
    folded_line,
    identifier,
    symbol_name,
)
from unrolled.compiler.emit_row import RowWriter
from unrolled.compiler.loops import Loop, Outer, Packed
from unrolled.compiler.parting import are_apart, width_to_part
from unrolled.compiler.plan import Plan
from unrolled.compiler.schedule import Buffer, Call, Phase, Place
from unrolled.compiler.step import Group
from unrolled.compiler.titles import titles_of
from unrolled.lang.forms import Form
from unrolled.lang.printing import show_briefly
from unrolled.lang.text import TEXT

NOTE_END = " */\n"
MEET = "meet(call);"
_OF_BLOCK = ("rows.begin", "all.begin")
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
        '#include "real.h"\n#include "loop.h"\n#include "algebra.h"\n',
        _Direction(plan, plan.forward, "forward").text(),
        _Direction(plan, plan.backward, "backward").text(),
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
            taken = {*self.names.values()}
            self.names[buffer] = identifier("_".join(buffer.role), taken)
        self.of_role = {buffer.role: buffer for buffer in self.names}
        self.parts: dict[str, str] = {}
        """The parts of widths that a member of a slice sees to: their names, and what they are."""

    def text(self) -> str:
        """All of them."""
        parts = [self._packing(), self._together(), self._slice(), self._entry()]
        return "\n".join(part for part in parts if part)

    def _entry(self) -> str:
        name = self.name
        together = f"{name}_together" if self._has_together() else "0"
        ahead, behind = (together, "0") if name == "forward" else ("0", together)
        pack = f"    if (!call->packed)\n        run(call, pack_{name});\n"
        body = pack if self.loop.packed else ""
        body += f"    run_in_blocks(call, {ahead}, {name}_slice, {behind});"
        return f"void {name}(const struct call *call)\n{{\n{body}\n}}\n"

    def _has_together(self) -> bool:
        return bool(self.loop.ahead or self.loop.behind or self.loop.outers)

    def _packing(self) -> str:
        if not self.loop.packed:
            return ""
        lines = ["", *(self._pack(packed) for packed in self.loop.packed)]
        lines = [*self._locals(lines), *lines]
        return _function(
            f"static void pack_{self.name}(const struct call *call, long slice)", lines
        )

    def _pack(self, packed: Packed) -> str:
        weight = self.names[self.loop.weights[packed.group.key]]
        start = f" + {factor(packed.start)} * {factor(packed.stride)}" if packed.start else ""
        packing = folded_line(
            f"algebra->pack{'_transposed' * packed.transposed}("
            f"{self.names[packed.buffer]}, {weight}{start}, {extent(packed.stride)}, "
            f"{extent(packed.results)}, {extent(packed.operands)}, slice, call->slices);"
        )
        behind = next((call for call in self.loop.behind if packed.is_of(call)), None)
        if behind is None:
            return packing
        return f"if ({self.names[behind.out.buffer]})\n{indent(packing, '    ')}"

    def _together(self) -> str:
        """What all rows of a block of steps do together, each slice a share of it."""
        if not self._has_together():
            return ""
        backward = int(self.name == "backward")
        lines = [f"const struct span rows = share_of(call, slice, {backward});"]
        lines += [self._product_of_inputs(call) for call in self.loop.ahead]
        lines += [self._gradient_of_inputs(call) for call in self.loop.behind]
        if self.loop.outers:
            lines += ["", "const struct span all = rows_of(call, 1);"]
        lines += [self._outer(outer) for outer in self.loop.outers]
        lines = [*self._locals(lines), *lines]
        head = f"static void {self.name}_together(const struct call *call, long slice)"
        title = "The gradients of inputs and weights" if backward else "The products of the input"
        return f"/* {title}, for all rows of a block of steps. */\n{_function(head, lines)}"

    def _product_of_inputs(self, call: Call) -> str:
        note, product = self._product(call, "rows.begin", "rows.count").split(NOTE_END, 1)
        if call.group.operand.op != "input" or self.plan.reads_input:
            return f"{note}{NOTE_END}{product}"
        packed, out = self._packed(call), extent(call.out.buffer.width)
        gather = (
            f"algebra->gather(\n    {self.row_of(call.out, 'rows.begin')}, {out},\n"
            f"    call->symbols + rows.begin, rows.count, {self.names[packed.buffer]}, "
            f"{extent(packed.results)}, {extent(packed.operands)});"
        )
        both = f"if (call->symbols)\n{indent(gather, '    ')}\nelse\n{indent(product, '    ')}"
        return f"{note}{NOTE_END}{both}"

    def _gradient_of_inputs(self, call: Call) -> str:
        note, product = self._product(call, "rows.begin", "rows.count").split(NOTE_END, 1)
        asked = f"if ({self.names[call.out.buffer]})\n{indent(product, '    ')}"
        return f"{note}{NOTE_END}{asked}"

    def _outer(self, outer: Outer) -> str:
        names, group = self.names, outer.group
        width = self.plan.step.graph.widths[group.operand]
        weight = names[outer.weight.buffer]
        start = outer.weight.offset
        moved = f"{weight} + {factor(start)} * {factor(width)}" if start else weight
        of = (
            f"struct outer of = algebra->outer_of(\n"
            f"    call, slice, {moved}, {extent(outer.weight.width)}, {extent(width)},\n"
            f"    {self.row_of(outer.owed, 'all.begin')}, {extent(outer.owed.buffer.width)}, "
            f"{names[outer.panels]});"
        )
        read = self.row_of(outer.read, "all.begin")
        add = f"algebra->add_rows(&of, {read}, {extent(outer.read.buffer.width)}, all.count);"
        if outer.first:
            states = f"{names[outer.first]}, {names[outer.read.buffer]}"
            add = f"algebra->add_states(&of, call, {states});"
        elif group.operand.op == "input" and not self.plan.reads_input:
            symbols = "algebra->add_symbols(&of, call->symbols + all.begin, all.count);"
            add = f"if (call->symbols)\n    {symbols}\nelse\n    {add}"
        body = indent(f"{of}\n{add}\nalgebra->add_held(&of);", "    ")
        matrices = ", ".join(group.matrices)
        note = as_comment(f"the gradients of {matrices}, which met {self._operand_of(group)}")
        return f"\n{note}\nif ({weight}) {{\n{body}\n}}"

    def _slice(self) -> str:
        backwards = self.name == "backward"
        number = "call->steps - 1 - s" if backwards else "s"
        self.parts = {}
        step = [
            f"const struct step now = step_of(call, slice, {number});",
            "if (now.count <= begin)\n    continue;",
            *(self._state_before(buffer) for buffer in self.loop.before),
            *self._rows_apart(),
            *(text for phase in self.loop.schedule.phases for text in self._phase(phase)),
            *self._end_of_step(),
        ]
        lines = [
            "const long begin = call->bounds[2 * slice];",
            *(f"const struct part {name} = {made};" for made, name in self.parts.items()),
            *self._cleared(),
            "",
            "for (long s = call->from; s < call->to; s++) {\n"
            + indent("\n".join(step), "    ")
            + "\n}",
        ]
        lines = [*self._locals(lines), *lines]
        order = "last step to the first" if backwards else "first step to the last"
        head = f"static void {self.name}_slice(const struct call *call, long slice)"
        return f"/* A slice of the rows, from the {order}. */\n{_function(head, lines)}"

    def _locals(self, lines: Sequence[str]) -> Iterator[str]:
        """The widths and the buffers that some lines read, under their names."""
        words = set(re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", "\n".join(lines))))
        names = enumerate(map(symbol_name, self.plan.symbols))
        symbols = [f"{name} = call->sizes[{i}]" for i, name in names if name in words]
        if symbols:
            yield f"const long {', '.join(symbols)};"
        if "algebra" in words:
            yield "const struct algebra *const algebra = call->algebra;"
        for number, buffer in enumerate(self.loop.buffers):
            if self.names[buffer] in words:
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

    def _units(self, phase: Phase) -> str:
        """The name of this member's part of a phase's units; empty if its rows stay whole."""
        width = width_to_part(phase, self.loop.schedule.places)
        return self._part_of("units", width, "LINE") if width else ""

    def _rows_apart(self) -> Iterator[str]:
        """The rows that a member of a slice takes whole, if any part of a step does."""
        if any(phase.levels and not self._units(phase) for phase in self.loop.schedule.phases):
            yield "const struct part rows = rows_apart(call, begin, now.count);"

    def _phase(self, phase: Phase) -> Iterator[str]:
        if phase.levels:
            yield f"{RowWriter(self, phase, self._units(phase)).text()}\n{MEET}"
        for number, call in enumerate(phase.calls):
            if any(not are_apart(call.out, other.out) for other in phase.calls[:number]):
                yield MEET
            part = self._part_of("results", self._packed(call).results, "algebra->panel")
            yield self._product(call, "begin", "now.count - begin", part)
        if phase.calls:
            yield MEET

    def _part_of(self, what: str, width: Form, grain: str) -> str:
        """The name of this member's part of a width."""
        made = f"part_of(call, {extent(width)}, {grain})"
        if made not in self.parts:
            self.parts[made] = identifier(what, {*self.names.values(), *self.parts.values()})
        return self.parts[made]

    def _product(self, call: Call, first: str, count: str, part: str = "") -> str:
        """The product of some rows: of all results, or of a part."""
        packed = self._packed(call)
        names = ", ".join(call.group.matrices[call.first : call.last])
        read = f"{names} @ {self._operand_of(call.group)}"
        if call.transposed:
            read = f"the gradient of {self._operand_of(call.group)}, through {names}"
        results = part or f"(struct part){{0, {extent(packed.results)}}}"
        return (
            f"\n{as_comment(read)}\nalgebra->product(\n"
            f"    {self.row_of(call.out, first)}, {extent(call.out.buffer.width)},\n"
            f"    {self.row_of(call.vector, first)}, {extent(call.vector.buffer.width)}, "
            f"{count},\n"
            f"    {self.names[packed.buffer]}, {results}, "
            f"{extent(packed.operands)}, {int(call.onto)});"
        )

    def _packed(self, call: Call) -> Packed:
        return next(packed for packed in self.loop.packed if packed.is_of(call))

    def _operand_of(self, group: Group) -> str:
        """What is multiplied, as the cell's author wrote it."""
        cell = self.plan.step.cell
        names = {equation.value: equation.name for equation in cell.equations}
        wrote = next(p for p in cell.products if p.args[0].label == group.matrices[0])
        return show_briefly(wrote.args[1], TEXT, names)

    def row_of(self, place: Place, row: str) -> str:
        """The address of a place in a row."""
        buffer = place.buffer
        in_step = f"(now.row + {row})" if row != "0" else "now.row"
        in_step = row if row in _OF_BLOCK else in_step
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
                yield f"clear(call, slice, {self.names[buffer]}, {extent(buffer.width)});"

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
                yield f"copy_rows(call, {names}, begin, now.count, {extent(carried.width)});"
        if self.name == "backward":
            yield MEET
        for buffer in self.loop.buffers:
            if buffer.role[0] == "sum":
                of_step = self.of_role["step_sum", *buffer.role[1:]]
                total, part = (self.row_of(Place(b, b.width), "") for b in (buffer, of_step))
                yield f"add_up({total}, {part}, {extent(buffer.width)});"


def _function(head: str, lines: Sequence[str]) -> str:
    body = indent("\n".join(lines), "    ")
    return f"{head}\n{{\n{body}\n}}\n"
