"""The layers among torch's own: copies, hooks, transforms, dtypes, devices, and `convert`."""

import copy
import pickle

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jvp, vjp, vmap
from torch.nn.utils import parametrizations

import unrolled
from unrolled import find_cell
from unrolled.layers.convert import convert
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.torch_like import GRU, LSTM, RNN

X, H = 3, 4
DOUBLE = {"dtype": torch.float64}


def make_input(*axes, **options):
    """T x B x X, after a fixed seed."""
    torch.manual_seed(1)
    return torch.randn(*(axes or (5, 2)), X, **options)


def recurrent(name, **options):
    return Recurrent(find_cell(name), X, H, **options)


MAKERS = {
    "RNN": lambda **o: RNN(X, H, nonlinearity="relu", **o),
    "LSTM": lambda **o: LSTM(X, H, num_layers=2, bidirectional=True, **o),
    "LSTM-projected": lambda **o: LSTM(X, H, proj_size=2, num_layers=2, **o),
    "GRU": lambda **o: GRU(X, H, num_layers=2, dropout=0.3, **o),
    "gru": lambda **o: recurrent("gru", num_layers=2, bidirectional=True, dropout=0.3, **o),
    "layernorm_lstm": lambda **o: recurrent("layernorm_lstm", **o),
    "lstm_projected": lambda **o: recurrent("lstm_projected", sizes={"R": 2}, **o),
    "rhn:3": lambda **o: recurrent("rhn:3", **o),
    "zoneout": lambda **o: recurrent("lstm_fgr+zoneout:0.2", num_layers=2, **o),
    "variational": lambda **o: recurrent("mut1_projected+variational:0.4", **o),
}
every_layer = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
DETERMINED = {k: m for k, m in MAKERS.items() if k in ("LSTM", "GRU", "gru", "layernorm_lstm")}
some_layers = pytest.mark.parametrize("make", DETERMINED.values(), ids=DETERMINED)


def flat(result):
    """Every tensor of a result, in order."""
    if isinstance(result, torch.Tensor):
        return [result]
    return [tensor for part in result for tensor in flat(part)]


def assert_same_bits(got, wanted):
    pairs = zip(flat(got), flat(wanted), strict=True)
    assert all(torch.equal(ours, theirs) for ours, theirs in pairs)


def run_seeded(layer, x):
    torch.manual_seed(4)
    return layer(x)


# Copies


def through_file(layer, path):
    torch.save(layer, path / "layer.pt")
    return torch.load(path / "layer.pt", weights_only=False)


COPIES = {
    "deepcopy": lambda layer, path: copy.deepcopy(layer),
    "pickle": lambda layer, path: pickle.loads(pickle.dumps(layer)),
    "torch.save": through_file,
}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
@every_layer
def test_a_copy_computes_the_same_bits_and_shares_nothing(make, duplicate, tmp_path):
    layer, x = make(), make_input()
    twin = duplicate(layer, tmp_path)
    assert type(twin) is type(layer)
    assert str(twin) == str(layer)
    for training in (True, False):
        assert_same_bits(run_seeded(twin.train(training), x), run_seeded(layer.train(training), x))
    before = flat(layer(x))
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert_same_bits(layer(x), before)


@pytest.mark.parametrize("make", [nn.LSTMCell, unrolled.LSTMCell], ids=["torch", "ours"])
def test_a_copied_one_step_cell_computes_the_same_bits(make):
    cell, x = make(X, H), make_input(2)
    assert_same_bits(pickle.loads(pickle.dumps(cell))(x), cell(x))
    assert_same_bits(copy.deepcopy(cell)(x), cell(x))


# State dicts


@every_layer
def test_state_dicts_fit_a_layer_made_alike_and_hooks_see_them(make):
    layer, twin, x = make().eval(), make().eval(), make_input()
    seen = []
    layer.register_state_dict_pre_hook(lambda *_: seen.append("before saving"))
    layer.register_state_dict_post_hook(lambda *_: seen.append("after saving"))
    twin.register_load_state_dict_pre_hook(lambda *_: seen.append("before loading"))
    twin.register_load_state_dict_post_hook(lambda *_: seen.append("after loading"))
    twin.load_state_dict(layer.state_dict(), strict=True)
    assert seen == ["before saving", "after saving", "before loading", "after loading"]
    assert_same_bits(twin(x), layer(x))


@every_layer
def test_load_state_dict_with_assign_takes_the_tensors_themselves(make):
    given = {name: torch.randn_like(value).double() for name, value in make().state_dict().items()}
    layer = make()
    layer.load_state_dict(given, assign=True)
    assert all(layer.state_dict()[k].data_ptr() == v.data_ptr() for k, v in given.items())
    twin = make(**DOUBLE)
    twin.load_state_dict(given)
    x = make_input(**DOUBLE)
    assert_same_bits(run_seeded(layer, x), run_seeded(twin, x))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_layers": 3, "bidirectional": True},
        {"bias": False, "num_layers": 2},
        {"batch_first": True, "num_layers": 2, "dropout": 0.25},
        {"num_layers": 2, "dropout": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_drop_ins_look_like_torchs_from_outside(name, options):
    theirs = getattr(nn, name)(X, H, **options)
    ours = getattr(unrolled, name)(X, H, **options)
    assert str(ours) == str(theirs)
    shapes = [(key, tensor.shape) for key, tensor in ours.named_parameters()]
    assert shapes == [(key, tensor.shape) for key, tensor in theirs.named_parameters()]
    listed = [[tensor.shape for tensor in row] for row in ours.all_weights]
    assert listed == [[tensor.shape for tensor in row] for row in theirs.all_weights]
    assert [id(t) for row in ours.all_weights for t in row] == [id(t) for t in ours.parameters()]
    assert ours.flatten_parameters() is None
    attributes = "mode input_size hidden_size num_layers bias batch_first dropout bidirectional"
    for attribute in attributes.split():
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute


def test_a_projected_lstm_prints_as_torchs():
    assert str(LSTM(X, H, proj_size=2)) == str(nn.LSTM(X, H, proj_size=2))


def test_one_step_cells_print_as_torchs():
    options = [{}, {"bias": False}, {"nonlinearity": "relu"}]
    options += [{"bias": False, "nonlinearity": "relu"}]
    ours = [str(unrolled.RNNCell(X, H, **each)) for each in options]
    assert ours == [str(nn.RNNCell(X, H, **each)) for each in options]
    assert str(unrolled.GRUCell(X, H, bias=False)) == str(nn.GRUCell(X, H, bias=False))


def test_a_layer_of_any_cell_prints_what_differs_from_the_defaults():
    layer = recurrent("lstm_projected", num_layers=2, batch_first=True, sizes={"R": 2})
    text = "Recurrent(lstm_projected, 3, 4, num_layers=2, batch_first=True, sizes={'R': 2})"
    assert str(layer) == text


# dtypes and devices


@every_layer
def test_a_layer_moved_to_float64_computes_what_one_made_there_does(make):
    layer = make()
    made = make(**DOUBLE)
    made.load_state_dict(layer.state_dict())
    x = make_input(**DOUBLE)
    assert_same_bits(run_seeded(layer.to(torch.float64), x), run_seeded(made, x))
    assert {tensor.dtype for tensor in flat(layer(x))} == {torch.float64}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@every_layer
def test_half_precision_stays_within_its_rounding_of_the_truth(make, dtype):
    layer = make().eval().to(dtype)
    x = make_input(dtype=dtype)
    output, state = layer(x)
    truth = layer.to(torch.float64)(x.double())
    eps = torch.finfo(dtype).eps
    for ours, exact in zip(flat((output, state)), flat(truth), strict=True):
        assert ours.dtype == dtype
        torch.testing.assert_close(ours.double(), exact, rtol=0, atol=20 * eps)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_autocast_to_bfloat16_errs_at_most_twice_what_torch_does(name):
    if name == "LSTM" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        pytest.skip("torch's LSTM has no bfloat16 here; this runs on processors with AVX-512")
    theirs = getattr(nn, name)(X, H, num_layers=2)
    ours = convert(copy.deepcopy(theirs)).requires_grad_(False)
    x, lengths = make_input(20, 8), [20, 3, 1, 0, 5, 9, 17, 2]
    exact = copy.deepcopy(ours).double()
    truth = exact(x.double())[0]
    with torch.autocast("cpu", torch.bfloat16):
        error = (ours(x)[0] - truth).abs().max()
        allowed = 2 * (theirs(x)[0].detach() - truth).abs().max()
        last = ours(x, lengths=lengths)[1]
    assert 0 < error <= allowed
    wanted = exact(x.double(), lengths=lengths)[1]
    assert (flat(last)[0] - flat(wanted)[0]).abs().max() <= allowed


@every_layer
def test_a_layer_made_on_meta_is_filled_later(make):
    with torch.device("meta"):
        inside = make()
    for layer in (make(device="meta"), inside):
        assert {parameter.device.type for parameter in layer.parameters()} == {"meta"}
        layer.to_empty(device="cpu")
        torch.manual_seed(3)
        layer.reset_parameters()
        torch.manual_seed(3)
        wanted = make()
        wanted.reset_parameters()
        torch.manual_seed(3)
        wanted.reset_parameters()
        assert_same_bits(list(layer.parameters()), list(wanted.parameters()))
        assert_same_bits(run_seeded(layer, make_input()), run_seeded(wanted, make_input()))


def test_a_meta_layer_computes_shapes():
    output, state = LSTM(X, H, device="meta")(torch.empty(7, 2, X, device="meta"))
    assert (tuple(output.shape), tuple(state.c.shape)) == ((7, 2, H), (1, 2, H))
    assert output.device.type == "meta"


# Gradients, hooks, parametrizations


@every_layer
def test_frozen_parameters_get_no_gradient_and_change_no_other(make):
    layer, x = make(**DOUBLE), make_input(**DOUBLE)
    names = [name for name, _ in layer.named_parameters()]
    run_seeded(layer, x)[0].sum().backward()
    whole = {name: parameter.grad for name, parameter in layer.named_parameters()}
    for frozen in (names[:1], names[1:], names[::2]):
        layer.zero_grad()
        for name, parameter in layer.named_parameters():
            parameter.requires_grad_(name not in frozen)
        run_seeded(layer, x)[0].sum().backward()
        for name, parameter in layer.named_parameters():
            if name in frozen:
                assert parameter.grad is None, name
            else:
                assert torch.equal(parameter.grad, whole[name]), name


def test_a_wholly_frozen_layer_still_passes_gradients_to_its_input():
    layer, x = LSTM(X, H, **DOUBLE), make_input(**DOUBLE).requires_grad_()
    (wanted,) = torch.autograd.grad(layer(x)[0].sum(), x)
    layer.requires_grad_(False)
    (got,) = torch.autograd.grad(layer(x)[0].sum(), x)
    assert torch.equal(got, wanted)


@some_layers
def test_forward_hooks_see_and_change_input_and_result(make):
    layer, x = make().eval(), make_input()
    wanted = layer(2 * x)[0] + 1
    layer.register_forward_pre_hook(lambda _, arguments: (2 * arguments[0],))
    layer.register_forward_hook(lambda _, arguments, result: (result[0] + 1, result[1]))
    assert torch.equal(layer(x)[0], wanted)


@some_layers
def test_backward_hooks_see_the_gradients_of_output_and_input(make):
    layer, x = make().eval(), make_input().requires_grad_()
    (wanted,) = torch.autograd.grad(layer(x)[0].sum(), x)
    seen = []
    layer.register_full_backward_hook(lambda _, inner, outer: seen.append((inner[0], outer[0])))
    layer(x)[0].sum().backward()
    ((inner, outer),) = seen
    assert torch.equal(inner, wanted)
    assert torch.equal(outer, torch.ones_like(outer))


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_weight_norm_keeps_the_numbers_and_trains_its_parts_as_on_torchs(name):
    theirs = getattr(nn, name)(X, H, **DOUBLE)
    ours = convert(copy.deepcopy(theirs))
    x = make_input(**DOUBLE)
    wanted = ours(x)[0]
    gradients = []
    for layer in (ours, theirs):
        parametrizations.weight_norm(layer, "weight_hh_l0")
        output = layer(x)[0]
        torch.testing.assert_close(output, wanted, rtol=0, atol=1e-12)
        output.square().sum().backward()
        gradients.append({key: parameter.grad for key, parameter in layer.named_parameters()})
    assert "parametrizations.weight_hh_l0.original0" in gradients[0]
    assert gradients[0].keys() == gradients[1].keys()
    for key, gradient in gradients[1].items():
        torch.testing.assert_close(gradients[0][key], gradient, rtol=0, atol=1e-10, msg=key)


def test_the_part_that_an_equation_names_is_found_in_a_parametrized_layer():
    layer = recurrent("gru")
    wanted = layer.parameter("W.hz").clone()
    parametrizations.weight_norm(layer, "weight_h_l0")
    torch.testing.assert_close(layer.parameter("W.hz"), wanted)


@every_layer
def test_functional_call_uses_the_tensors_given_and_differentiates_them(make):
    layer, x = make(**DOUBLE), make_input(**DOUBLE)
    twin = copy.deepcopy(layer)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(1.5).add_(0.1)
    given = {name: value.detach().clone() for name, value in twin.named_parameters()}

    def loss(parameters):
        torch.manual_seed(4)
        return functional_call(layer, parameters, (x,))[0].square().sum()

    run_seeded(twin, x)[0].square().sum().backward()
    gradients = grad(loss)(given)
    for name, parameter in twin.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-12, atol=1e-12)
    assert all(parameter.grad is None for parameter in layer.parameters())


@every_layer
def test_vmap_over_a_new_axis_equals_a_loop(make):
    layer = make(**DOUBLE).eval()
    xs = make_input(6, 5, 2, **DOUBLE)  # 6 inputs, T B X
    mapped = vmap(layer)(xs)
    looped = [layer(x) for x in xs]
    wanted = [torch.stack(parts) for parts in zip(*map(flat, looped), strict=True)]
    for ours, expected in zip(flat(mapped), wanted, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


@some_layers
def test_vmap_gives_the_gradient_of_each_sample(make):
    layer = make(**DOUBLE).eval()
    parameters = {name: value.detach() for name, value in layer.named_parameters()}
    xs = make_input(4, 5, **DOUBLE)  # 4 sequences, T X

    def loss(parameters, x):
        return functional_call(layer, parameters, (x,))[0].square().sum()

    mapped = vmap(grad(loss), in_dims=(None, 0))(parameters, xs)
    for i, x in enumerate(xs):
        for name, gradient in grad(loss)(parameters, x).items():
            torch.testing.assert_close(mapped[name][i], gradient, rtol=1e-10, atol=1e-12)


@some_layers
def test_vmap_runs_an_ensemble_of_weights(make):
    layers = [make(**DOUBLE).eval() for _ in range(3)]
    x = make_input(**DOUBLE)
    parameters, _ = torch.func.stack_module_state(layers)
    outputs = vmap(lambda p: functional_call(layers[0], p, (x,))[0])(parameters)
    for output, layer in zip(outputs, layers, strict=True):
        torch.testing.assert_close(output, layer(x)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own, in its jvp
@every_layer
def test_jvp_is_the_transpose_of_vjp_and_not_zero(make):
    layer, x = make(**DOUBLE).eval(), make_input(**DOUBLE)
    parameters = {name: value.detach() for name, value in layer.named_parameters()}
    lengths = [5, 3]

    def call(parameters, x):
        output, state = functional_call(layer, parameters, (x,), {"lengths": lengths})
        return output, *flat(state)

    torch.manual_seed(6)
    along = ({k: torch.randn_like(v) for k, v in parameters.items()}, torch.randn_like(x))
    primal, tangents = jvp(call, (parameters, x), along)
    against = tuple(torch.randn_like(part) for part in primal)
    _, pull = vjp(call, parameters, x)
    gradients, gradient = pull(against)
    forward = sum((u * t).sum() for u, t in zip(against, tangents, strict=True))
    backward = (
        sum((along[0][k] * g).sum() for k, g in gradients.items()) + (along[1] * gradient).sum()
    )
    torch.testing.assert_close(forward, backward, rtol=1e-10, atol=1e-12)
    assert all(bool(tangent.abs().max() > 0) for tangent in tangents)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_a_gradient_penalty_has_the_gradients_that_torch_gives(name):
    theirs = getattr(nn, name)(X, H, num_layers=2, **DOUBLE)
    ours = convert(copy.deepcopy(theirs))
    second = []
    for layer in (ours, theirs):
        x = make_input(**DOUBLE).requires_grad_()
        (first,) = torch.autograd.grad(layer(x)[0].square().sum(), x, create_graph=True)
        first.square().sum().backward()
        parameters = {key: parameter.grad for key, parameter in layer.named_parameters()}
        second.append(parameters | {"x": x.grad})
    for key, gradient in second[1].items():
        torch.testing.assert_close(second[0][key], gradient, rtol=0, atol=1e-10, msg=key)


def test_a_second_backward_through_the_same_graph_gives_the_same_bits():
    layer, x = LSTM(X, H), make_input().requires_grad_()
    loss = layer(x)[0].square().sum()
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    assert torch.equal(torch.autograd.grad(loss, x)[0], first)


def test_no_grad_and_inference_mode_make_no_graph():
    layer, x = LSTM(X, H), make_input()
    wanted = layer(x)[0]
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            output, state = layer(x)
        assert torch.equal(output, wanted)
        assert not output.requires_grad
        assert not state.h.requires_grad
