"""Layers, inputs and states for the tests of the layers, and what compares their results."""

import pytest
import torch

from unrolled.cells import GALLERY, find_cell
from unrolled.compiler.layout import layout_of
from unrolled.layers.recurrent import Recurrent

T, B, X, H = 6, 4, 5, 5  # X = H, which mut1 and mut2 ask for
LENGTHS = [3, 6, 0, 1]
CELLS = {name: row.cell for name, row in GALLERY.items()}
every_cell = pytest.mark.parametrize("name", CELLS)
some_cells = pytest.mark.parametrize("name", ["lstm", "gru", "mut1", "lstm_fgr", "layernorm_gru"])
both_ways = pytest.mark.parametrize("both", [False, True], ids=["one_way", "two_way"])


def own_sizes(name, size=3):
    """A size for each width symbol of the cell's own."""
    return dict.fromkeys(layout_of(find_cell(name)).widths.symbols[2:], size)


def make_layer(name, **options):
    """A layer of a gallery cell in float64, of two layers where the cell allows."""
    deep = 1 if name in ("mut1", "mut2") and options.get("bidirectional") else 2
    options = {"num_layers": deep, "sizes": own_sizes(name), "dtype": torch.float64} | options
    layer = Recurrent(find_cell(name), X, H, **options)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(0, 0.5)
    return layer


def make_input(*axes):
    """T x B x X, or the axes given x X."""
    return torch.randn(*(axes or (T, B)), X, dtype=torch.float64)


def make_state(layer, batch=B):
    """A random first state in the layer's form."""
    parts = [torch.randn(shape, dtype=torch.float64) for shape in layer.state_shapes(batch)]
    return parts[0] if len(parts) == 1 else tuple(parts)


def flat(result):
    """Every tensor of a result, in order."""
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result for tensor in flat(part)]


def change(result, function):
    """The result with a function of each of its tensors."""
    if isinstance(result, torch.Tensor):
        return function(result)
    return tuple(change(part, function) for part in result)


def assert_same_bits(got, wanted):
    """Every tensor of one result equals that of the other."""
    for number, (ours, theirs) in enumerate(zip(flat(got), flat(wanted), strict=True)):
        assert torch.equal(ours, theirs), f"tensor {number}"


def assert_close(got, wanted):
    """Every tensor of one result is that of the other within 1e-12."""
    for ours, theirs in zip(flat(got), flat(wanted), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
