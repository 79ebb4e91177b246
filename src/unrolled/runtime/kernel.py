"""A compiled cell at given widths: its functions in C, and the memory that they work on."""

import ctypes
import json
import math
from collections.abc import Container, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from unrolled.compiler.loops import Loop
from unrolled.compiler.plan import Plan, plan_of
from unrolled.compiler.schedule import Buffer, Place
from unrolled.errors import StoredCellError
from unrolled.lang.cell import Cell
from unrolled.lang.forms import Form, value_of
from unrolled.lang.nodes import Node
from unrolled.lang.stored import from_json, to_json
from unrolled.runtime import team
from unrolled.runtime.building import program_for
from unrolled.runtime.library import library_of
from unrolled.runtime.memory import Memory, Part, empty
from unrolled.runtime.rows import Rows, Split

FREE = frozenset(
    ("scratch", "side", "packed", "next", "step_sum", "panels", "operand", "gradient", "sum")
    + ("product", "kept", "state", "gradient_of", "flow")
)
"""Roles of memory that is made for one run, where nobody provides it."""
FEW = 64  # arrangements of memory that a kernel remembers
ALIGNED = 16  # numbers; a cache line
WORTH_A_SIGNAL = 10**10  # multiplications in one call, during which Python hears no Ctrl-C
WORTH_A_SLICE = 80_000  # multiplications of a step's rows, below which another thread costs more
WORTH_MEETING = 12_000  # the same where threads share the rows and meet after each part of a step
WORTH_A_TEAM = 2_000_000  # multiplications of a run, below which threads do not begin to meet
ROWS_TOGETHER = 256  # rows of a block of steps, whose input products are done together


class Call(ctypes.Structure):
    """One run over a sequence, as `struct call` of loop.h."""

    _fields_ = [
        ("steps", ctypes.c_long),
        ("from_", ctypes.c_long),
        ("to", ctypes.c_long),
        ("starts", ctypes.c_void_p),
        ("counts", ctypes.c_void_p),
        ("reverse", ctypes.c_long),
        ("packed", ctypes.c_long),
        ("block", ctypes.c_long),
        ("slices", ctypes.c_long),
        ("bounds", ctypes.c_void_p),
        ("shared", ctypes.c_long),
        ("member", ctypes.c_long),
        ("members", ctypes.c_long),
        ("arrivals", ctypes.c_void_p),
        ("sizes", ctypes.c_void_p),
        ("at", ctypes.c_void_p),
        ("symbols", ctypes.c_void_p),
        ("parallel", ctypes.c_void_p),
        ("present", ctypes.c_void_p),
        ("algebra", ctypes.c_void_p),
    ]


class Piece(NamedTuple):
    """A buffer: so many rows of so many numbers."""

    role: tuple[str, ...]
    rows: str
    width: int


class Columns(NamedTuple):
    """Some columns of a buffer: a place, with its widths as numbers."""

    role: tuple[str, ...]
    begin: int
    end: int


class Arrangement(NamedTuple):
    """Where the pieces of a run lie."""

    provided: list[tuple[int, tuple[str, ...]]]
    """Pieces that the caller provides, by their roles."""
    free: list[tuple[int, int]]
    """Pieces of memory made for the run, and where in it they begin."""
    end: int


class Direction:
    """One of a kernel's two functions."""

    def __init__(self, kernel: "Kernel", loop: Loop, function: Any) -> None:
        self.function = function
        self.address = ctypes.cast(function, ctypes.c_void_p).value
        self.kernel = kernel
        self.pieces = [
            Piece(buffer.role, buffer.rows, self._width(buffer, loop)) for buffer in loop.buffers
        ]
        self._arrangements: dict[Any, Arrangement] = {}
        self.addresses = ctypes.c_void_p * len(self.pieces)
        self.widths = {piece.role: piece.width for piece in self.pieces}

    def _width(self, buffer: Buffer, loop: Loop) -> int:
        """A row's numbers; of weights, all of them."""
        kernel, kind = self.kernel, buffer.role[0]
        if kind in ("weight", "gradient_of_weight"):
            return kernel.stored[buffer.role[1]]
        packed = next((packed for packed in loop.packed if packed.buffer is buffer), None)
        if packed is not None:
            return kernel.padded(packed.results) * kernel.number(packed.operands)
        if kind == "panels":
            return kernel.padded(buffer.width) * kernel.algebra.rows_at_once
        return kernel.number(buffer.width)

    def run(self, rows: Rows, memory: Memory) -> None:
        """Call the C, in parts so short that Ctrl-C is heard between them.

        Args:
            rows: The lengths and the direction.
            memory: What it reads and leaves; all else is made for this run.
        """
        call, _held = self.prepare(rows, memory)
        steps, at_once = rows.steps, max(1, WORTH_A_SIGNAL // (1 + rows.batch * self.kernel.work))
        for begin in range(0, steps, at_once):
            call.from_, call.to, call.packed = begin, min(begin + at_once, steps), begin > 0
            self.function(ctypes.byref(call))

    def prepare(self, rows: Rows, memory: Memory) -> tuple[Call, Any]:
        """The call that makes all steps, and what must live as long as it.

        Args:
            rows: The lengths and the direction.
            memory: What it reads and leaves; it must live as long, too.
        """
        split, provided = self.kernel.split(rows), memory.at
        sizes = rows.total, rows.batch, split.slices, rows.lengths is not None
        arrangement = self._arranged(tuple(provided), sizes)
        arena = empty((arrangement.end,), self.kernel.dtype)
        at, start, size = self.addresses(), arena.data_ptr(), arena.element_size()
        for index, role in arrangement.provided:
            at[index] = provided[role]
        for index, begin in arrangement.free:
            at[index] = start + begin * size
        starts, counts, bounds = rows.in_memory(split)
        call = Call(
            rows.steps, 0, rows.steps, starts, counts, rows.reverse, False,
            -(-ROWS_TOGETHER // max(1, rows.batch)), split.slices, bounds, split.shared, 0, 1, 0,
            ctypes.addressof(self.kernel.sizes_in_c), ctypes.addressof(at), memory.symbols,
            *team.entries(), self.kernel.algebra.address,
        )  # fmt: skip
        return call, (at, arena, rows)

    def _arranged(
        self, provided: tuple[tuple[str, ...], ...], sizes: tuple[int, int, int, bool]
    ) -> Arrangement:
        """Where each piece lies: known for a few sizes, since most runs are like the one before."""
        key = provided, sizes
        found = self._arrangements.get(key)
        if found is None:
            if len(self._arrangements) >= FEW:
                self._arrangements = {}
            found = self._arrangements[key] = self._arrange(frozenset(provided), *sizes)
        return found

    def _arrange(
        self, provided: Container[tuple[str, ...]], total: int, batch: int, slices: int, mixed: bool
    ) -> Arrangement:
        counts = {"steps": total, "batch": batch, "once": 1, "row": slices, "slice": slices}
        made = Arrangement([], [], 0)
        end = 0
        for index, (role, kind, width) in enumerate(self.pieces):
            if role in provided:
                made.provided.append((index, role))
                continue
            assert role[0] in FREE, role
            made.free.append((index, end))
            if role[0] != "side" or mixed:
                end += -(-counts[kind] * width // ALIGNED) * ALIGNED
        return made._replace(end=end)


class Kernel:
    """A plan at given widths, in one dtype."""

    def __init__(self, plan: Plan, sizes: Mapping[str, int], dtype: torch.dtype) -> None:
        self.plan = plan
        self.sizes = sizes
        self.dtype = dtype
        self.program = program_for(plan.step.cell, tuple(sizes.items()), training=plan.step.masks)
        library = library_of(plan, double=dtype == torch.float64)
        self.algebra = library.algebra
        self.sizes_in_c = (ctypes.c_long * len(plan.symbols))(*(sizes[s] for s in plan.symbols))
        shapes = plan.step.layout.shapes(sizes)
        self.stored = {s.key: math.prod(shapes[f"weight_{s.key}"]) for s in plan.step.layout.stacks}
        """How many numbers each stored matrix has."""
        self.states = [state.label for state in plan.step.states]
        self.output = "state", self.states[0]
        self.masks = [mask.label for mask in plan.step.cell.leaves("mask")]
        self.stacks = [stack.key for stack in plan.step.layout.stacks]
        self.given = [(leaf.label, plan.step.is_settled(leaf)) for leaf in plan.step.given]
        self.forward = Direction(self, plan.forward, library.forward)
        self.backward = Direction(self, plan.backward, library.backward)
        self.incoming = {name: self.width(leaf) for name, leaf in plan.adjoint.incoming.items()}
        self.recorded = {name: self._columns(place) for name, place in plan.recorded.items()}
        self.stored_flows = {leaf.label for leaf in plan.adjoint.leaves}
        self.watched = [name for names in plan.step.watched_names.values() for name in names]
        self.kept = self._kept()
        self.work = self._work()
        self.text = self._text()
        """Everything about this kernel, for `kernel_of`."""

    def zeros(self, *shape: int) -> Tensor:
        """Fresh ones, in the kernel's dtype."""
        return torch.zeros(shape, dtype=self.dtype, device="cpu")

    def number(self, form: Form) -> int:
        """A width as a number."""
        return int(value_of(form, self.sizes))

    def padded(self, form: Form) -> int:
        """A width in full panels."""
        panel = self.algebra.panel
        return -(-self.number(form) // panel) * panel

    def width(self, node: Node) -> int:
        """How wide a value is."""
        return self.number(self.plan.step.graph.widths[node])

    def split(self, rows: Rows) -> Split:
        """How threads share the work of a run."""
        threads, work = team.size(), rows.batch * self.work
        members = min(threads, work // WORTH_MEETING)
        few, long = rows.batch <= threads, rows.steps * work >= WORTH_A_TEAM
        if few and long and members > 1 and rows.are_equal:
            return Split(members, shared=True)
        return Split(max(1, min(threads, rows.batch, work // WORTH_A_SLICE)))

    def _kept(self) -> dict[tuple[str, ...], Part]:
        """What the forward leaves for the backward alone, or to be recorded, end to end."""
        wanted = {piece.role for piece in self.backward.pieces}
        wanted |= {place.role for place in self.recorded.values()}
        found: dict[tuple[str, ...], Part] = {}
        begin = 0
        for piece in self.forward.pieces:
            inside = piece.role[0] in ("product", "kept", "state", "recorded")
            if piece.role in wanted and inside and piece.role != self.output:
                found[piece.role] = Part(begin, piece.width)
                begin += piece.width
        return found

    @property
    def kept_width(self) -> int:
        """The numbers of a row and step that the forward keeps."""
        return sum(part.width for part in self.kept.values())

    def _work(self) -> int:
        """Multiplications of a row's step, forward."""
        packed = self.plan.forward.packed
        return sum(self.number(p.results) * self.number(p.operands) for p in packed)

    def _text(self) -> str:
        step = self.plan.step
        facts = {"cell": to_json(step.cell), "sizes": dict(self.sizes), "masks": step.masks}
        facts |= {"double": self.dtype is torch.float64, "record": list(step.recorded)}
        facts |= {"watch": self.watched}
        return json.dumps(facts)

    def _columns(self, place: Place) -> Columns:
        begin = self.number(place.offset)
        return Columns(place.buffer.role, begin, begin + self.number(place.width))


_told: WeakValueDictionary[str, Kernel] = WeakValueDictionary()


@lru_cache(maxsize=256)
def kernel_for(
    cell: Cell,
    sizes: tuple[tuple[str, int], ...],
    dtype: torch.dtype,
    *,
    masks: bool,
    record: tuple[str, ...] = (),
    watch: tuple[str, ...] = (),
) -> Kernel:
    """The compiled cell at these widths.

    Args:
        cell: The equations.
        sizes: The size of each width symbol.
        dtype: float32 or float64.
        masks: Whether its masks are random inputs; else each is its expectation.
        record: Names of the equations whose values are wanted for all steps.
        watch: Names of the equations whose gradients are wanted for all steps.

    Raises:
        NoCompilerError: There is no C compiler.
        CompilerFailedError: The compiler refuses.
        SizeError: The widths break an equation of the cell.
    """
    made = Kernel(plan_of(cell, masks=masks, record=record, watch=watch), dict(sizes), dtype)
    return _told.setdefault(made.text, made)


def kernel_of(text: str) -> Kernel:
    """The kernel that tells this text of itself, in this process or another.

    Raises:
        StoredCellError: The text tells of no cell.
        NoCompilerError: There is no C compiler.
        CompilerFailedError: The compiler refuses.
    """
    known = _told.get(text)
    if known is None:
        known = _told[text] = _kernel_from(text)
    return known


def _kernel_from(text: str) -> Kernel:
    try:
        facts = json.loads(text)
        cell, sizes = from_json(facts["cell"]), tuple(facts["sizes"].items())
        dtype = torch.float64 if facts["double"] else torch.float32
        options = {"masks": bool(facts["masks"]), "record": tuple(facts["record"])}
        options |= {"watch": tuple(facts.get("watch", ()))}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoredCellError(
            reason=f"{type(error).__name__}: {ascii(str(error))[:200]}"
        ) from error
    return kernel_for(cell, sizes, dtype, **options)
