"""The eager meaning: what programs compute, in cells with a trap each, and what runs when."""

# ruff: noqa: B008 (a signature declares masks)

from collections import Counter

import pytest
import torch
from tests.runtime.naive import B, H, T, assert_reads_as_naively
from torch.overrides import TorchFunctionMode

from unrolled.cells import find_cell
from unrolled.lang.masks import dropout, zone
from unrolled.lang.trace import cell
from unrolled.lang.words import (
    concat,
    exp,
    maximum,
    mean,
    minimum,
    relu,
    sigmoid,
    softplus,
    split,
    tanh,
    var,
    where,
)
from unrolled.layers.recurrent import Recurrent

# Cells with a trap each


@cell
def numbers_alone(x, h, *, W, b):
    """Values that need no tensor, one upon the other."""
    k = exp(tanh(0.5))
    q = minimum(k, where(0.2 > 0.1, 0.3, 5)) + softplus(-1) * 2
    return tanh(W.a @ x + k * h) * q


@cell
def joined(x, h, *, W, b, p):
    """Vectors with and without a batch and a time axis, side by side."""
    before = concat(x, p.a * x)
    fixed = concat(b.c + p.c, 2)
    return tanh(W.a @ before + W.b @ concat(h, mean(h), x) + W.c @ fixed + b.c + p.c * h)


@cell
def masked_everywhere(
    x,
    h,
    *,
    W,
    b,
    m=dropout(0.3),
    s=dropout(0.4, per="sequence"),
    d=zone(0.2),
):
    """Masks in products, in sums, side by side, per step and per sequence, before and within."""
    a = W.a @ m + W.b @ concat(s, d) + W.c @ (s * x)
    k = mean(s) * d
    return d * h + (1 - d) * tanh(a + W.d @ (m * h) + k)


@cell
def idle_mask(x, h, *, W, b, m=dropout(0.3)):
    """A mask that no equation reads."""
    return tanh(W.a @ x + W.b @ h)


@cell
def one_matrix(x, h, c, *, W, b):
    """One matrix on several vectors, some of them written twice."""
    r = sigmoid(W.k @ x + W.a @ x + W.a @ h + W.b @ c)
    n = tanh(W.a @ (r * h) + W.c @ (r * h) + W.b @ x)
    return n, tanh(W.b @ (r * h) + W.c @ x + W.a @ c)


@cell
def one_product(x, h, *, W, b):
    """One product in several sums, of which some have terms that no state is in."""
    k = W.a @ h
    return tanh(W.a @ h + W.x @ x + b.h) + (W.a @ h) * sigmoid(W.a @ h + b.z) - k


@cell
def per_row(x, h, c, *, W, b, p):
    """States that become one number a row, or the parameters' own value."""
    return mean(x) + var(h), p.a * b.a + 0 * c


@cell
def crossed(x, h, c, *, W, b):
    """States that change places."""
    return c, h * 0.5 + W.a @ x


@cell
def by_parts(x, h, *, W, b):
    """Splits of splits."""
    i, f = split(W.a @ x + h, 2)
    u, v = split(i * f, 2)
    return tanh(concat(concat(v, u), maximum(i, relu(f))))


@cell
def without_parameters(x, h, *, W, b):
    """A running sum."""
    return x + h * 0.5


@cell
def memoryless(x, h, *, W, b):
    """A state that no equation reads."""
    return tanh(W.a @ x + b.h)


@cell(widths={"h": "X"})
def echo(x, h, *, W, b):
    """The input itself as the new state."""
    return x


@cell
def renamed(x, h, *, W, b):
    """Names for what has one already, and names bound again."""
    a = x
    k = h
    h = tanh(W.a @ a + k)
    a = h * 2
    return a - h * (W.a @ k)


TRAPS = [numbers_alone, joined, masked_everywhere, idle_mask, one_matrix, one_product]
TRAPS += [per_row, crossed, by_parts, without_parameters, memoryless, echo, renamed]
each_trap = pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@each_trap
def test_a_program_computes_what_its_equations_say(trap, training):
    assert_reads_as_naively(trap, training=training)


@each_trap
def test_whole_numbers_are_one_hot_vectors_in_every_trap(trap):
    layer = Recurrent(trap, H, H, dtype=torch.float64).eval()
    symbols = torch.randint(H, (T, B), generator=torch.Generator().manual_seed(0))
    one_hot = torch.nn.functional.one_hot(symbols, H).double()
    names = tuple(trap.named)
    output, _, recorded = layer(symbols, record=names)
    wanted, _, wanted_recorded = layer(one_hot, record=names)
    close = {"rtol": 0, "atol": 1e-12, "check_dtype": bool(layer.state_dict())}
    torch.testing.assert_close(output, wanted, **close)
    for name in names:
        torch.testing.assert_close(recorded[name], wanted_recorded[name], **close)


def test_a_layer_without_parameters_computes_in_the_inputs_dtype():
    layer = Recurrent(without_parameters, H, H)
    assert list(layer.parameters()) == []
    for dtype in (torch.float32, torch.float64):
        output, last = layer(torch.ones(3, 1, H, dtype=dtype))
        assert output[:, 0, 0].tolist() == [1.0, 1.5, 1.75]
        assert (output.dtype, last.dtype) == (dtype, dtype)
    assert layer(torch.zeros(1, 1, dtype=torch.int64))[0].tolist() == [[[1.0, 0.0, 0.0, 0.0]]]


# What runs when


class Calls(TorchFunctionMode):
    """Counts the torch functions that run under it."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_function__(self, function, types, arguments=(), options=None):
        self.counts[function.__name__] += 1
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize(
    ("name", "before", "each_step"),
    [
        ("rnn", 1, 1),
        ("lstm", 1, 1),
        ("peephole_lstm", 1, 1),
        ("lstm_projected", 1, 2),
        ("gru", 1, 2),
        ("gru_torch", 1, 1),
        ("mut1", 1, 2),
        ("mut3", 1, 3),
        ("lstm_fgr", 1, 4),
        ("rhn:3", 1, 3),
        ("variational_lstm", 1, 1),
        ("zoneout_lstm", 1, 1),
    ],
)
def test_products_of_one_vector_are_one_and_those_of_the_input_run_once(name, before, each_step):
    made = find_cell(name)
    layer = Recurrent(
        made, H, H, sizes={"R": 2} if name == "lstm_projected" else {}, backend="eager"
    ).eval()
    with Calls() as calls:
        layer(torch.zeros(T, B, H))
    products = calls.counts["linear"] + calls.counts["addmm"]
    assert products == before + T * each_step


def test_one_hot_vectors_are_made_only_where_an_equation_reads_x_itself():
    symbols = torch.zeros(T, B, dtype=torch.int64)
    for name, wanted in (("lstm", 0), ("mut1_projected", 0), ("mut1", 1), ("variational_lstm", 1)):
        layer = Recurrent(find_cell(name), H, H, backend="eager")
        with Calls() as calls:
            layer(symbols)
        assert calls.counts["one_hot"] == wanted, name


def test_expected_masks_keep_the_precision_of_the_layer():
    zoned = find_cell("rnn+zoneout:0.1")
    layer = Recurrent(zoned, H, H, dtype=torch.float64).eval()
    first = torch.randn(1, B, H, dtype=torch.float64)
    plain = Recurrent(find_cell("rnn"), H, H, dtype=torch.float64)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(1, B, H, dtype=torch.float64)
    wanted = 0.1 * first + 0.9 * plain(x, first)[1]
    torch.testing.assert_close(layer(x, first)[1], wanted, rtol=0, atol=1e-15)
