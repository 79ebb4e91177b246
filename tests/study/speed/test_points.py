"""Points are read as people write them, and a cell's products are counted at them."""

import pytest

from unrolled.cells import find_cell
from unrolled.errors import SettingError
from unrolled.study.speed.points import Point, operations, product_shapes, sizes_at

POINT = Point(2, 8)


@pytest.mark.parametrize("text", ["32x128", "32X128", "32×128"])
def test_a_point_is_batch_by_width(text):
    point = Point.read(text)
    assert (point.batch, point.width, str(point)) == (32, 128, "32x128")


@pytest.mark.parametrize("text", ["", "32", "0x8", "8x0", "-1x8", "1x2x3", "1x99999", "1.5x2"])
def test_anything_else_is_refused(text):
    with pytest.raises(SettingError, match="wanted BxH such as 32x128"):
        Point.read(text)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("rnn", [(8, 8), (8, 8)]),
        ("lstm", [(32, 8), (32, 8)]),
        ("gru", [(24, 8), (16, 8), (8, 8)]),  # x, h, r*h
        ("lstm_projected", [(32, 8), (32, 4), (4, 8)]),  # x, h, o*tanh(c)
        ("rhn:3", [(16, 8), (16, 8), (16, 8), (16, 8)]),
    ],
)
def test_matrices_that_multiply_one_vector_count_as_one(name, shapes):
    assert product_shapes(find_cell(name), POINT) == shapes


def test_a_symbol_of_the_cells_own_is_half_the_width():
    assert sizes_at(find_cell("lstm_projected"), POINT) == {"X": 8, "H": 8, "R": 4}


def test_backward_costs_two_more_products_for_each():
    forward = operations(find_cell("lstm"), POINT, rows=10, backward=False)
    assert forward == 10 * 2 * (2 * 32 * 8)
    assert operations(find_cell("lstm"), POINT, rows=10, backward=True) == 3 * forward
