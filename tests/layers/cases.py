"""Layers, inputs and states for the tests of the layers, and what compares their results."""

import pytest
import torch

from unrolled.cells import GALLERY, find_cell
from unrolled.compiler.layout import layout_of
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.torch_like import GRU, LSTM, RNN

T, B, X, H = 6, 4, 5, 5  # X = H, which mut1 and mut2 ask for
LENGTHS = [3, 6, 0, 1]
CELLS = {name: row.cell for name, row in GALLERY.items()}
FEW = "rnn lstm gru mut1 lstm_fgr lstm_projected layernorm_gru zoneout_gru rhn".split()


def few_by_default(names):
    """Of each kind of cell one is tested by default, as each is compiled anew; all in the slow."""
    return [name if name in FEW else pytest.param(name, marks=pytest.mark.slow) for name in names]


every_cell = pytest.mark.parametrize("name", few_by_default(CELLS))
some_cells = pytest.mark.parametrize("name", ["lstm", "gru", "mut1", "lstm_fgr", "layernorm_gru"])
DROP_INS = {
    "RNN": (RNN, {"nonlinearity": "relu"}),
    "LSTM": (LSTM, {}),
    "LSTM-projected": (LSTM, {"proj_size": 3}),
    "GRU": (GRU, {}),
}
LAYERS = [*DROP_INS, "gru", "layernorm_lstm"]
MORE_LAYERS = ["mut1", "lstm_fgr", "rhn:3"]  # under the slow mark
every_layer = pytest.mark.parametrize(
    "name", [*LAYERS, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE_LAYERS)]
)
each_backend = pytest.mark.parametrize("backend", ["c", "eager"])
both_ways = pytest.mark.parametrize("both", [False, True], ids=["one_way", "two_way"])


def own_sizes(name, size=3):
    """A size for each width symbol of the cell's own."""
    return dict.fromkeys(layout_of(find_cell(name)).widths.symbols[2:], size)


def make_layer(name, size=H, **options):
    """A layer of a gallery cell, or a drop-in, in float64, of two layers where the cell allows."""
    deep = 1 if name in ("mut1", "mut2") and options.get("bidirectional") else 2
    options = {"num_layers": deep, "dtype": torch.float64} | options
    if name in DROP_INS:
        kind, own = DROP_INS[name]
        layer = kind(size, size, **own, **options)
    else:
        options = {"sizes": own_sizes(name)} | options
        layer = Recurrent(find_cell(name), size, size, **options)
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


def everything(layer, x, state, **options):
    """Output, last states and the gradients of all that they are made of, by name.

    The loss is the sum of all squares, whatever their order and wherever time is cut.
    """
    names = layer.cell.state_names
    first = change(state, lambda part: part.detach().requires_grad_())
    leaves = {"x": x.detach().requires_grad_()}
    leaves |= {f"first {n}": part for n, part in zip(names, flat(first), strict=True)}
    leaves |= dict(layer.named_parameters())
    output, last = layer(leaves["x"], first, **options)
    results = {"output": output}
    results |= {f"last {n}": part for n, part in zip(names, flat(last), strict=True)}
    return results | gradients_of(results.values(), leaves)


def gradients_of(results, leaves):
    """The gradient of the sum of the squares with respect to each leaf, by name."""
    loss = sum(part.square().sum() for part in results)
    found = torch.autograd.grad(loss, list(leaves.values()))
    return {f"gradient of {n}": g for n, g in zip(leaves, found, strict=True)}


def assert_same_names(got, wanted, **tolerance):
    """Every named tensor of one result is that of the other; by default to 1e-10 of its largest."""
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        largest = float(value.detach().abs().max()) if value.numel() else 0.0
        close = tolerance or {"rtol": 0, "atol": 1e-10 * max(largest, 1e-2)}
        torch.testing.assert_close(
            got[name], value, **close, msg=lambda said, name=name: f"{name}: {said}"
        )
