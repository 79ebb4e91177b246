"""The sizes at which layers are measured, and the matrix products that a cell needs at a size."""

import re
from dataclasses import dataclass
from typing import Self

from unrolled.compiler.layout import layout_of
from unrolled.errors import SettingError
from unrolled.lang.cell import Cell

LARGEST = 2**16  # of a batch, of a width: beyond what a machine that runs this holds


@dataclass(frozen=True)
class Point:
    """B sequences side by side, H units, and an input of the same width."""

    batch: int
    width: int

    def __str__(self) -> str:
        return f"{self.batch}x{self.width}"

    @classmethod
    def read(cls, text: str) -> Self:
        """The point that `32x128` stands for.

        Raises:
            SettingError: It is written otherwise, or too large.
        """
        match = re.fullmatch(r"(\d{1,6})[xX×](\d{1,6})", text, re.ASCII)
        numbers = [int(part) for part in match.groups()] if match else []
        if not numbers or not all(0 < number <= LARGEST for number in numbers):
            wanted = f"BxH such as 32x128, each from 1 to {LARGEST}"
            raise SettingError(name="points", got=ascii(text)[:60], wanted=wanted)
        return cls(*numbers)


POINTS = (
    Point(1, 64), Point(1, 128), Point(16, 64), Point(32, 128),
    Point(32, 256), Point(64, 256), Point(32, 512), Point(64, 512),
)  # fmt: skip
QUICK_POINTS = (Point(1, 64), Point(16, 64), Point(32, 128), Point(32, 256))


def sizes_at(cell: Cell, point: Point) -> dict[str, int]:
    """What each width symbol of a cell is at a point; symbols of the cell's own are half of H."""
    own = layout_of(cell).widths.symbols[2:]  # after X and H
    return {"X": point.width, "H": point.width} | {
        symbol: max(1, point.width // 2) for symbol in own
    }


def product_shapes(cell: Cell, point: Point) -> list[tuple[int, int]]:
    """Rows and columns of each stacked matrix that a step multiplies, one for each vector read."""
    layout, sizes = layout_of(cell), sizes_at(cell, point)
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for product in cell.products:
        matrix, operand = product.args
        of_vector = found.setdefault(layout.structures[operand], {})
        of_vector[matrix.label] = layout.widths.shape(matrix.label, sizes)
    return [
        (sum(rows for rows, _ in shapes.values()), next(iter(shapes.values()))[1])
        for shapes in found.values()
    ]


def operations(cell: Cell, point: Point, *, rows: int, backward: bool) -> int:
    """Multiplications and additions in a cell's products.

    Args:
        cell: The cell.
        point: Its size.
        rows: Steps of all sequences together, T*B where none is shorter.
        backward: Count those of the gradients too, which are twice as many.
    """
    per_row = sum(2 * height * width for height, width in product_shapes(cell, point))
    return rows * per_row * (3 if backward else 1)
