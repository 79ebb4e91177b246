"""Omega is the paper's formula, and its gradient that through the explicit recurrent matrix."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from unrolled import Recurrent, cell, find_cell, mean, sigmoid, tanh
from unrolled.errors import NothingToRecordError, OmegaCellError
from unrolled.models.encoder import Shape
from unrolled.models.many_to_one import ManyToOne
from unrolled.probe.omega import FORMS, Omega, omega_of, recurrence_of

X, Y, H, T, B = 3, 4, 5, 7, 6


@cell
def squashed(x, h, *, W, b):
    """A plain network of sigmoid units; its sum is written otherwise."""
    drive = W.xh @ x - b.h
    return sigmoid(drive + W.hh @ h)


CELLS = {"rnn": find_cell("rnn"), "rnn_relu": find_cell("rnn_relu"), "squashed": squashed}
F_OF = {"rnn": torch.tanh, "rnn_relu": torch.relu, "squashed": torch.sigmoid}
SIGN = {"rnn": 1, "rnn_relu": 1, "squashed": -1}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def make(name="rnn", layers=1, dtype=torch.float64):
    model = ManyToOne(CELLS[name], Shape(X, H, layers), Y).to(dtype)
    with torch.no_grad():
        for number in range(layers):
            model.recurrent.parameter("W.hh", layer=number).mul_(2)
    return model, torch.randn(T, B, X, dtype=dtype), torch.randint(Y, (B,))


def loss_of(scores, y):
    return F.cross_entropy(scores, y)


def add_omega(model, x, y, *, loss=loss_of, **options):
    """Omega, and what it adds to the gradient of each layer's matrix."""
    omega = Omega(model, options.pop("weight", 1.0), **options)
    with omega.listening():
        scores, _ = model(x)
    loss(scores, y).backward()
    layer = model.recurrent
    before = [layer.gradient("W.hh", layer=n).clone() for n in range(layer.num_layers)]
    value = omega.add_gradient()
    return value, [layer.gradient("W.hh", layer=n) - old for n, old in enumerate(before)]


def by_hand(name, model, x, y, loss=loss_of):
    """The states of each layer and the gradients of the loss with respect to them, by autograd."""
    layer, f, below, states = model.recurrent, F_OF[name], list(x), []
    for n in range(layer.num_layers):
        w_x, w_h, b = (layer.parameter(p, layer=n) for p in ("W.xh", "W.hh", "b.h"))
        h, own = torch.zeros(B, H, dtype=x.dtype), []
        for step in below:
            h = f(step @ w_x.T + h @ w_h.T + SIGN[name] * b)
            h.retain_grad()
            own.append(h)
        states.append(own)
        below = own
    loss(below[-1] @ model.readout.weight.T + model.readout.bias, y).backward()
    return [[(h.detach(), torch.zeros_like(h) if h.grad is None else h.grad) for h in own]
            for own in states]  # fmt: skip


def slope(name, h):
    if name == "rnn":
        return 1 - h**2
    return (h > 0).to(h.dtype) if name == "rnn_relu" else h * (1 - h)


def paper(name, steps, matrix):
    """Typed from the paper, sequence by sequence, with the Jacobians written out."""
    total = torch.zeros((), dtype=matrix.dtype)
    for h, pulled in steps:
        for row, g in zip(h, pulled, strict=True):
            if float((g**2).sum()) >= 1e-20:
                jacobian = torch.diag(slope(name, row)) @ matrix
                total = total + ((g @ jacobian).norm() / g.norm() - 1) ** 2
    return total / B


def released(name, steps, matrix):
    """As the authors' program: two matrices over steps and sequences, then their means."""
    h, g = (torch.stack(parts) for parts in zip(*steps, strict=True))
    tmp_x = ((g * slope(name, h)) @ matrix).pow(2).sum(2)
    tmp_y = g.pow(2).sum(2)
    counts = tmp_y >= 1e-20
    reg = (torch.where(counts, tmp_x / torch.where(counts, tmp_y, 1), 1) - 1) ** 2
    return reg.mean(1).sum() / counts.double().mean(1).sum()


WANTED = {"paper": paper, "released": released}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_value_and_gradient_are_those_of_the_formula_by_autograd(name, layers, form):
    model, x, y = make(name, layers)
    value, added = add_omega(model, x, y, form=form, weight=3.0)
    model.zero_grad()
    wanted = 0.0
    for n, steps in enumerate(by_hand(name, model, x, y)):
        matrix = model.recurrent.parameter("W.hh", layer=n).detach().clone().requires_grad_()
        omega = WANTED[form](name, steps, matrix)
        omega.backward()
        wanted += float(omega.detach())
        torch.testing.assert_close(added[n], 3 * matrix.grad, rtol=1e-9, atol=1e-12)
    assert value == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("form", FORMS)
def test_the_gradient_is_that_of_finite_differences(form):
    generator = torch.Generator().manual_seed(3)
    pulled, around, matrix = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((T, B, H), (T, B, H), (H, H))
    )
    _, gradient = omega_of(pulled, around.sigmoid(), matrix, FORMS[form])
    size, found = 1e-6, torch.zeros(H, H, dtype=torch.float64)
    for place in np.ndindex(H, H):
        ends = []
        for sign in (1, -1):
            moved = matrix.clone()
            moved[place] += sign * size
            ends.append(float(omega_of(pulled, around.sigmoid(), moved, FORMS[form])[0]))
        found[place] = (ends[0] - ends[1]) / (2 * size)
    torch.testing.assert_close(gradient, found, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("form", FORMS)
def test_steps_to_which_hardly_anything_flows_back_are_left_out(form):
    """Only the first two sequences have a loss, and one of them a tiny one."""

    def loss(scores, y):
        each = F.cross_entropy(scores, y, reduction="none")
        return each[0] + 1e-12 * each[1]

    model, x, y = make()
    value, (added,) = add_omega(model, x, y, loss=loss, form=form)
    model.zero_grad()
    (steps,) = by_hand("rnn", model, x, y, loss=loss)
    matrix = model.recurrent.parameter("W.hh").detach().clone().requires_grad_()
    omega = WANTED[form]("rnn", steps, matrix)
    omega.backward()
    assert value == pytest.approx(float(omega.detach()), rel=1e-10)
    torch.testing.assert_close(added, matrix.grad, rtol=1e-9, atol=1e-12)


def test_where_nothing_at_all_flows_back_omega_is_zero():
    model, x, y = make()
    value, (added,) = add_omega(model, x, y, loss=lambda scores, y: 0 * scores.sum())
    assert (value, float(added.abs().max())) == (0.0, 0.0)


def test_units_that_are_all_off_let_nothing_through_and_cost_one_a_step():
    pulled = torch.ones(T, B, H)
    value, gradient = omega_of(pulled, torch.zeros(T, B, H), torch.eye(H), FORMS["paper"])
    assert (float(value), float(gradient.abs().max())) == (T, 0.0)


def test_a_rotation_of_linear_units_costs_nothing_and_has_no_slope():
    turn = torch.linalg.qr(torch.randn(H, H, dtype=torch.float64))[0]
    pulled, slopes = torch.randn(T, B, H, dtype=torch.float64), torch.ones(T, B, H)
    for form in FORMS.values():
        value, gradient = omega_of(pulled, slopes.double(), turn, form)
        assert float(value) == pytest.approx(0, abs=1e-25)
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-12, rtol=0)


class Both(nn.Module):
    """Two layers, one of which reads the sequence from its end, and a readout of every step."""

    def __init__(self, together):
        super().__init__()
        self.forth, self.back = (Recurrent(CELLS["rnn"], X, H, dtype=torch.float64) for _ in "fb")
        with torch.no_grad():
            for reverse, layer in enumerate((self.forth, self.back)):
                for name in ("W.xh", "W.hh", "b.h"):
                    layer.parameter(name).copy_(together.parameter(name, reverse=bool(reverse)))

    def forward(self, x):
        return torch.cat([self.forth(x)[0], self.back(x.flip(0))[0].flip(0)], dim=-1)


def test_both_directions_of_a_layer_have_theirs():
    together = Recurrent(CELLS["rnn"], X, H, bidirectional=True, dtype=torch.float64)
    apart, x = Both(together), torch.randn(T, B, X, dtype=torch.float64)
    values, weights = [], torch.randn(T, B, 2 * H, dtype=torch.float64)
    for network in (together, apart):
        omega = Omega(network, 1.0)
        with omega.listening():
            made = network(x)
        ((made if network is apart else made[0]) * weights).sum().backward()
        values.append(omega.add_gradient())
    assert values[0] == pytest.approx(values[1], rel=1e-12)
    for reverse, layer in enumerate((apart.forth, apart.back)):
        ours = together.gradient("W.hh", reverse=bool(reverse))
        torch.testing.assert_close(ours, layer.gradient("W.hh"), rtol=1e-10, atol=1e-12)


def test_float32_is_float64_but_for_roundings():
    values = []
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        model, x, y = make(layers=2)
        values.append(add_omega(model.to(dtype), x.to(dtype), y)[0])
    assert values[0] == pytest.approx(values[1], rel=1e-5)


def test_outside_the_block_the_layers_are_as_before_whatever_happens():
    model, x, _ = make()
    omega = Omega(model, 1.0)
    with pytest.raises(ZeroDivisionError), omega.listening():
        raise ZeroDivisionError
    assert "forward" not in vars(model.recurrent)
    assert len(model.recurrent(x)) == 2


def test_a_frozen_matrix_is_left_alone():
    model, x, y = make()
    model.recurrent.weight_h_l0.requires_grad = False
    omega = Omega(model, 1.0)
    with omega.listening():
        scores, _ = model(x)
    loss_of(scores, y).backward()
    assert omega.add_gradient() > 0
    assert model.recurrent.weight_h_l0.grad is None


@cell
def twice(x, h, *, W, b):
    """Reads its state in two products."""
    return tanh(W.xh @ x + W.hh @ h + W.gh @ h)


@cell
def leaky(x, h, *, W, b):
    """Reads its state beside the product."""
    return tanh(W.xh @ x + W.hh @ h) + 0.5 * h


@cell
def doubled(x, h, *, W):
    """Its product is there twice."""
    drive = W.hh @ h
    return tanh(drive + W.xh @ x + drive)


@cell
def scaled(x, h, *, W):
    """Its product is multiplied."""
    return tanh(0.5 * (W.hh @ h) + W.xh @ x)


@cell
def normed(x, h, *, W):
    """Its sum is normalised."""
    drive = W.hh @ h + W.xh @ x
    return tanh(drive - mean(drive))


@cell
def straight(x, h, *, W):
    """Nothing after the sum."""
    return W.hh @ h + W.xh @ x


@cell
def forgetful(x, h, *, W):
    """Has no state in truth."""
    return tanh(W.xh @ x)


NOT_IN_ONE_PRODUCT = "does not read h in one product and nowhere else"
REFUSED = {
    find_cell("lstm"): "lstm has the states h, c",
    find_cell("gru"): f"gru {NOT_IN_ONE_PRODUCT}",
    find_cell("rnn+zoneout:0.1"): NOT_IN_ONE_PRODUCT,
    twice: f"twice {NOT_IN_ONE_PRODUCT}",
    leaky: f"leaky {NOT_IN_ONE_PRODUCT}",
    forgetful: f"forgetful {NOT_IN_ONE_PRODUCT}",
    doubled: "doubled does more with W.hh @ h than f of a sum",
    scaled: "scaled does more with W.hh @ h",
    normed: "normed does more with W.hh @ h",
    straight: "straight does more with W.hh @ h",
}


@pytest.mark.parametrize("refused", REFUSED, ids=lambda refused: refused.name)
def test_other_cells_are_refused(refused):
    with pytest.raises(OmegaCellError, match=f"{REFUSED[refused]}.*Train rnn or rnn_relu"):
        Omega(ManyToOne(refused, Shape(X, H), Y), 1.0)


def test_a_network_without_our_layers_is_refused():
    with pytest.raises(NothingToRecordError, match="holds none of our recurrent layers"):
        Omega(nn.Linear(2, 2), 1.0)


def test_what_is_named_and_not_used_does_no_harm():
    @cell
    def watched(x, h, *, W):
        """An equation beside the way."""
        new = tanh(W.hh @ h + W.xh @ x)
        doubled = new + h  # noqa: F841
        return new

    assert recurrence_of(watched)[0] == "W.hh"
