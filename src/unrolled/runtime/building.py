"""From a cell to its program.

Products that read the same vector become one stacked product. Values that depend on no state run
before the loop, on all time steps at once; a product starts from what its sum knows by then.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial

from torch import Tensor

from unrolled.compiler.layout import Layout, Stack, layout_of
from unrolled.compiler.probes import probed
from unrolled.compiler.stages import recurrent_nodes, timed_nodes
from unrolled.compiler.sums import sums_of
from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node
from unrolled.runtime.meaning import MEANING
from unrolled.runtime.products import (
    folded,
    product_or_gather,
    product_plus,
    rows_of,
    side_by_side,
    split_rows,
)
from unrolled.runtime.program import Instruction, Program


@lru_cache(maxsize=256)
def program_for(cell: Cell, sizes: tuple[tuple[str, int], ...], *, training: bool) -> Program:
    """The program of a cell at these widths; masks are random inputs only in training.

    Raises:
        SizeError: The widths break an equation of the cell.
    """
    return _Builder(cell, dict(sizes), training=training).build()


def probed_program(
    cell: Cell, sizes: tuple[tuple[str, int], ...], names: tuple[str, ...]
) -> Program:
    """The program of a cell with probes; all its masks are inputs, those of probes among them.

    Raises:
        SizeError: The widths break an equation of the cell.
    """
    return program_for(probed(cell, names), sizes, training=True)


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
        self.known: dict[Node, float] = {}
        self.stack_slots = {stack.key: self._slot() for stack in self.layout.stacks}
        self.block_slots: dict[tuple[int, str], int] = {}
        self.gather_slot = self._slot()
        self.reads_input = cell.input in cell.named.values()
        self.sums = sums_of(cell, self.recurrent)
        self.addends: dict[tuple[int, str], int] = {}
        self.timed_slots: set[int] = set()
        self.zero = self._slot()

    def build(self) -> Program:
        for leaf in (self.cell.input, *self.cell.states, *self.cell.leaves("mask")):
            self._place(leaf, self._slot())
        for node in self.cell.nodes:
            if node not in self.slots and node.op != "matrix" and node not in self.recurrent:
                self._place(node, self._emit(node))
        early = {root: self._early(root) for root in self.sums.by_root}
        for node in self.cell.nodes:
            if node in early:
                self._place(node, self._sum(node, early[node]))
            elif node not in self.slots and node.op != "matrix" and not self._is_swallowed(node):
                self._place(node, self._emit(node))
        return Program(
            self.cell,
            self.sizes,
            self.layout,
            self.blocks,
            self.count,
            tuple(self.before),
            tuple(self.within),
            self._stepped(),
            ((self.zero, 0.0), *((self.slots[node], v) for node, v in self.known.items())),
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

    def _place(self, node: Node, slot: int) -> None:
        self.slots[node] = slot
        if node in self.timed and node not in self.recurrent:
            self.timed_slots.add(slot)

    def _is_swallowed(self, node: Node) -> bool:
        return node in self.sums.swallowed and node in self.recurrent

    def _early(self, root: Node) -> int:
        """The slot of a sum's input-only part, from which one of its products may start."""
        terms = self.sums.by_root[root]
        self.reads_input |= self.cell.input in terms.early
        slots = [self.slots[term] for term in terms.early]
        slot = self._added(slots, self.before)
        if any(s in self.timed_slots for s in slots):
            self.timed_slots.add(slot)
        for term in terms.late:
            if term.op == "product" and self.layout.stack_of(term) and self._is_only(term):
                self.addends[self._key(term)] = slot
                break
        return slot

    def _sum(self, root: Node, early: int) -> int:
        """The slot of a whole sum; a product that started from the early part has it already."""
        late = self.sums.by_root[root].late
        started = any(self._starts_from(term, early) for term in late)
        slots = [self.slots[term] for term in late]
        return self._added(slots if started else [early, *slots], self.within)

    def _starts_from(self, term: Node, early: int) -> bool:
        return term.op == "product" and self.addends.get(self._key(term)) == early

    def _key(self, product: Node) -> tuple[int, str]:
        """What a product computes: its vector's structure and its matrix."""
        matrix, operand = product.args
        return self.layout.structures[operand], matrix.label

    def _is_only(self, product: Node) -> bool:
        """Whether a product's value is read once, by its sum alone."""
        same = [other for other in self.cell.products if self._key(other) == self._key(product)]
        return len(same) == 1 and self.sums.uses[product] == 1

    def _added(self, slots: list[int], where: list[Instruction]) -> int:
        total = slots[0]
        for slot in slots[1:]:
            result = self._slot()
            where.append(Instruction(MEANING["add"], (total, slot), (result,)))
            total = result
        return total

    def _parts(self, family: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Slots and lengths of the vectors that are stored as one."""
        by_label = {node.label: self.slots[node] for node in self.cell.leaves("vector")}
        labels = self.layout.labels(family)
        lengths = (self.blocks[label].stop - self.blocks[label].start for label in labels)
        return tuple(by_label[label] for label in labels), tuple(lengths)

    def _emit(self, node: Node) -> int:
        """The slot of a node's value, after writing the instructions that fill it."""
        if node.op == "constant":
            self.known[node] = float(node.attribute)  # pyright: ignore
        if node.op in ("constant", "vector"):
            return self._slot()
        if node.op == "product":
            return self._product(node)
        return self._operation(node)

    def _operation(self, node: Node) -> int:
        call = MEANING[node.op]
        if node.op == "slice":
            call = partial(call, *node.attribute)  # pyright: ignore
        self.reads_input |= self.cell.input in node.args
        slot = self._slot()
        if all(argument in self.known for argument in node.args):
            self.known[node] = folded(call, [self.known[argument] for argument in node.args])
            return slot
        reads = tuple(self.slots[argument] for argument in node.args)
        self._write(node, Instruction(call, reads, (slot,)))
        return slot

    def _product(self, node: Node) -> int:
        stack = self.layout.stack_of(node)
        if stack is None:
            return self._lone_product(node)
        key = self._key(node)
        if key not in self.block_slots:
            self._stacked_product(node, stack)
        return self.block_slots[key]

    def _stacked_product(self, node: Node, stack: Stack) -> None:
        """One product for all matrices that read this vector, cut into the matrices' parts."""
        operand = node.args[1]
        call, read = self._reader(operand)
        whole = self._slot()
        rows = [self.blocks[name].stop - self.blocks[name].start for name in stack.matrices]
        reads = (self.stack_slots[stack.key], read)
        if (start := self._start(stack, self._key(node)[0], rows)) is not None:
            call, reads = product_plus, (*reads, start)
        self._write(node, Instruction(call, reads, (whole,)))
        parts = tuple(self._slot() for _ in stack.matrices)
        if len(parts) == 1:
            parts = (whole,)
        else:
            self._write(node, Instruction(partial(split_rows, rows), (whole,), parts))
        structure = self.layout.structures[operand]
        for name, slot in zip(stack.matrices, parts, strict=True):
            self.block_slots[structure, name] = slot

    def _start(self, stack: Stack, structure: int, rows: list[int]) -> int | None:
        """The slot of what a stacked product starts from, if any of its matrices has something."""
        addends = [self.addends.get((structure, name), self.zero) for name in stack.matrices]
        if set(addends) == {self.zero}:
            return None
        slot = self._slot()
        reads = (self.stack_slots[stack.key], *addends)
        self.before.append(Instruction(partial(side_by_side, rows), reads, (slot,)))
        if any(addend in self.timed_slots for addend in addends):
            self.timed_slots.add(slot)
        return slot

    def _lone_product(self, node: Node) -> int:
        """A product with some rows of a stack that belongs to another vector."""
        matrix, operand = node.args
        block = self.blocks[matrix.label]
        call, read = self._reader(operand)
        rows, whole = self._slot(), self._slot()
        cut = partial(rows_of, block.start, block.stop)
        self.before.append(Instruction(cut, (self.stack_slots[block.key],), (rows,)))
        self._write(node, Instruction(call, (rows, read), (whole,)))
        return whole

    def _reader(self, operand: Node) -> tuple[Callable[..., Tensor], int]:
        """How a product reads its vector: x itself may be whole numbers that pick columns."""
        if operand is self.cell.input:
            return product_or_gather, self.gather_slot
        return MEANING["product"], self.slots[operand]

    def _write(self, node: Node, instruction: Instruction) -> None:
        (self.within if node in self.recurrent else self.before).append(instruction)

    def _stepped(self) -> tuple[int, ...]:
        """Slots that hold a whole sequence and are read one step at a time."""
        read = {slot for instruction in self.within for slot in instruction.reads}
        read |= {self.slots[node] for node in self.cell.named.values()}
        return tuple(sorted(self.timed_slots & read))
