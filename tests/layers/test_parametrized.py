"""Parametrizations of torch on the stored weights of every layer, in C and in eager."""

import copy

import pytest
import torch
from tests.layers.cases import (
    LENGTHS,
    assert_same_names,
    each_backend,
    every_layer,
    everything,
    flat,
    make_input,
    make_layer,
    make_state,
)
from torch.nn.utils import parametrizations

KINDS = ["weight_norm", "orthogonal", "spectral_norm"]
each_kind = pytest.mark.parametrize("kind", KINDS)


def make_parametrized(name, backend, kind, **options):
    """A layer of which the first weight on a state is parametrized, and that weight's name."""
    layer = make_layer(name, backend=backend, **options)
    weight = next(
        k for k, _ in layer.named_parameters() if k.startswith(("weight_h_", "weight_hh"))
    )
    getattr(parametrizations, kind)(layer, weight)
    return layer, weight


@each_kind
@each_backend
@every_layer
def test_a_parametrized_weight_runs_as_its_value_and_passes_its_gradient_on(name, backend, kind):
    layer, weight = make_parametrized(name, backend, kind, bidirectional=True)
    layer.eval()  # in training spectral_norm moves with each look
    plain = make_layer(name, backend=backend, bidirectional=True)
    stored = [key for key, _ in plain.named_parameters()]
    plain.load_state_dict({key: getattr(layer, key) for key in stored})
    x, state = make_input(), make_state(layer)
    wanted = everything(plain, x, state, lengths=LENGTHS)
    found = everything(layer, x, state, lengths=LENGTHS)
    originals = {
        f"gradient of {key}": part
        for key, part in layer.named_parameters()
        if key.startswith("parametrizations.")
    }
    owed = wanted.pop(f"gradient of {weight}")
    pulled = torch.autograd.grad(getattr(layer, weight), list(originals.values()), owed)
    assert owed.any()
    wanted |= dict(zip(originals, pulled, strict=True))
    assert_same_names(found, wanted)


@each_backend
@every_layer
def test_spectral_norm_moves_once_in_each_run_in_training(name, backend):
    layer, weight = make_parametrized(name, backend, "spectral_norm")
    alone = copy.deepcopy(layer)
    x, state = make_input(), make_state(layer)
    for _ in range(3):
        layer(x, state, lengths=LENGTHS)
        value = getattr(copy.deepcopy(layer).eval(), weight)
        assert torch.equal(getattr(alone, weight), value)


@each_kind
@each_backend
@every_layer
def test_training_keeps_what_a_parametrization_promises(name, backend, kind):
    layer, weight = make_parametrized(name, backend, kind)
    x, state = make_input(), make_state(layer)
    before = getattr(layer, weight).detach().clone()
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.01)
    for _ in range(3):
        optimizer.zero_grad()
        output, last = layer(x, state, lengths=LENGTHS)
        loss = output.square().mean() + sum(part.square().mean() for part in flat(last))
        loss.backward()
        optimizer.step()
    value = getattr(layer.eval(), weight).detach()
    assert not torch.equal(value, before)
    if kind == "weight_norm":
        lengths = layer.parametrizations[weight].original0.detach().abs()
        torch.testing.assert_close(value.norm(dim=1, keepdim=True), lengths, rtol=0, atol=1e-12)
    if kind == "orthogonal":
        product = value.T @ value
        torch.testing.assert_close(product, torch.eye(len(product)).double(), rtol=0, atol=1e-12)
    if kind == "spectral_norm":
        largest = torch.linalg.matrix_norm(value, 2)
        torch.testing.assert_close(largest, torch.ones_like(largest), rtol=0, atol=0.05)
