"""A step's Jacobian is autograd's, and its two numbers are not twins."""

import numpy as np
import pytest
import torch
from tests.probe.test_gradients import H, V, make_model, make_text, step_of
from torch import nn
from torch.autograd.functional import jacobian

from unrolled import GRU, Recurrent, find_cell
from unrolled.errors import TextTooShortError
from unrolled.probe.jacobians import Jacobians, step_jacobians


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "peephole_lstm", "mut1", "lstm_fgr"])
def test_each_steps_jacobian_is_autograds(name):
    model, text = make_model(name), make_text()
    widths = [shape[-1] for shape in model.recurrent.state_shapes()]
    (found,) = step_jacobians(model, text, (0, 3, 4))
    state = torch.zeros(sum(widths), dtype=torch.float64)
    for t, symbol in enumerate(text[:5]):

        def step(whole, symbol=symbol):
            return torch.cat(step_of(model, symbol, whole.split(widths)))

        if t in found.steps:
            matrix = found.matrices[list(found.steps).index(t)]
            np.testing.assert_allclose(matrix, jacobian(step, state), rtol=1e-9, atol=1e-12)
        state = step(state).detach()


class Two(nn.Module):
    """Two modules of layers, the second of two layers."""

    def __init__(self):
        super().__init__()
        self.low = GRU(V, H)
        self.high = Recurrent(find_cell("lstm"), H, H, 2)
        self.readout = nn.Linear(H, V)

    def forward(self, symbols):
        return self.readout(self.high(self.low(symbols)[0])[0])


def test_every_layer_of_a_stack_has_its_own_and_the_states_go_on():
    network, text = Two().double(), make_text()
    found = step_jacobians(network, text, (2, 5))
    assert [(j.module, j.layer) for j in found] == [("low", 0), ("high", 0), ("high", 1)]
    assert [j.matrices.shape for j in found] == [(2, H, H), (2, 2 * H, 2 * H), (2, 2 * H, 2 * H)]
    symbols = torch.from_numpy(text)[:, None]
    below, _ = network.low(symbols[:6])
    _, before = network.high(below[:5])
    h, c = (part.detach() for part in before)

    def top(whole):
        states = [
            torch.cat([old[:1], new.view(1, 1, H)])
            for old, new in zip((h, c), whole.split(H), strict=True)
        ]
        _, last = network.high(below[5:6], tuple(states))
        return torch.cat([last.h[1, 0], last.c[1, 0]])

    wanted = jacobian(top, torch.cat([h[1, 0], c[1, 0]]))
    np.testing.assert_allclose(found[2].matrices[1], wanted, rtol=1e-9, atol=1e-12)


def test_a_large_singular_value_does_not_make_a_power_explode():
    matrix = np.array([[0.5, 5], [0, 0.5]])
    found = Jacobians("", 0, np.array([0]), matrix[None])
    np.testing.assert_allclose(found.largest_singular_values, [5.0495], atol=1e-4)
    np.testing.assert_allclose(found.spectral_radii, [0.5], atol=1e-6)
    assert np.abs(np.linalg.matrix_power(matrix, 50)).max() < 5e-13


def test_a_text_that_ends_before_the_step_is_said():
    with pytest.raises(TextTooShortError, match=r"10 characters, but a step of it needs.* 11"):
        step_jacobians(make_model("rnn"), make_text(10), (4, 10))
