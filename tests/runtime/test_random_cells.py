"""Random equations compute what a naive reading of them does."""

import random

import pytest
from tests.runtime.naive import assert_reads_as_naively

from unrolled.lang.trace import read_cell


class Writer:
    """Random equations over x, h and c, as text."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.names = ["x", "h", "c"]

    def leaf(self):
        number = self.random.choice(["0.5", "-1", "tanh(0.5)", "minimum(0.2, exp(-1))"])
        vector = self.random.choice(["b.a", "b.b", "p.a", "p.b", "m", "s"])
        return self.random.choice([self.random.choice(self.names), vector, number])

    def wide(self, depth):
        """An expression that is surely as wide as the states."""
        return f"({self.expression(depth)} + {self.random.choice(['x', 'h', 'c'])})"

    def expression(self, depth):
        if not depth:
            return self.leaf()
        inner = [self.expression(depth - 1) for _ in range(3)]
        matrix = f"W.{self.random.choice('uvw')}"
        shapes = [
            f"tanh({inner[0]})",
            f"sigmoid({inner[0]})",
            f"-({inner[0]}) * 0.5",
            f"({inner[0]} + {inner[1]})",
            f"({inner[0]} - {inner[1]})",
            f"({inner[0]} * tanh({inner[1]}))",
            f"where({inner[0]} > {inner[1]}, {inner[1]}, {inner[2]})",
            f"maximum({inner[0]}, {inner[1]})",
            f"{matrix} @ {self.wide(depth - 1)}",
            f"{matrix} @ {self.random.choice(['x', 'h', 'c'])}",
            f"mean({self.wide(depth - 1)})",
            f"W.j @ concat({self.wide(depth - 1)}, {self.wide(0)})",
        ]
        return self.random.choice(shapes)

    def cell(self, name):
        lines = [
            "@cell",
            f"def {name}(x, h, c, *, W, b, p, m=dropout(0.3), s=zone(0.4, per='sequence')):",
        ]
        for equation in range(self.random.randint(1, 4)):
            bound = self.random.choice([f"e{equation}", "h", "c"])
            lines.append(f"    {bound} = tanh({self.wide(3)})")
            self.names.append(bound)
        return "\n".join([*lines, f"    return tanh({self.wide(2)}), tanh({self.wide(3)})"])


@pytest.mark.parametrize("seed", range(60))
def test_random_equations_compute_what_a_naive_reading_does(seed, tmp_path):
    file = tmp_path / "cells.py"
    file.write_text(Writer(seed).cell("drawn"))
    drawn = read_cell(f"{file}:drawn")
    assert_reads_as_naively(drawn, training=bool(seed % 2))
