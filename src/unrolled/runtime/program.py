"""What a program is: a cell as instructions, those of a whole sequence and those of a step."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from unrolled.compiler.layout import Block, Layout
from unrolled.lang.cell import Cell


class Instruction(NamedTuple):
    """One call: the function, the slots it reads, the slots its results go to."""

    call: Callable[..., Any]
    reads: tuple[int, ...]
    writes: tuple[int, ...]


class Program(NamedTuple):
    """A cell made ready to run; slots number the values that a run holds."""

    cell: Cell
    sizes: Mapping[str, int]
    layout: Layout
    blocks: Mapping[str, Block]
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
