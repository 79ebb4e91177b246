"""Recorded gradients: those of the loss with respect to values of the equations, at each step."""

import pytest
import torch
from tests.layers.cases import (
    CELLS,
    LENGTHS,
    B,
    H,
    T,
    X,
    assert_close,
    both_ways,
    every_cell,
    flat,
    make_input,
    make_layer,
    make_state,
)

from unrolled import LSTM, Recurrent, cell, dropout, sigmoid, tanh
from unrolled.compiler.probes import can_be_probed
from unrolled.errors import (
    BackendError,
    NoGradientError,
    OptionError,
    RecordError,
    UnknownNameError,
)

COMPILED = "lstm gru mut1 lstm_fgr layernorm_gru rhn zoneout_lstm lstm_projected".split()


def all_names(name):
    """Every name of a cell whose gradient can be recorded."""
    return [each for each in CELLS[name].named if can_be_probed(CELLS[name], each)]


def pull(result, seed=0):
    """A loss in which every number of the output and the last states has its own weight."""
    torch.manual_seed(seed)
    return sum((torch.randn_like(tensor) * tensor).sum() for tensor in flat(result[:2]))


def found_squares(layer):
    """The sum of the squares of the gradients of c, as in `test_gradients_of_gradients`."""
    torch.manual_seed(7)
    result = layer(make_input(), make_state(layer), record_gradients=("c",))
    return torch.autograd.grad(pull(result), [result[-1]["c"]])[0].square().sum()


def found(layer, names, x, state, lengths):
    """The recorded gradients of a layer."""
    torch.manual_seed(5)  # masks
    result = layer(x, state, lengths=lengths, record_gradients=names)
    pull(result).backward()
    return {
        name: torch.zeros(probe.shape, dtype=probe.dtype) if probe.grad is None else probe.grad
        for name, probe in result[-1].items()
    }


def test_they_are_what_autograd_retains_of_each_value():
    layer = make_layer("lstm", num_layers=1)
    x, (h, c) = make_input(), make_state(layer)
    _, _, probes = result = layer(x, (h, c), record_gradients=("i", "f", "g", "o", "c", "h"))
    pull(result).backward()
    w_x, w_h, b = layer.weight_x_l0, layer.weight_h_l0, layer.bias_l0
    retained = {name: [] for name in "ifgoch"}
    h, c, outputs = h[0], c[0], []
    for now in x:
        i, f, g, o = (now @ w_x.T + h @ w_h.T + b).chunk(4, dim=1)
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + i * g
        h = o * torch.tanh(c)
        for name, value in {"i": i, "f": f, "g": g, "o": o, "c": c, "h": h}.items():
            value.retain_grad()
            retained[name].append(value)
        outputs.append(h)
    pull((torch.stack(outputs), (h[None], c[None]))).backward()
    for name, values in retained.items():
        wanted = torch.stack([value.grad for value in values])
        torch.testing.assert_close(probes[name].grad[0], wanted, rtol=0, atol=1e-12)


def assert_c_finds_what_eager_finds(layer, names, lengths):
    """Both backends, with the same masks."""
    x, state = make_input(), make_state(layer)
    layer.backend = "c"
    compiled = found(layer, names, x, state, lengths)
    layer.backend = "eager"
    eager = found(layer, names, x, state, lengths)
    for name in names:
        torch.testing.assert_close(compiled[name], eager[name], rtol=0, atol=1e-11, msg=name)
    return eager


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@both_ways
@pytest.mark.parametrize("name", COMPILED)
def test_c_finds_what_eager_finds(name, both, lengths):
    layer = make_layer(name, bidirectional=both)
    gradients = assert_c_finds_what_eager_finds(layer, all_names(name), lengths)
    assert all(gradient.any() for gradient in gradients.values())


@pytest.mark.slow
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@every_cell
def test_c_finds_what_eager_finds_in_every_cell(name, training):
    layer = make_layer(name).train(training)
    gradients = assert_c_finds_what_eager_finds(layer, all_names(name), LENGTHS)
    assert all(gradient.any() for gradient in gradients.values())


@cell
def knotted(x, h, *, W, b, m=dropout(0.5)):  # noqa: B008
    """Values that are equal, that follow from x or from parameters alone, or that a mask meets."""
    u = tanh(x)
    s = sigmoid(b.s)
    a = W.xa @ u + s
    e = W.ha @ h
    same = W.ha @ h
    f = sigmoid(e + a + b.f)
    dropped = m * f
    g = tanh(W.xg @ u + W.hg @ (dropped * h) + same * e + u)
    return f * h + (1 - f) * g * dropped


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_values_that_share_their_work_have_gradients_of_their_own(training):
    layer = Recurrent(knotted, H, H, dtype=torch.float64).train(training)
    names = ["u", "s", "a", "e", "same", "f", "dropped", "g", "h"]
    gradients = assert_c_finds_what_eager_finds(layer, names, LENGTHS)
    assert all(gradient.any() for gradient in gradients.values())
    torch.testing.assert_close(gradients["same"], gradients["e"], rtol=0, atol=1e-12)
    assert not torch.equal(gradients["f"], gradients["dropped"])


@pytest.mark.parametrize("backend", ["c", "eager"])
def test_recording_changes_nothing_else(backend):
    layer = make_layer("gru", backend=backend)
    x, state = make_input().requires_grad_(), make_state(layer).requires_grad_()
    inputs = [x, state, *layer.parameters()]
    plain = layer(x, state, record=("n",))
    wanted = torch.autograd.grad(pull(plain), inputs)
    result = layer(x, state, record=("n",), record_gradients=("n", "r"))
    got = torch.autograd.grad(pull(result), inputs)
    assert_close((*result[:2], result[2]["n"], *got), (*plain[:2], plain[2]["n"], *wanted))


@pytest.mark.parametrize("backend", ["c", "eager"])
def test_gradients_of_gradients(backend):
    layer = make_layer("lstm", num_layers=1, backend=backend)
    torch.manual_seed(7)
    result = layer(make_input(), make_state(layer), record_gradients=("c",))
    (gradient,) = torch.autograd.grad(pull(result), [result[-1]["c"]], create_graph=True)
    second = torch.autograd.grad(gradient.square().sum(), layer.weight_h_l0)[0]
    step = 1e-5
    with torch.no_grad():
        layer.weight_h_l0[1, 2] += step
    above = found_squares(layer)
    with torch.no_grad():
        layer.weight_h_l0[1, 2] -= 2 * step
    slope = (above - found_squares(layer)) / (2 * step)
    torch.testing.assert_close(second[1, 2], slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("backend", ["c", "eager"])
def test_shapes_are_those_of_recorded_values(backend):
    layer = make_layer("lstm", bidirectional=True, batch_first=True, backend=backend)
    _, _, values, probes = layer(make_input(B, T), record=("f",), record_gradients=("f", "c"))
    assert probes["f"].shape == values["f"].shape == (4, T, B, H)
    _, _, probes = result = layer(make_input(T), record_gradients=("f",))
    pull(result).backward()
    assert probes["f"].grad.shape == (4, T, H)


def test_two_backwards_add_up_as_in_torch():
    layer = make_layer("rnn", num_layers=1)
    _, _, probes = result = layer(make_input(), record_gradients=("h",))
    pull(result).backward(retain_graph=True)
    once = probes["h"].grad.clone()
    pull(result).backward()
    assert_close(probes["h"].grad, 2 * once)


@cell
def plain(x, h, *, W):
    """An equation that is a constant, and one that is the input."""
    one = 1 - 0.5 * 0
    u = x
    return one * tanh(W.xh @ u + W.hh @ h)


@pytest.mark.parametrize("backend", ["c", "eager"])
def test_a_name_counts_once_and_a_text_is_one_name(backend):
    layer = make_layer("lstm", backend=backend)
    x, state = make_input(), make_state(layer)
    options = {"record": ("f", "f"), "record_gradients": iter(("f", "f"))}
    _, last, values, probes = result = layer(x, state, **options)
    pull(result).backward()
    once = found(layer, "f", x, state, None)
    assert list(values) == list(probes) == list(once) == ["f"]
    assert last._fields == ("h", "c")
    assert_close(probes["f"].grad, once["f"])
    with pytest.raises(UnknownNameError, match="lstm has no equation 'fc'; it has i, f, g, o"):
        layer(x, state, record_gradients="fc")


def test_function_transforms_record_none():
    layer = make_layer("rnn")
    with pytest.raises(OptionError, match=r"got record_gradients=\['h'\]; wanted none under"):
        torch.func.vmap(lambda x: layer(x, record_gradients="h")[0])(make_input(2, T, B))


def test_what_has_no_gradient_is_refused():
    layer = Recurrent(plain, X, H)
    for name in ("one", "u"):
        with pytest.raises(NoGradientError, match=f"gradient of {name} of plain cannot be"):
            layer(torch.randn(T, B, X), record_gradients=(name,))
    with pytest.raises(UnknownNameError, match="plain has no equation 'q'; it has one, u, h"):
        layer(torch.randn(T, B, X), record_gradients=("q",))


def test_values_of_several_widths_are_refused():
    layer = Recurrent(wide, X + 1, H, num_layers=2)
    with pytest.raises(RecordError, match=r"u cannot be recorded: it is \[6, 5\] wide"):
        layer(torch.randn(T, B, X + 1), record_gradients=("u",))


@cell
def wide(x, h, *, W, b):
    """A value as wide as its input."""
    u = tanh(x)
    return tanh(W.uh @ u + W.hh @ h + b.h)


def test_the_vendor_records_none():
    layer = LSTM(X, H, backend="vendor")
    with pytest.raises(BackendError, match="torch's kernel records nothing"):
        layer(torch.randn(T, B, X), record_gradients=("f",))
