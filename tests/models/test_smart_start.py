"""Pascanu's start: recurrent matrices sparse and of one spectral radius, all else small."""

import pytest
import torch

from unrolled import find_cell
from unrolled.models.encoder import Shape
from unrolled.models.many_to_one import ManyToOne
from unrolled.models.smart_start import start_smart


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def started(cell, hidden_size=40, layers=2):
    model = ManyToOne(find_cell(cell), Shape(6, hidden_size, layers), 4)
    start_smart(model)
    return model


@pytest.mark.parametrize(
    ("cell", "names"), [("rnn", ["W.hh"]), ("lstm", ["W.hi", "W.hf", "W.hg", "W.ho"])]
)
def test_recurrent_matrices_have_fifteen_connections_a_unit_and_radius_95(cell, names):
    layer = started(cell).recurrent
    for number in range(2):
        for name in names:
            matrix = layer.parameter(name, layer=number).detach()
            assert (matrix != 0).sum(dim=1).tolist() == [15] * 40
            radius = torch.linalg.eigvals(matrix.double()).abs().max()
            assert float(radius) == pytest.approx(0.95, rel=1e-5)


def test_a_product_of_something_made_of_the_state_is_recurrent_too():
    matrix = started("gru", hidden_size=8).recurrent.parameter("W.hn").detach()  # W.hn @ (r * h)
    assert (matrix != 0).all(), "a unit has no more connections than there are units"
    assert float(torch.linalg.eigvals(matrix).abs().max()) == pytest.approx(0.95, rel=1e-4)


def test_other_matrices_are_small_and_biases_zero():
    model = started("rnn")
    for matrix in (model.readout.weight, model.recurrent.parameter("W.xh")):
        assert float(matrix.detach().std()) == pytest.approx(0.01, rel=0.25)
    for bias in (model.readout.bias, model.recurrent.parameter("b.h", layer=1)):
        assert bias.tolist() == [0.0] * len(bias)


def test_what_a_cell_declares_stays():
    layer = started("layernorm_lstm").recurrent
    declared = layer.init
    assert declared
    for name, value in declared.items():
        assert (layer.parameter(name, layer=1) == value).all(), name


def test_the_start_follows_torchs_seed():
    first = started("rnn").state_dict()
    torch.manual_seed(0)
    assert all(map(torch.equal, first.values(), started("rnn").state_dict().values()))
    torch.manual_seed(1)
    assert not torch.equal(first["recurrent.weight_h_l0"], started("rnn").recurrent.weight_h_l0)
