"""Recorded values: those of the equations, differentiable, as wide as their names say."""

import pytest
import torch
from tests.layers.cases import (
    LENGTHS,
    B,
    H,
    T,
    X,
    assert_same_bits,
    both_ways,
    every_cell,
    flat,
    make_input,
    make_layer,
    make_state,
)

from unrolled import Recurrent, cell, dropout, find_cell, tanh


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@both_ways
def test_recorded_values_are_those_of_the_equations(both, lengths):
    layer = make_layer("gru", bidirectional=both)
    x, state = make_input(), make_state(layer)
    output, last, recorded = layer(x, state, lengths=lengths, record=("r", "z", "n", "h"))
    assert list(recorded) == ["r", "z", "n", "h"]
    below = x
    for row in range(layer.num_layers * layer.directions):
        depth, reverse = divmod(row, layer.directions)
        W = {
            name: layer.parameter(f"W.{name}", layer=depth, reverse=bool(reverse))
            for name in ("xr", "hr", "xz", "hz", "xn", "hn")
        }
        b = {n: layer.parameter(f"b.{n}", layer=depth, reverse=bool(reverse)) for n in "rzn"}
        for each, length in enumerate(lengths or [T] * B):
            h = state[row, each]
            for t in range(length):
                t = length - 1 - t if reverse else t
                now = below[t, each]
                r = torch.sigmoid(W["xr"] @ now + W["hr"] @ h + b["r"])
                z = torch.sigmoid(W["xz"] @ now + W["hz"] @ h + b["z"])
                n = torch.tanh(W["xn"] @ now + W["hn"] @ (r * h) + b["n"])
                h = z * h + (1 - z) * n
                for name, value in {"r": r, "z": z, "n": n, "h": h}.items():
                    torch.testing.assert_close(recorded[name][row, t, each], value)
            assert not any(recorded[name][row, length:, each].any() for name in recorded)
            torch.testing.assert_close(last[row, each], h)
        if reverse == layer.directions - 1:
            rows = range(row - layer.directions + 1, row + 1)
            below = torch.cat([recorded["h"][each] for each in rows], dim=-1)
    assert_same_bits(output, below)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@both_ways
def test_recorded_values_are_differentiable(both, lengths):
    layer = make_layer("lstm", bidirectional=both)
    x = make_input().requires_grad_()
    _, _, recorded = layer(x, lengths=lengths, record=("f", "c"))
    for name in ("f", "c"):

        def total(x, name=name):
            return layer(x, lengths=lengths, record=(name,))[2][name].square().sum()

        (gradient,) = torch.autograd.grad(recorded[name].square().sum(), x, retain_graph=True)
        direction = torch.randn_like(x)
        step = 1e-6
        with torch.no_grad():
            slope = (total(x + step * direction) - total(x - step * direction)) / (2 * step)
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-8)


@every_cell
def test_every_name_can_be_recorded_and_changes_no_result(name):
    """But in its last digit, where a named sum is else a term of a longer one."""
    layer = make_layer(name)
    x = make_input()
    torch.manual_seed(1)
    output, last = layer(x)
    torch.manual_seed(1)
    got, got_last, recorded = layer(x, record=tuple(layer.cell.named))
    torch.testing.assert_close(
        (got, *flat(got_last)), (output, *flat(last)), rtol=1e-14, atol=1e-15
    )
    assert recorded.keys() == layer.cell.named.keys()
    for state, part in zip(layer.cell.state_names, flat(got_last), strict=True):
        assert torch.equal(recorded[state][:, -1], part)
    assert torch.equal(recorded[layer.cell.state_names[0]][-1], got)
    assert {values.shape[:3] for values in recorded.values()} == {(layer.num_layers, T, B)}


@cell
def masked(x, h, *, W, b, m=dropout(0.5), s=dropout(0.5, per="sequence")):  # noqa: B008
    """A cell that names its masks."""
    k = 2 * m
    q = 2 * s
    return tanh(W.x @ (k * x) + W.h @ (q * h) + b.h)


def test_an_evaluated_mask_is_recorded_as_wide_as_a_drawn_one():
    layer = Recurrent(masked, X, H)
    drawn = layer(torch.ones(T, B, X), record=("k", "q"))[2]
    evaluated = layer.eval()(torch.ones(T, B, X), record=("k", "q"))[2]
    assert drawn["k"].unique().tolist() == [0, 4]
    assert not torch.equal(drawn["k"][:, 0], drawn["k"][:, 1])
    assert torch.equal(drawn["q"][:, :1].expand_as(drawn["q"]), drawn["q"])
    for name in ("k", "q"):
        assert torch.equal(evaluated[name], torch.full_like(drawn[name], 2))


def test_layers_and_directions_draw_masks_of_their_own():
    layer = Recurrent(find_cell("lstm_recurrent_dropout"), X, H, num_layers=2, bidirectional=True)
    same = {k: v for k, v in layer.state_dict().items() if k.endswith("_l0")}
    layer.load_state_dict(same | {f"{k}_reverse": v for k, v in same.items()}, strict=False)
    ones = torch.ones(1, B, X)
    first, second = layer(ones, record=("c",))[2]["c"][:2]
    assert not torch.equal(first, second)
    first, second = layer.eval()(ones, record=("c",))[2]["c"][:2]
    assert torch.equal(first, second)
