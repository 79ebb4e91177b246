"""Shares of time counted one by one, and gates known by their equations."""

import numpy as np
import pytest
import torch
from tests.probe.tapes import tape_of
from torch import nn

from unrolled import Recurrent, cell, find_cell, sigmoid, tanh
from unrolled.errors import NothingToRecordError
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.probe.recorder import Reading, record
from unrolled.probe.saturation import gate_names, limits_of, saturation
from unrolled.probe.taps import Source

V, H = 7, 5


@cell
def odd(x, h, *, W, b):
    """Names that look like gates and are none, and one that is none any more."""
    a = 1 - tanh(W.xa @ x + b.a)
    d = 2 - sigmoid(W.xd @ x + b.d)
    k = 1 - (1 - sigmoid(W.xk @ x + b.k))
    t = sigmoid(W.xt @ x + W.ht @ h + b.t)
    t = t * h
    return a * d * k + t


@pytest.mark.parametrize(
    ("name", "gates", "bounded"),
    [
        ("lstm", ("i", "f", "o"), ("g",)),
        ("gru", ("r", "z"), ("n",)),
        ("rnn", (), ("h",)),
        ("rnn_relu", (), ()),
        ("lstm_cifg", ("i", "f", "o"), ("z",)),  # whose f is 1 - i
        ("layernorm_gru", ("r", "z"), ("n",)),  # both in one sigmoid
        ("layernorm_lstm", (), ()),  # whose i is a sum, and its sigmoid has no name
        ("rhn", ("t",), ("u",)),
        ("lstm_nog", ("i", "f"), ("z", "h")),
    ],
)
def test_gates_are_what_a_sigmoid_makes(name, gates, bounded):
    found = limits_of(find_cell(name))
    assert gate_names(find_cell(name)) == gates
    assert {n for n, limits in found.items() if limits.kind == "tanh"} == {*bounded}
    assert {*found} == {*gates, *bounded}


def test_what_is_only_like_a_gate_is_none():
    assert gate_names(odd) == ("k",)
    assert [*limits_of(odd)] == ["k"]


def test_shares_are_of_the_time_beyond_the_limits():
    gates = np.array([[0.05, 0.1, 0.95, 0.5], [0.0, 0.0, 0.09, 1.0]], dtype=np.float32)
    states = np.array([[-0.95, -0.9, 0.9, 0.1], [0.91, 1.0, 0.95, -1.0]], dtype=np.float32)
    network = nn.ModuleDict({"layer": Recurrent(find_cell("lstm"), 2, 2)})
    values = {
        Source("layer", 0, name): v for name, v in (("f", gates), ("c", gates), ("g", states))
    }
    gate, state = saturation(tape_of(values), network)
    assert (gate.source.name, gate.limits.kind) == ("f", "gate")
    assert (gate.limits.low, gate.limits.high) == (0.1, 0.9)
    assert (gate.low.tolist(), gate.high.tolist()) == ([0.25, 0.75], [0.25, 0.25])
    assert (state.source.name, state.limits.kind) == ("g", "tanh")
    assert (state.limits.low, state.limits.high) == (-0.9, 0.9)
    assert (state.low.tolist(), state.high.tolist()) == ([0.25, 0.25], [0, 0.75])


@pytest.mark.parametrize("name", ["lstm", "rnn"])
def test_a_recorded_network_is_counted_as_it_runs(name):
    torch.manual_seed(0)
    model = LanguageModel(find_cell(name), Shape(V, H, 2)).eval()
    with torch.no_grad():
        for weights in model.recurrent.parameters():
            weights.mul_(4)  # so that something saturates
    text = np.random.default_rng(0).integers(V, size=300).astype(np.uint8)
    names = [*limits_of(find_cell(name)), *find_cell(name).state_names]
    found = saturation(record(model, text, names=names, how=Reading(lanes=1)), model)
    symbols = torch.from_numpy(text.astype(np.int64)).unsqueeze(-1)
    _, _, values = model.recurrent(symbols, record=names)
    low, high = (0.1, 0.9), (-0.9, 0.9)
    limits = {"i": low, "f": low, "o": low, "g": high} if name == "lstm" else {"h": high}
    assert {f.source for f in found} == {
        Source("recurrent", layer, n) for n in limits for layer in (0, 1)
    }
    for one in found:
        below, above = limits[one.source.name]
        for unit in range(H):
            course = values[one.source.name][one.source.layer, :, 0, unit].tolist()
            assert one.low[unit] == pytest.approx(sum(v < below for v in course) / 300, abs=0.004)
            assert one.high[unit] == pytest.approx(sum(v > above for v in course) / 300, abs=0.004)
    assert max(one.low.max() for one in found) > 0.1
    assert max(one.high.max() for one in found) > 0.1


def test_a_tape_of_another_network_is_refused():
    values = {Source("recurrent", 0, "h"): np.zeros((1, 2))}
    with pytest.raises(NothingToRecordError, match="Linear.recurrent holds none of our recurrent"):
        saturation(tape_of(values), nn.Linear(2, 2))
