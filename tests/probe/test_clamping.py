"""A unit that is held has its level at every step, and all else follows from the equations."""

import pytest
import torch
from torch import nn

from unrolled import LSTM, Recurrent, cell, find_cell, sigmoid, tanh
from unrolled.cells import GALLERY
from unrolled.errors import NothingToRecordError
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.probe.clamping import clamped_layer, held
from unrolled.probe.taps import Source

X, H = 4, 6


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@cell
def twice(x, h, *, W, b):
    """A gate that is written twice, and is one value."""
    g = sigmoid(W.xg @ x + W.hg @ h + b.g)
    n = tanh(W.xn @ x + W.hn @ h + b.n)
    return g * n + (1 - sigmoid(W.xg @ x + W.hg @ h + b.g)) * h


NAMES = [name for name in GALLERY if "dropout" not in name]
IN_C = ("lstm", "mut1", "layernorm_gru")


@pytest.mark.parametrize(
    ("name", "backend"), [*((n, "eager") for n in NAMES), *((n, "c") for n in IN_C)]
)
def test_a_held_state_is_at_its_level_and_where_nothing_is_held_nothing_changes(name, backend):
    options = {"sizes": {"R": H}} if name == "lstm_projected" else {}
    cell_ = find_cell(name)
    layer = Recurrent(cell_, H, H, 2, backend=backend, **options).eval()
    x = torch.randn(5, 3, H)
    free, _, before = layer(x, record=cell_.state_names)
    same, _ = clamped_layer(layer, {Source("", 1, cell_.state_names[-1]): {}})(x)
    torch.testing.assert_close(same, free)
    for state in cell_.state_names:
        levels = {Source("", 1, state): {2: 0.25, 0: -0.5}}
        _, _, recorded = clamped_layer(layer, levels)(x, record=cell_.state_names)
        assert (recorded[state][1, ..., 2] == 0.25).all()
        assert (recorded[state][1, ..., 0] == -0.5).all()
        torch.testing.assert_close(recorded[state][0], before[state][0])


def test_what_a_held_gate_governs_follows_from_it():
    layer = LSTM(X, H)
    x = torch.randn(7, 2, X)
    shut = clamped_layer(layer, {Source("", 0, "o"): dict.fromkeys(range(H), 0.0)})
    output, (_, c) = shut(x)
    assert not output.any()
    assert c.any()


def test_equal_values_are_held_together():
    layer = Recurrent(twice, X, H)
    x, first = torch.randn(4, 2, X), torch.randn(1, 2, H)
    kept = clamped_layer(layer, {Source("", 0, "g"): dict.fromkeys(range(H), 0.0)})
    output, last = kept(x, first)
    torch.testing.assert_close(output, first.expand(4, 2, H))
    torch.testing.assert_close(last, first)


def test_a_network_is_held_for_a_while_and_then_as_it_was():
    model = LanguageModel(find_cell("lstm"), Shape(9, H, 2)).eval()
    layer, symbols = model.recurrent, torch.randint(9, (6, 2))
    before, _ = model(symbols)
    levels = {Source("recurrent", 1, "h"): dict.fromkeys(range(H), 0.5)}
    with held(model, levels):
        inside, _ = model(symbols)
        assert (inside - model.readout(torch.full((H,), 0.5))).abs().max() < 1e-5
    assert model.recurrent is layer
    torch.testing.assert_close(model(symbols)[0], before)
    with pytest.raises(ZeroDivisionError), held(model, levels):
        raise ZeroDivisionError
    assert model.recurrent is layer


@pytest.mark.parametrize("path", ["", "readout", "nowhere"])
def test_a_source_that_is_no_layer_is_refused(path):
    model = nn.ModuleDict({"readout": nn.Linear(2, 2)})
    with (
        pytest.raises(NothingToRecordError, match=f"ModuleDict.{path} holds none"),
        held(model, {Source(path, 0, "h"): {0: 1.0}}),
    ):
        pass
