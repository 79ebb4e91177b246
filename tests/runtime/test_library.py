"""What cells have in common: one algebra for each type of numbers."""

import torch

from unrolled import find_cell
from unrolled.runtime.kernel import kernel_for


def algebra(name, dtype):
    return kernel_for(find_cell(name), (("H", 2), ("X", 2)), dtype, masks=False).algebra


def test_all_cells_of_a_dtype_multiply_with_the_same_functions():
    of_floats, of_doubles = (algebra("lstm", dtype) for dtype in (torch.float32, torch.float64))
    assert algebra("rnn", torch.float32) == of_floats
    assert algebra("rnn", torch.float64) == of_doubles
    assert of_floats.address != of_doubles.address
    assert of_floats.panel == 2 * of_doubles.panel  # as many vectors, of the same bytes
