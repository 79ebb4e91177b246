"""RNN, LSTM, GRU and their cells against torch.nn's: results, every gradient, state dicts."""

import itertools
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import unrolled

T, B, X, H = 3, 3, 2, 3
LENGTHS = {"sorted": [3, 2, 1], "unsorted": [2, 3, 1]}
DOUBLE = {"dtype": torch.float64}
STATES = {"RNN": ("h",), "GRU": ("h",), "LSTM": ("h", "c")}
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {"nonlinearity": "tanh"}),
    ("RNN", {"nonlinearity": "relu"}),
    ("LSTM", {}),
    ("LSTM", {"proj_size": 2}),
    ("GRU", {}),
]
OPTIONS = [
    {"num_layers": layers, "bias": bias, "batch_first": first, "bidirectional": both, **dropout}
    for layers, bias, first, both in itertools.product((1, 2, 3), *[(True, False)] * 3)
    for dropout in ({}, {"dropout": 0.3})[: min(2, layers)]
]
DEEPEST = {"num_layers": 3, "bias": True, "batch_first": False, "bidirectional": True}
QUICK = [options for options in OPTIONS if options == DEEPEST or options["num_layers"] < 3]
SLOW = [options for options in OPTIONS if options not in QUICK]
FORMS = ("unbatched", "batched", "sorted", "unsorted", "lengths")


def title(value):
    if isinstance(value, tuple):
        return "-".join([value[0], *map(str, value[1].values())])
    if isinstance(value, dict):
        return "-".join(
            name if given is True else f"{name}={given}" for name, given in value.items() if given
        )
    return str(value)


def make_twins(name, *arguments, **options):
    """Torch's module and ours with the same weights."""
    torch.manual_seed(0)
    theirs = getattr(nn, name)(*arguments, **options)
    ours = getattr(unrolled, name)(*arguments, **options)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return theirs, ours


def state_shape(layer, name, batched):
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    width = layer.proj_size if name == "h" and layer.proj_size else layer.hidden_size
    return (rows, B, width) if batched else (rows, width)


def make_leaves(layer, names, form, given):
    """The input and, if given, the first states of a case, as leaves to be differentiated."""
    torch.manual_seed(1)
    batched = form != "unbatched"
    shape = ((B, T, X) if layer.batch_first else (T, B, X)) if batched else (T, X)
    leaves = {"x": torch.randn(shape, **DOUBLE)}
    for name in names if given else ():
        leaves[f"first {name}"] = torch.randn(state_shape(layer, name, batched), **DOUBLE)
    return {name: leaf.requires_grad_() for name, leaf in leaves.items()}


def call_theirs(layer, form, x, state):
    """The output (padded, if the case has lengths) and the state of torch's layer."""
    if form in ("unbatched", "batched"):
        return layer(x, state)
    lengths = LENGTHS["unsorted" if form == "lengths" else form]
    first = layer.batch_first
    packed = pack_padded_sequence(x, lengths, batch_first=first, enforce_sorted=form == "sorted")
    output, state = layer(packed, state)
    if form != "lengths":
        return output, state
    return pad_packed_sequence(output, batch_first=first, total_length=T)[0], state


def call_ours(layer, form, x, state):
    if form == "lengths":
        return layer(x, state, lengths=LENGTHS["unsorted"])
    return call_theirs(layer, form, x, state)


def results(layer, names, form, given, call):
    """Everything that a call gives, by name: outputs, last states, the gradient of every leaf."""
    leaves = make_leaves(layer, names, form, given)
    first = tuple(leaves[f"first {name}"] for name in names) if given else None
    state = first[0] if first and len(first) == 1 else first
    output, last = call(layer, form, leaves["x"], state)
    found: dict[str, torch.Tensor] = {}
    if isinstance(output, PackedSequence):
        found |= {f"packed {k}": v for k, v in output._asdict().items() if v is not None}
        output = output.data
    found |= {"output": output}
    last = [last] if isinstance(last, torch.Tensor) else last
    found |= {f"last {name}": part for name, part in zip(names, last, strict=True)}
    torch.manual_seed(2)
    values = [value for key, value in found.items() if "packed" not in key]
    loss = sum((torch.randn(value.shape, **DOUBLE) * value).sum() for value in values)
    leaves |= dict(layer.named_parameters())
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    return found | {f"gradient of {k}": g for k, g in zip(leaves, gradients, strict=True)}


def assert_same_tensors(ours, theirs, case=""):
    assert ours.keys() == theirs.keys(), case
    for name in theirs:
        torch.testing.assert_close(
            ours[name],
            theirs[name],
            rtol=0,
            atol=1e-10,
            msg=lambda message, name=name: f"{case}, {name}: {message}",
        )


@pytest.mark.parametrize(
    "options",
    [*QUICK, *(pytest.param(options, marks=pytest.mark.slow) for options in SLOW)],
    ids=title,
)
@pytest.mark.parametrize("kind", KINDS, ids=title)
def test_outputs_states_and_every_gradient_equal_torchs(kind, options):
    name, own = kind
    theirs, ours = make_twins(name, X, H, **own, **options, **DOUBLE)
    evaluation = "dropout" in options
    theirs.train(not evaluation)
    ours.train(not evaluation)
    forms = ("batched",) if evaluation else FORMS  # dropout is off: one form is enough
    for form, given in itertools.product(forms, (False, True)):
        case = f"{form}, first state {'given' if given else 'zero'}"
        wanted = results(theirs, STATES[name], form, given, call_theirs)
        got = results(ours, STATES[name], form, given, call_ours)
        assert_same_tensors(got, wanted, case)


@pytest.mark.parametrize("form", ["batched", "unbatched"])
@pytest.mark.parametrize("first", [False, True], ids=["time_first", "batch_first"])
@pytest.mark.parametrize("both", [False, True], ids=["one_way", "two_way"])
@pytest.mark.parametrize("kind", KINDS, ids=title)
def test_dropout_in_training_drops_what_torch_drops_from_the_same_seed(kind, both, first, form):
    name, own = kind
    options = {"num_layers": 3, "dropout": 0.4, "bidirectional": both, "batch_first": first}
    theirs, ours = make_twins(name, X, H, **own, **options, **DOUBLE)
    made = []
    for layer in (ours, theirs):
        leaves = make_leaves(layer, STATES[name], form, given=False)
        torch.manual_seed(5)
        made.append({"output": layer(leaves["x"])[0]})
    assert_same_tensors(*made)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("batched", [True, False], ids=["batched", "unbatched"])
@pytest.mark.parametrize("given", [True, False], ids=["first_state", "zero_state"])
@pytest.mark.parametrize(
    "kind",
    [
        ("RNNCell", {"nonlinearity": "tanh"}),
        ("RNNCell", {"nonlinearity": "relu"}),
        ("LSTMCell", {}),
        ("GRUCell", {}),
    ],
    ids=title,
)
def test_one_step_cells_equal_torchs_with_every_gradient(kind, given, batched, bias):
    name, own = kind
    theirs, ours = make_twins(name, X, H, **own, bias=bias, **DOUBLE)
    assert str(ours) == str(theirs)
    axes = (B,) if batched else ()
    made = []
    for cell in (ours, theirs):
        torch.manual_seed(3)
        leaves = {"x": torch.randn(*axes, X, **DOUBLE)}
        if given:
            names = STATES[name.removesuffix("Cell")]
            leaves |= {f"first {n}": torch.randn(*axes, H, **DOUBLE) for n in names}
        x, *first = [leaf.requires_grad_() for leaf in leaves.values()]
        state = (first[0] if len(first) == 1 else tuple(first)) if given else None
        new = cell(x, state)
        new = cell(x, new)  # twice: what comes out goes back in
        parts = [new] if isinstance(new, torch.Tensor) else list(new)
        assert isinstance(new, torch.Tensor | tuple)
        leaves |= dict(cell.named_parameters())
        loss = sum((part**2).sum() for part in parts)
        gradients = torch.autograd.grad(loss, list(leaves.values()))
        made.append(
            {f"state {i}": part for i, part in enumerate(parts)}
            | {f"gradient of {k}": g for k, g in zip(leaves, gradients, strict=True)}
        )
    assert_same_tensors(*made)


@pytest.mark.parametrize(
    "options",
    [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "num_layers": 3}],
    ids=title,
)
@pytest.mark.parametrize("kind", KINDS, ids=title)
def test_state_dicts_load_both_ways(kind, options):
    name, own = kind
    theirs = getattr(nn, name)(X, H, **own, **options)
    ours = getattr(unrolled, name)(X, H, **own, **options)
    shapes = [(key, value.shape) for key, value in ours.state_dict().items()]
    assert shapes == [(key, value.shape) for key, value in theirs.state_dict().items()]
    theirs.load_state_dict(ours.state_dict(), strict=True)
    assert all(torch.equal(p, theirs.state_dict()[k]) for k, p in ours.state_dict().items())
    ours.reset_parameters()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert all(torch.equal(p, ours.state_dict()[k]) for k, p in theirs.state_dict().items())


def test_a_foreign_state_dict_is_refused_as_torch_refuses_it():
    for module in (unrolled.GRU(X, H), nn.GRU(X, H)):
        with pytest.raises(RuntimeError, match="size mismatch for weight_ih_l0"):
            module.load_state_dict(nn.LSTM(X, H).state_dict())


@pytest.mark.parametrize("kind", KINDS, ids=title)
def test_fresh_parameters_are_the_ones_that_torch_draws(kind):
    name, own = kind
    options = {"num_layers": 2, "bidirectional": True}
    torch.manual_seed(7)
    theirs = getattr(nn, name)(X, H, **own, **options)
    torch.manual_seed(7)
    ours = getattr(unrolled, name)(X, H, **own, **options)
    for key, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value), key


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_dropout_without_a_layer_above_warns_as_torch_does_at_the_callers_line(name):
    with pytest.warns(UserWarning, match="num_layers"):
        getattr(nn, name)(X, H, dropout=0.5)
    with pytest.warns(UserWarning, match="num_layers=1 has no between") as caught:
        getattr(unrolled, name)(X, H, dropout=0.5)
    assert [warning.filename for warning in caught] == [__file__]
