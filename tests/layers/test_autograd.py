"""Every layer in torch's autograd, in C and in eager: hooks, second derivatives, transforms."""

import copy

import pytest
import torch
from tests.layers.cases import (
    LENGTHS,
    assert_same_names,
    change,
    each_backend,
    every_layer,
    everything,
    flat,
    make_input,
    make_layer,
    make_state,
)
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, vmap
from torch.nn.utils.rnn import pack_padded_sequence
from torch.utils.checkpoint import checkpoint

from unrolled import GRU, LSTM
from unrolled.errors import BackendError

BITS = {"rtol": 0, "atol": 0}
ignoring_jit = pytest.mark.filterwarnings(  # torch's own, in its jvp
    "ignore:`torch.jit.script` is deprecated"
)
in_either_form = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])


def make_case(name, backend, **options):
    """A layer, an input that wants its gradient, a first state."""
    layer = make_layer(name, backend=backend, **options)
    return layer, make_input().requires_grad_(), make_state(layer)


def gradients(layer, x, loss):
    """Of the input and of each parameter, by name; the graph stays."""
    leaves = {"x": x} | dict(layer.named_parameters())
    found = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True)
    return dict(zip(leaves, found, strict=True))


# Hooks


@each_backend
@every_layer
def test_forward_hooks_see_and_change_input_options_and_result(name, backend):
    layer, x, state = make_case(name, backend)
    output, last = layer(2 * x, state, lengths=LENGTHS)
    wanted = output + 1, change(last, lambda part: 3 * part)

    def before(_, arguments, options):
        return (2 * arguments[0], *arguments[1:]), {"lengths": options["lengths"][::-1]}

    def after(_, arguments, options, result):
        assert torch.equal(arguments[0], 2 * x)
        assert options == {"lengths": LENGTHS}
        return result[0] + 1, change(result[1], lambda part: 3 * part)

    layer.register_forward_pre_hook(before, with_kwargs=True)
    layer.register_forward_hook(after, with_kwargs=True)
    got = layer(x, state, lengths=LENGTHS[::-1])
    for ours, theirs in zip(flat(got), flat(wanted), strict=True):
        assert torch.equal(ours, theirs)


@each_backend
@every_layer
def test_full_backward_hooks_see_and_change_the_gradients_of_output_and_input(name, backend):
    layer, x, state = make_case(name, backend)
    wanted = gradients(layer, x, layer(x, state)[0].sum())
    seen = []
    layer.register_full_backward_pre_hook(lambda _, outer: (2 * outer[0], *outer[1:]))
    layer.register_full_backward_hook(lambda _, inner, outer: seen.append((inner[0], outer[0])))
    layer.register_full_backward_hook(lambda _, inner, outer: (4 * inner[0], *inner[1:]))
    layer(x, state)[0].sum().backward()
    ((inner, outer),) = seen
    assert torch.equal(outer, torch.full_like(outer, 2))
    assert torch.equal(inner, 2 * wanted["x"])
    assert torch.equal(x.grad, 8 * wanted["x"])
    for key, parameter in layer.named_parameters():
        assert torch.equal(parameter.grad, 2 * wanted[key]), key


@in_either_form
@each_backend
@every_layer
def test_tensor_hooks_on_results_and_leaves_change_what_flows_on(name, backend, lengths):
    layer, x, state = make_case(name, backend)
    output, last = layer(x, state, lengths=lengths)
    results = [output, *flat(last)]
    wanted = gradients(layer, x, 2 * sum(part.square().sum() for part in results))
    output, last = layer(x, state, lengths=lengths)
    results = [output, *flat(last)]
    loss, owed = sum(part.square().sum() for part in results), []
    for part in results:
        part.retain_grad()
        part.register_hook(lambda gradient: owed.append(gradient) or 2 * gradient)
    x.register_hook(lambda gradient: -gradient)
    key, parameter = next(layer.named_parameters())
    parameter.register_hook(torch.zeros_like)
    after = []
    parameter.register_post_accumulate_grad_hook(lambda leaf: after.append(leaf.grad.clone()))
    loss.backward()
    assert len(owed) == len(results)
    for part in results:
        assert torch.equal(part.grad, 4 * part)
    assert torch.equal(x.grad, -wanted.pop("x"))
    assert torch.equal(parameter.grad, torch.zeros_like(wanted.pop(key)))
    assert torch.equal(after[0], parameter.grad)
    rest = dict(layer.named_parameters())
    assert_same_names({name: rest[name].grad for name in wanted}, wanted, **BITS)


# Gradients of gradients, and again


@pytest.mark.parametrize("deep", [1, pytest.param(2, marks=pytest.mark.slow)])
@each_backend
@every_layer
def test_first_and_second_derivatives_are_the_slopes_of_what_they_derive(name, backend, deep):
    layer, x, state = make_case(name, backend, num_layers=deep)
    x, lengths = x[:3], [3, 2, 0, 1]
    stored, count = list(dict(layer.named_parameters())), len(flat(state))
    leaves = [x, *flat(state), *layer.parameters()]
    leaves = [leaf.detach().clone().requires_grad_() for leaf in leaves]

    def call(x, *rest):
        first = rest[:count] if count > 1 else rest[0]
        weights = dict(zip(stored, rest[count:], strict=True))
        output, last = functional_call(layer, weights, (x, first), {"lengths": lengths})
        return output, *flat(last)

    assert torch.autograd.gradcheck(call, leaves, fast_mode=True)
    assert torch.autograd.gradgradcheck(call, leaves, fast_mode=True)


@pytest.mark.parametrize("name", ["lstm+zoneout:0.3", "gru+variational:0.4"])
def test_second_derivatives_in_training_are_those_of_the_masks_that_were_drawn(name):
    found = []
    for backend in ("c", "eager"):
        torch.manual_seed(3)
        layer, x, state = make_case(name, backend, bidirectional=True, dropout=0.2)
        torch.manual_seed(5)
        output, _ = layer(x, state, lengths=LENGTHS)
        torch.manual_seed(6)  # what is drawn later must not matter
        (first,) = torch.autograd.grad(output.square().sum(), x, create_graph=True)
        found.append({"first": first} | gradients(layer, x, first.square().sum()))
    assert found[0]["first"].any()
    assert_same_names(*found)


@each_backend
@every_layer
def test_checkpointing_and_saving_elsewhere_give_the_same_bits(name, backend):
    layer, x, state = make_case(name, backend)
    wanted = gradients(layer, x, layer(x, state)[0].square().sum())
    again = checkpoint(layer, x, state, use_reentrant=False)[0]
    assert_same_names(gradients(layer, x, again.square().sum()), wanted, **BITS)
    moved = []

    def pack(tensor):
        moved.append(tensor)
        return tensor.clone()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = layer(x, state)[0]
    assert moved
    assert_same_names(gradients(layer, x, output.square().sum()), wanted, **BITS)


# Function transforms


@each_backend
@every_layer
def test_functional_call_runs_on_the_tensors_given_and_not_on_its_own(name, backend):
    layer, twin = (make_layer(name, backend=backend) for _ in range(2))
    x, state = make_input().requires_grad_(), make_state(layer)
    wanted = gradients(twin, x, twin(x, state, lengths=LENGTHS)[0].square().sum())
    given = {key: value.detach().clone().requires_grad_() for key, value in twin.named_parameters()}
    output, _ = functional_call(layer, given, (x, state), {"lengths": LENGTHS})
    leaves = {"x": x} | given
    found = torch.autograd.grad(output.square().sum(), list(leaves.values()))
    assert_same_names(dict(zip(leaves, found, strict=True)), wanted, **BITS)


@ignoring_jit
@pytest.mark.parametrize("backend", ["auto", "eager"])
@every_layer
def test_transforms_find_the_gradients_and_slopes_that_autograd_does(name, backend):
    layer, x, state = make_case(name, backend)
    weights = {key: value.detach() for key, value in layer.named_parameters()}

    def loss(weights, x, state):
        return functional_call(layer, weights, (x, state))[0].square().sum()

    wanted = gradients(layer, x, layer(x, state)[0].square().sum())
    given = wanted.pop("x")
    assert_same_names(grad(loss)(weights, x.detach(), state), wanted)
    rows = x.detach().unsqueeze(2).transpose(0, 1)  # B T 1 X
    first = change(state, lambda part: part.unsqueeze(2).transpose(0, 1))
    each = vmap(grad(loss, argnums=1), in_dims=(None, 0, 0))(weights, rows, first)
    torch.testing.assert_close(each.squeeze(2).transpose(0, 1), given, rtol=0, atol=1e-10)
    along = torch.randn_like(given)
    _, slope = jvp(lambda x: loss(weights, x, state), (x.detach(),), (along,))
    torch.testing.assert_close(slope, (given * along).sum(), rtol=1e-10, atol=1e-10)
    outputs = [turn(lambda x: layer(x, state)[0].sum(2))(x.detach()) for turn in (jacrev, jacfwd)]
    torch.testing.assert_close(*outputs, rtol=0, atol=1e-10)
    assert outputs[0].abs().max() > 0


TRANSFORMED = {
    "vmap": lambda run, x: vmap(run)(x.unsqueeze(0)),
    "grad": lambda run, x: grad(lambda x: run(x).sum())(x),
    "jvp": lambda run, x: jvp(run, (x,), (x,)),
}


@ignoring_jit
@pytest.mark.parametrize("transform", TRANSFORMED.values(), ids=TRANSFORMED)
@every_layer
def test_c_by_name_refuses_what_it_would_transform_wrongly(name, transform):
    layer, x, _ = make_case(name, "c")
    with pytest.raises(BackendError, match=r"backend='c' cannot run .*: a function transform"):
        transform(lambda x: layer(x)[0], x.detach())


# Autocast, packed sequences


@each_backend
@every_layer
def test_autocast_leaves_c_its_bits_and_eager_within_bfloat16(name, backend):
    layer, x, state = make_case(name, backend)
    layer, x = layer.float(), x.detach().float()
    state = change(state, lambda part: part.float())
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(0.5)
    wanted = everything(layer, x, state, lengths=LENGTHS)
    with torch.autocast("cpu", torch.bfloat16):
        found = everything(layer, x, state, lengths=LENGTHS)
    for key, value in wanted.items():
        largest = float(value.detach().abs().max())
        allowed = 0 if backend == "c" else 20 * torch.finfo(torch.bfloat16).eps * largest
        assert (found[key].float() - value).abs().max() <= allowed, key
        assert found[key].dtype is torch.float32 or not key.startswith("gradient"), key


@each_backend
@every_layer
def test_a_packed_sequence_has_the_results_and_gradients_of_lengths(name, backend):
    lengths = [3, 6, 2, 1]  # torch packs no empty sequence
    layer, x, state = make_case(name, backend, bidirectional=True)
    output, last = layer(x, state, lengths=lengths)
    wanted = gradients(layer, x, output.square().sum() + sum(map(torch.sum, flat(last))))
    repacked = pack_padded_sequence(output, lengths, enforce_sorted=False)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    got, got_last = layer(packed, copy.deepcopy(state))
    assert_same_names(got._asdict(), repacked._asdict(), **BITS)
    loss = got.data.square().sum() + sum(map(torch.sum, flat(got_last)))
    assert_same_names(gradients(layer, x, loss), wanted)
    for ours, theirs in zip(flat(got_last), flat(last), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("layer", [LSTM(3, 4), GRU(3, 4, num_layers=2)], ids=["LSTM", "GRU"])
def test_a_batch_of_gradients_is_each_of_them(layer):
    x = torch.randn(5, 2, 3, requires_grad=True)
    output, inputs = layer(x)[0], [x, *layer.parameters()]
    batch = torch.randn(3, *output.shape)
    options = {"retain_graph": True}
    together = torch.autograd.grad(output, inputs, batch, is_grads_batched=True, **options)
    for number, one in enumerate(batch):
        for found, wanted in zip(
            together, torch.autograd.grad(output, inputs, one, **options), strict=True
        ):
            torch.testing.assert_close(found[number], wanted)


def exchange_shape(layer):
    layer.weight_hh_l0.data = torch.zeros(1, 1)


def exchange_dtype(layer):
    layer.weight_hh_l0.data = layer.weight_hh_l0.data.double()


@pytest.mark.parametrize(
    ("spoil", "reason"), [(exchange_shape, "has not the shape"), (exchange_dtype, "of one dtype")]
)
def test_weights_that_were_exchanged_do_not_reach_c(spoil, reason):
    layer = LSTM(3, 4)
    spoil(layer)
    with pytest.raises(RuntimeError, match="shape|dtype"):
        layer(torch.randn(5, 2, 3))
    layer.backend = "c"
    with pytest.raises(BackendError, match=reason):
        layer(torch.randn(5, 2, 3))
