"""A cell as instructions: what runs once for the whole sequence, and what runs at each step.

Products that read the same vector become one stacked product. Values that depend on no state run
before the loop, on all time steps at once.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.compiler.layout import Layout, Stack, layout_of
from unrolled.compiler.stages import recurrent_nodes, timed_nodes
from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node
from unrolled.runtime.meaning import MEANING


class Instruction(NamedTuple):
    """One call: the function, the slots it reads, the slots its results go to."""

    call: Callable[..., Any]
    reads: tuple[int, ...]
    writes: tuple[int, ...]


class Program(NamedTuple):
    """A cell made ready to run; slots number the values that a run holds."""

    cell: Cell
    sizes: Mapping[str, int]
    slot_count: int
    before: tuple[Instruction, ...]
    within: tuple[Instruction, ...]
    stepped: tuple[int, ...]
    constants: tuple[tuple[int, float], ...]
    input_slot: int
    gather_slot: int
    reads_input: bool
    state_slots: tuple[int, ...]
    state_widths: tuple[int, ...]
    result_slots: tuple[int, ...]
    named_slots: Mapping[str, int]
    mask_slots: Mapping[str, int]
    mask_widths: Mapping[str, int]
    stack_slots: tuple[int, ...]
    bias_slots: tuple[int, ...]
    bias_sizes: tuple[int, ...]
    vector_slots: tuple[int, ...]
    vector_sizes: tuple[int, ...]


@lru_cache(maxsize=256)
def program_for(cell: Cell, sizes: tuple[tuple[str, int], ...], *, training: bool) -> Program:
    """The program of a cell at these widths; masks are random inputs only in training.

    Raises:
        SizeError: The widths break an equation of the cell.
    """
    return _Builder(cell, dict(sizes), training=training).build()


class _Builder:
    """Numbers the values of a graph and writes its instructions."""

    def __init__(self, cell: Cell, sizes: Mapping[str, int], *, training: bool) -> None:
        self.cell = cell
        self.sizes = sizes
        self.layout: Layout = layout_of(cell)
        self.blocks = self.layout.blocks(sizes)
        self.widths = self.layout.widths.resolve(sizes)
        self.recurrent = recurrent_nodes(cell)
        self.timed = timed_nodes(cell, stepped_masks=training)
        self.slots: dict[Node, int] = {}
        self.count = 0
        self.before: list[Instruction] = []
        self.within: list[Instruction] = []
        self.constants: list[tuple[int, float]] = []
        self.stack_slots = {stack.key: self._slot() for stack in self.layout.stacks}
        self.block_slots: dict[tuple[int, str], int] = {}
        self.gather_slot = self._slot()
        self.reads_input = False

    def build(self) -> Program:
        for leaf in (self.cell.input, *self.cell.states, *self.cell.leaves("mask")):
            self.slots[leaf] = self._slot()
        for node in self.cell.nodes:
            if node not in self.slots and node.op != "matrix":
                self.slots[node] = self._emit(node)
        return Program(
            self.cell,
            self.sizes,
            self.count,
            tuple(self.before),
            tuple(self.within),
            self._stepped(),
            tuple(self.constants),
            self.slots[self.cell.input],
            self.gather_slot,
            self.reads_input,
            tuple(self.slots[state] for state in self.cell.states),
            tuple(self.widths[state] for state in self.cell.states),
            tuple(self.slots[result] for result in self.cell.results),
            {name: self.slots[node] for name, node in self.cell.named.items()},
            {mask.label: self.slots[mask] for mask in self.cell.leaves("mask")},
            {mask.label: self.widths[mask] for mask in self.cell.leaves("mask")},
            tuple(self.stack_slots.values()),
            *self._parts("b."),
            *self._parts("p."),
        )

    def _slot(self) -> int:
        self.count += 1
        return self.count - 1

    def _parts(self, family: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Slots and lengths of the vectors that are stored as one."""
        by_label = {node.label: self.slots[node] for node in self.cell.leaves("vector")}
        labels = self.layout.labels(family)
        lengths = (self.blocks[label].stop - self.blocks[label].start for label in labels)
        return tuple(by_label[label] for label in labels), tuple(lengths)

    def _emit(self, node: Node) -> int:
        """The slot of a node's value, after writing the instructions that fill it."""
        if node.op == "constant":
            slot = self._slot()
            self.constants.append((slot, float(node.attribute)))  # pyright: ignore
            return slot
        if node.op == "vector":
            return self._slot()
        if node.op == "product":
            return self._product(node)
        return self._operation(node)

    def _operation(self, node: Node) -> int:
        call = MEANING[node.op]
        if node.op == "slice":
            call = partial(call, *node.attribute)  # pyright: ignore
        self.reads_input |= self.cell.input in node.args
        if all(argument.op == "constant" for argument in node.args):
            return self._folded(call, node)
        slot = self._slot()
        reads = tuple(self.slots[argument] for argument in node.args)
        self._write(node, Instruction(call, reads, (slot,)))
        return slot

    def _folded(self, call: Callable[..., Any], node: Node) -> int:
        """The slot of a value that needs only constants, computed now."""
        operands = [torch.tensor(a.attribute, dtype=torch.float64) for a in node.args]
        slot = self._slot()
        self.constants.append((slot, float(call(*operands))))
        return slot

    def _product(self, node: Node) -> int:
        matrix, operand = node.args
        stack = self.layout.stack_of(node)
        if stack is None:
            return self._lone_product(node)
        key = (self.layout.structures[operand], matrix.label)
        if key not in self.block_slots:
            self._stacked_product(node, stack)
        return self.block_slots[key]

    def _stacked_product(self, node: Node, stack: Stack) -> None:
        """One product for all matrices that read this vector, cut into the matrices' parts."""
        operand = node.args[1]
        call, read = self._reader(operand)
        whole = self._slot()
        self._write(node, Instruction(call, (self.stack_slots[stack.key], read), (whole,)))
        parts = tuple(self._slot() for _ in stack.matrices)
        rows = [self.blocks[name].stop - self.blocks[name].start for name in stack.matrices]
        if len(parts) == 1:
            parts = (whole,)
        else:
            self._write(node, Instruction(partial(_split, rows), (whole,), parts))
        structure = self.layout.structures[operand]
        for name, slot in zip(stack.matrices, parts, strict=True):
            self.block_slots[structure, name] = slot

    def _lone_product(self, node: Node) -> int:
        """A product with some rows of a stack that belongs to another vector."""
        matrix, operand = node.args
        block = self.blocks[matrix.label]
        call, read = self._reader(operand)
        rows, whole = self._slot(), self._slot()
        cut = partial(_rows, block.start, block.stop)
        self.before.append(Instruction(cut, (self.stack_slots[block.key],), (rows,)))
        self._write(node, Instruction(call, (rows, read), (whole,)))
        return whole

    def _reader(self, operand: Node) -> tuple[Callable[..., Tensor], int]:
        """How a product reads its vector: x itself may be whole numbers that pick columns."""
        if operand is self.cell.input:
            return _product_or_gather, self.gather_slot
        return MEANING["product"], self.slots[operand]

    def _write(self, node: Node, instruction: Instruction) -> None:
        (self.within if node in self.recurrent else self.before).append(instruction)

    def _stepped(self) -> tuple[int, ...]:
        """Slots that hold a whole sequence and are read one step at a time."""
        whole = {self.slots[n] for n in self.timed - self.recurrent if n in self.slots}
        read = {slot for instruction in self.within for slot in instruction.reads}
        read |= {self.slots[node] for node in self.cell.named.values()}
        return tuple(sorted(whole & read))


def _split(rows: list[int], whole: Tensor) -> tuple[Tensor, ...]:
    return whole.split(rows, dim=-1)


def _rows(start: int, stop: int, stack: Tensor) -> Tensor:
    return stack[start:stop]


def _product_or_gather(matrix: Tensor, x: Tensor) -> Tensor:
    """W @ x; whole numbers stand for one-hot vectors and pick columns of W, with no product."""
    return F.linear(x, matrix) if x.is_floating_point() else F.embedding(x, matrix.t())
