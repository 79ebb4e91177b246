"""A compiled cell at given widths: its functions in C, and the memory that they work on."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import torch
from torch import Tensor

from unrolled.compiler.loops import Loop
from unrolled.compiler.plan import Plan, plan_of
from unrolled.compiler.schedule import Buffer, Place
from unrolled.compiler.step import Group
from unrolled.lang.cell import Cell
from unrolled.lang.forms import Form, value_of
from unrolled.lang.nodes import Node
from unrolled.runtime import team
from unrolled.runtime.library import library_of
from unrolled.runtime.rows import Rows

Buffers: TypeAlias = dict[tuple[str, ...], Tensor]
"""Tensors by their role in the generated code, as rows."""

SCRATCH = frozenset(("scratch", "side", "packed", "next", "step_sum"))
"""Roles of memory that nobody looks at afterwards."""
ALIGNED = 16  # numbers; a cache line
WORTH_A_SIGNAL = 10**10  # multiplications in one call, during which Python hears no Ctrl-C
WORTH_A_SLICE = 40_000  # multiplications of a step, below which a second thread costs more


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
        ("slices", ctypes.c_long),
        ("bounds", ctypes.c_void_p),
        ("sizes", ctypes.c_void_p),
        ("at", ctypes.c_void_p),
        ("parallel", ctypes.c_void_p),
    ]


@dataclass(frozen=True, eq=False)
class Piece:
    """A buffer as C finds it: where in `call->at`, and how many rows of how many numbers."""

    index: int
    role: tuple[str, ...]
    rows: str
    width: int


@dataclass(frozen=True, eq=False)
class Columns:
    """Some columns of a buffer: a place, with its widths as numbers."""

    role: tuple[str, ...]
    begin: int
    end: int

    def of(self, found: Buffers) -> Tensor:
        """What lies there, in every row."""
        whole = found[self.role]
        width = self.end - self.begin
        return whole if whole.shape[1] == width else whole[:, self.begin : self.end]


@dataclass(frozen=True, eq=False)
class Product:
    """A group of products: which rows of which stored matrix, times what.

    `operand` is the role of what an input's product read, `gradient` where that of its results
    lies after a backward.
    """

    group: Group
    key: str
    begin: int
    end: int
    width: int
    operand: tuple[str, str]
    gradient: Columns


class Direction:
    """One of a kernel's two functions."""

    def __init__(self, kernel: "Kernel", loop: Loop, function: Any) -> None:
        self.function = function
        self.kernel = kernel
        pieces = [
            Piece(index, buffer.role, buffer.rows, self._width(buffer, loop))
            for index, buffer in enumerate(loop.buffers)
        ]
        self.count = len(pieces)
        self.scratch = [piece for piece in pieces if piece.role[0] in SCRATCH]
        self.tensors = [piece for piece in pieces if piece.role[0] not in SCRATCH]

    def _width(self, buffer: Buffer, loop: Loop) -> int:
        """A row's numbers; of weights, all of them."""
        kernel = self.kernel
        if buffer.role[0] == "weight":
            return kernel.stored_size(buffer.role[1])
        packed = next((packed for packed in loop.packed if packed.buffer is buffer), None)
        if packed is None:
            return kernel.number(buffer.width)
        panels = -(-kernel.number(packed.results) // kernel.panel)
        return panels * kernel.panel * kernel.number(packed.operands)

    def run(self, rows: Rows, found: Buffers) -> None:
        """Call the C; tensors that are not found are made, and put there."""
        kernel, dtype = self.kernel, self.kernel.dtype
        slices = kernel.slices(rows.batch)
        counts = {"steps": rows.total, "batch": rows.batch, "once": 1}
        counts |= {"row": slices, "slice": slices}
        at = (ctypes.c_void_p * self.count)()
        for piece in self.tensors:
            count = counts[piece.rows]
            tensor = found.get(piece.role)
            if tensor is None:
                tensor = found[piece.role] = torch.empty((count, piece.width), dtype=dtype)
            assert tensor.dtype is dtype and tensor.is_contiguous(), piece
            assert tensor.numel() >= count * piece.width, piece
            at[piece.index] = tensor.data_ptr()
        arena = self._arena(counts, at, sides=rows.lengths is not None)
        self._call(rows, slices, at)
        del arena  # which had to live until here

    def _arena(self, counts: Mapping[str, int], at: Any, *, sides: bool) -> Tensor:
        """One block of memory for all scratch."""
        ends = [0]
        for piece in self.scratch:
            numbers = counts[piece.rows] * piece.width if sides or piece.role[0] != "side" else 0
            ends.append(ends[-1] + -(-numbers // ALIGNED) * ALIGNED)
        arena = torch.empty(ends[-1], dtype=self.kernel.dtype)
        start, size = arena.data_ptr(), arena.element_size()
        for piece, begin in zip(self.scratch, ends, strict=False):
            at[piece.index] = start + begin * size
        return arena

    def _call(self, rows: Rows, slices: int, at: Any) -> None:
        """The call, in parts so short that Ctrl-C is heard between them."""
        kernel = self.kernel
        sizes, addresses = ctypes.addressof(kernel.sizes_in_c), ctypes.addressof(at)
        starts, counts, bounds = rows.in_memory(slices)
        steps, at_once = rows.steps, max(1, WORTH_A_SIGNAL // (1 + rows.batch * kernel.work))
        for begin in range(0, steps, at_once):
            end = min(begin + at_once, steps)
            call = Call(
                steps, begin, end, starts, counts, rows.reverse, begin > 0, slices, bounds,
                sizes, addresses, team.entry(),
            )  # fmt: skip
            self.function(ctypes.byref(call))


class Kernel:
    """A plan at given widths, in one dtype."""

    def __init__(self, plan: Plan, sizes: Mapping[str, int], dtype: torch.dtype) -> None:
        self.plan = plan
        self.sizes = sizes
        self.dtype = dtype
        library = library_of(plan, double=dtype == torch.float64)
        self.panel = library.panel
        self.sizes_in_c = (ctypes.c_long * len(plan.symbols))(*(sizes[s] for s in plan.symbols))
        self.forward = Direction(self, plan.forward, library.forward)
        self.backward = Direction(self, plan.backward, library.backward)
        self.states = [state.label for state in plan.step.states]
        self.masks = [mask.label for mask in plan.step.cell.leaves("mask")]
        self.stacks = [stack.key for stack in plan.step.layout.stacks]
        self.position = {stack.key: i for i, stack in enumerate(plan.step.layout.stacks)}
        self.incoming = {name: self.width(leaf) for name, leaf in plan.adjoint.incoming.items()}
        self.kept = {node: self._columns(place) for node, place in plan.kept.items()}
        self.recorded = [self._columns(place) for place in plan.recorded.values()]
        self.settled = [plan.step.is_settled(leaf) for leaf in plan.step.given]
        self.early = [self._product(group) for group in plan.step.groups if group.early]
        self.late = [self._product(group) for group in plan.step.groups if not group.early]
        self.work = sum((product.end - product.begin) * product.width for product in self.late)

    def number(self, form: Form) -> int:
        """A width as a number."""
        return int(value_of(form, self.sizes))

    def width(self, node: Node) -> int:
        """How wide a value is."""
        return self.number(self.plan.step.graph.widths[node])

    def stored_size(self, key: str) -> int:
        """How many numbers a stored matrix has."""
        rows, columns = self.plan.step.layout.shapes(self.sizes)[f"weight_{key}"]
        return rows * columns

    def slices(self, batch: int) -> int:
        """Among how many threads the rows are split."""
        return max(1, min(team.size(), batch, batch * self.work // WORTH_A_SLICE))

    def _product(self, group: Group) -> Product:
        blocks = self.plan.step.layout.blocks(self.sizes)
        begin, end = blocks[group.matrices[0]].start, blocks[group.matrices[-1]].stop
        operand = "rows", "x" if group.operand.op == "input" else str(group.operand.attribute)
        gradient = self._columns(self.plan.gradients[group.name])
        width = self.width(group.operand)
        return Product(group, group.key, begin, end, width, operand, gradient)

    def _columns(self, place: Place) -> Columns:
        begin = self.number(place.offset)
        return Columns(place.buffer.role, begin, begin + self.number(place.width))


@lru_cache(maxsize=256)
def kernel_for(
    cell: Cell,
    sizes: tuple[tuple[str, int], ...],
    dtype: torch.dtype,
    *,
    masks: bool,
    record: tuple[str, ...] = (),
) -> Kernel:
    """The compiled cell at these widths.

    Raises:
        NoCompilerError: There is no C compiler.
        CompilerFailedError: The compiler refuses.
        SizeError: The widths break an equation of the cell.
    """
    return Kernel(plan_of(cell, masks=masks, record=record), dict(sizes), dtype)
