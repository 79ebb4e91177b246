"""Printing: numbers that are read back as they are, and lines that stay short."""

import ast
import time

import pytest

from unrolled.lang.cell import Cell, Equation
from unrolled.lang.nodes import Node, in_order
from unrolled.lang.printing import LONGEST, short_equations, show, whole_or_short
from unrolled.lang.tex import tex
from unrolled.lang.text import TEXT, listing

X, H = Node("input", attribute="x"), Node("state", attribute="h")


def cell_of(*equations):
    return Cell("mine", "", X, (H,), equations, (equations[-1].value,))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1.0, "1"),
        (-3.0, "-3"),
        (0.0, "0"),
        (-0.0, "-0.0"),
        (0.1, "0.1"),
        (1e-05, "1e-05"),
        (1e15, "1000000000000000.0"),
        (1e16, "1e+16"),
        (999999999999999.0, "999999999999999"),
        (1 / 3, "0.3333333333333333"),
    ],
)
def test_a_number_is_short_and_reads_back_bit_for_bit(number, text):
    assert whole_or_short(number) == text
    assert float(ast.literal_eval(text)).hex() == number.hex()


def test_a_negative_zero_is_written_as_a_negative_number():
    node = Node("pow", (Node("constant", attribute=-0.0), Node("constant", attribute=2.0)))
    assert show(node, TEXT, {}) == "(-0.0)**2"


def test_lines_that_are_short_stay_as_they_are():
    equations = (Equation("a", X * H), Equation("h", X + H))
    assert short_equations(cell_of(*equations)) == list(equations)


def test_what_is_too_long_gets_a_line_of_its_own_before():
    value = H
    for _ in range(200):
        value = value * X
    cell = cell_of(Equation("part1", X + H), Equation("h", value + value))
    lines = short_equations(cell)
    assert [line.name for line in lines[:2]] == ["part1", "part2"]
    assert lines[-1].name == "h"
    named = set()
    for line in lines:
        assert len(list(in_order([line.value], known=named))) <= LONGEST
        named.add(line.value)


def test_a_stored_graph_without_names_is_written_as_fast_as_it_is_large():
    value = H
    for _ in range(10_000):
        value = value + value
    cell = cell_of(Equation("h", value))
    begin = time.perf_counter()
    assert max(map(len, listing(cell).splitlines())) < 1000
    assert max(map(len, tex(cell).splitlines())) < 4000
    assert time.perf_counter() - begin < 8


def test_a_wide_operation_is_written_on_one_line():
    cell = cell_of(Equation("h", Node("concat", (X, H) * 1000)))
    assert listing(cell) == f"h = concat({', '.join(['x, h'] * 1000)})"
