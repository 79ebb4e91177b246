"""A compiled cell at given widths: its functions in C and the memory that they work on."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor

from unrolled.compiler import emit_c
from unrolled.compiler.loops import Loop, Packed
from unrolled.compiler.plan import Plan, plan_of
from unrolled.compiler.step import Group
from unrolled.errors import UnrolledError
from unrolled.lang.cell import Cell
from unrolled.lang.forms import value_of
from unrolled.runtime import team
from unrolled.runtime.library_cache import load_library
from unrolled.runtime.rows import Rows

Buffers: TypeAlias = dict[tuple[str, ...], Tensor]
"""Tensors by their role in the generated code, as rows."""

ZEROED = ("sum", "step_sum")
HEADERS = Path(emit_c.__file__).parent / "c"
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


@lru_cache(maxsize=1)
def headers() -> dict[str, str]:
    """The files that generated code includes."""
    return {path.name: path.read_text() for path in sorted(HEADERS.glob("*.h"))}


@dataclass(frozen=True, eq=False)
class Library:
    """The two functions of a cell."""

    forward: Any
    backward: Any
    panel: int


_failures: dict[tuple[Plan, bool], UnrolledError] = {}


@lru_cache(maxsize=256)
def library_of(plan: Plan, *, double: bool) -> Library:
    """The plan as machine code, compiled now or taken from the cache.

    What failed once fails again at once, so that `auto` does not wait for a broken compiler at
    every call.

    Raises:
        NoCompilerError: There is no C compiler.
        CompilerFailedError: The compiler refuses.
        CompilerTimeoutError: The compiler takes too long.
    """
    if (plan, double) in _failures:
        raise _failures[plan, double]
    try:
        return _library_of(plan, double=double)
    except UnrolledError as error:
        _failures[plan, double] = error
        raise


def _library_of(plan: Plan, *, double: bool) -> Library:
    loaded = load_library(
        emit_c.emit(plan), name=plan.step.cell.name, headers=headers(), double=double
    )
    return Library(loaded.forward, loaded.backward, int(loaded.panel()))


@dataclass(frozen=True, eq=False)
class Piece:
    """A buffer with its width as a number."""

    role: tuple[str, ...]
    rows: str
    width: int


@dataclass(frozen=True, eq=False)
class Product:
    """A group of products: which rows of which stored matrix, times which vector."""

    group: Group
    begin: int
    end: int


class Kernel:
    """A plan at given widths, in one dtype."""

    def __init__(self, plan: Plan, sizes: Mapping[str, int], dtype: torch.dtype) -> None:
        self.plan = plan
        self.sizes = sizes
        self.dtype = dtype
        self.library = library_of(plan, double=dtype == torch.float64)
        self.numbers = (ctypes.c_long * len(plan.symbols))(*(sizes[name] for name in plan.symbols))
        self.forward_pieces = self._pieces(plan.forward)
        self.backward_pieces = self._pieces(plan.backward)
        self.early = [self._product(g) for g in plan.step.groups if g.early]
        self.late = [self._product(g) for g in plan.step.groups if not g.early]
        self.work = sum((p.end - p.begin) * self.width(p.group.operand) for p in self.late)

    def width(self, node: Any) -> int:
        """How wide a value is."""
        return int(value_of(self.plan.step.graph.widths[node], self.sizes))

    def _fits(self, buffer: Tensor, numbers: int) -> bool:
        """Whether C may work on a tensor: it knows neither dtype nor strides nor bounds."""
        return buffer.dtype == self.dtype and buffer.numel() >= numbers and buffer.is_contiguous()

    def _pieces(self, loop: Loop) -> tuple[Piece, ...]:
        found = {packed.buffer: self._packed_size(packed) for packed in loop.packed}
        found |= {buffer: self._stored_size(key) for key, buffer in loop.weights.items()}
        return tuple(
            Piece(b.role, b.rows, found[b] if b in found else int(value_of(b.width, self.sizes)))
            for b in loop.buffers
        )

    def _stored_size(self, key: str) -> int:
        rows, columns = self.plan.step.layout.shapes(self.sizes)[f"weight_{key}"]
        return rows * columns

    def _packed_size(self, packed: Packed) -> int:
        results = int(value_of(packed.results, self.sizes))
        operands = int(value_of(packed.operands, self.sizes))
        panel = self.library.panel
        return -(-results // panel) * panel * operands

    def _product(self, group: Group) -> Product:
        blocks = self.plan.step.layout.blocks(self.sizes)
        names = group.matrices
        return Product(group, blocks[names[0]].start, blocks[names[-1]].stop)

    def slices(self, batch: int) -> int:
        """Among how many threads the rows are split."""
        return max(1, min(team.size(), batch, batch * self.work // WORTH_A_SLICE))

    def run(self, name: Literal["forward", "backward"], rows: Rows, found: Buffers) -> None:
        """Call the C; buffers that are not found are made, and put there."""
        pieces = self.forward_pieces if name == "forward" else self.backward_pieces
        slices = self.slices(rows.batch)
        counts = {"steps": rows.total, "batch": rows.batch, "once": 1}
        for piece in pieces:
            count = counts.get(piece.rows, slices)
            if piece.role[0] == "side" and rows.lengths is None:
                count = 0
            if piece.role not in found:
                make = torch.zeros if piece.role[0] in ZEROED else torch.empty
                found[piece.role] = make((count, piece.width), dtype=self.dtype)
            assert self._fits(found[piece.role], count * piece.width), piece
        at = (ctypes.c_void_p * len(pieces))(*(found[piece.role].data_ptr() for piece in pieces))
        bounds = rows.bounds(slices)
        call = Call(
            steps=rows.steps,
            starts=rows.starts.data_ptr(),
            counts=rows.counts.data_ptr(),
            reverse=rows.reverse,
            packed=0,
            slices=slices,
            bounds=bounds.data_ptr(),
            sizes=ctypes.addressof(self.numbers),
            at=ctypes.addressof(at),
            parallel=team.entry(),
        )
        at_once = max(1, WORTH_A_SIGNAL // (1 + rows.batch * self.work))
        for start in range(0, rows.steps, at_once):
            call.from_, call.to = start, min(start + at_once, rows.steps)
            getattr(self.library, name)(ctypes.byref(call))
            call.packed = 1


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
