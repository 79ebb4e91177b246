"""The maths of every layer, drop-ins and others, in C and in eager: results and all gradients.

That C equals eager in every cell is in tests/runtime/test_compiled_gallery.py.
"""

import copy
import pickle

import pytest
import torch
from tests.layers.cases import (
    DROP_INS,
    LAYERS,
    LENGTHS,
    B,
    H,
    T,
    X,
    assert_same_names,
    both_ways,
    change,
    each_backend,
    every_layer,
    everything,
    flat,
    gradients_of,
    make_input,
    make_layer,
    make_state,
)
from torch import nn

BITS = {"rtol": 0, "atol": 0}
in_every_form = pytest.mark.parametrize(
    ("both", "lengths"),
    [
        pytest.param(False, None, id="one_way-whole"),
        pytest.param(True, LENGTHS, id="two_way-lengths"),
        pytest.param(True, None, id="two_way-whole", marks=pytest.mark.slow),
        pytest.param(False, LENGTHS, id="one_way-lengths", marks=pytest.mark.slow),
    ],
)
in_either_form = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])


def kept_part(found, wanted_rows):
    """The same rows of every result that has rows."""
    by_row = ("output", "last", "gradient of x", "gradient of first")
    return {name: value[:, wanted_rows] for name, value in found.items() if name.startswith(by_row)}


# Padding


@both_ways
@each_backend
@every_layer
def test_nan_past_each_length_changes_no_bit_of_output_or_gradient(name, backend, both):
    layer = make_layer(name, backend=backend, bidirectional=both)
    clean, state = make_input(), make_state(layer)
    past = torch.arange(T).unsqueeze(1) >= torch.tensor(LENGTHS)
    wanted = everything(layer, clean.masked_fill(past.unsqueeze(-1), 0), state, lengths=LENGTHS)
    for filling in (torch.nan, torch.inf):
        x = clean.masked_fill(past.unsqueeze(-1), filling)
        assert_same_names(everything(layer, x, state, lengths=LENGTHS), wanted, **BITS)
    assert not wanted["output"][past].any()
    assert not wanted["gradient of x"][past].any()
    assert all(bool(value.isfinite().all()) for value in wanted.values())


@both_ways
@each_backend
@every_layer
def test_sequences_of_length_zero_leave_the_state_and_have_no_gradient(name, backend, both):
    layer = make_layer(name, backend=backend, bidirectional=both)
    state = make_state(layer)
    found = everything(layer, torch.full((T, B, X), torch.nan).double(), state, lengths=[0] * B)
    for label, part in zip(layer.cell.state_names, flat(state), strict=True):
        assert torch.equal(found.pop(f"last {label}"), part), label
        assert torch.equal(found.pop(f"gradient of first {label}"), 2 * part), label
    for label, value in found.items():
        assert not value.any(), label


# Time


@in_either_form
@each_backend
@every_layer
def test_time_cut_in_two_with_the_state_carried_has_the_gradients_of_the_whole(
    name, backend, lengths
):
    layer = make_layer(name, backend=backend)
    x, state = make_input(), make_state(layer)
    names = layer.cell.state_names
    wanted = everything(layer, x, state, lengths=lengths)
    for cut in (1, 3, T - 1):
        leaves = {"x": x.detach().requires_grad_()}
        first = change(state, lambda part: part.detach().requires_grad_())
        leaves |= {f"first {n}": part for n, part in zip(names, flat(first), strict=True)}
        leaves |= dict(layer.named_parameters())
        early = lengths and [min(length, cut) for length in lengths]
        late = lengths and [max(length - cut, 0) for length in lengths]
        before, carried = layer(leaves["x"][:cut], first, lengths=early)
        after, last = layer(leaves["x"][cut:], carried, lengths=late)
        found = {"output": torch.cat([before, after])}
        found |= {f"last {n}": part for n, part in zip(names, flat(last), strict=True)}
        assert_same_names(found | gradients_of(found.values(), leaves), wanted)


@in_either_form
@each_backend
@every_layer
def test_reverse_equals_flipping_time_in_every_gradient(name, backend, lengths):
    both = make_layer(name, backend=backend, bidirectional=True, num_layers=1)
    one = make_layer(name, backend=backend, num_layers=1)
    reverse = {k: v for k, v in both.state_dict().items() if k.endswith("_reverse")}
    one.load_state_dict({k.removesuffix("_reverse"): v for k, v in reverse.items()})
    x, state = make_input(), make_state(one)

    def flipped(values):
        """Each sequence turned within its length."""
        turned = values.clone()
        for row, length in enumerate(lengths or [T] * B):
            turned[:length, row] = values[:length, row].flip(0)
        return turned

    wanted = everything(one, flipped(x), state, lengths=lengths)
    wanted |= {key: flipped(wanted[key]) for key in ("output", "gradient of x")}
    leaves = {"x": x.requires_grad_()}
    first = change(state, lambda part: torch.cat([torch.zeros_like(part), part]).requires_grad_())
    output, last = both(x, first, lengths=lengths)
    width = wanted["output"].shape[-1]
    found = {"output": output[..., width:]}
    for label, part in zip(one.cell.state_names, flat(last), strict=True):
        found[f"last {label}"] = part[1:]
    for label, part in zip(one.cell.state_names, flat(first), strict=True):
        leaves[f"first {label}"] = part
    for key, parameter in both.named_parameters():
        if key.endswith("_reverse"):
            leaves[key.removesuffix("_reverse")] = parameter
    found |= gradients_of(found.values(), leaves)
    for label in one.cell.state_names:
        found[f"gradient of first {label}"] = found[f"gradient of first {label}"][1:]
    assert_same_names(found, wanted)


# Batch


@in_every_form
@each_backend
@every_layer
def test_a_reordered_batch_has_the_reordered_results_and_gradients(name, backend, both, lengths):
    layer = make_layer(name, backend=backend, bidirectional=both)
    x, state, order = make_input(), make_state(layer), [2, 0, 3, 1]
    wanted = everything(layer, x, state, lengths=lengths)
    mixed = change(state, lambda part: part[:, order])
    mixed_lengths = lengths and [lengths[row] for row in order]
    found = everything(layer, x[:, order], mixed, lengths=mixed_lengths)
    assert_same_names(found, wanted | kept_part(wanted, order))


@each_backend
@every_layer
def test_a_row_alone_is_the_row_in_a_batch_in_float32(name, backend):
    layer = make_layer(name, backend=backend, dtype=torch.float32)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(0.5)
    x = torch.randn(20, 13, X)
    state = change(make_state(layer, 13), lambda part: part.float())
    whole = everything(layer, x, state)
    scales = {key: max(1.0, float(value.detach().abs().max())) for key, value in whole.items()}
    for row in (0, 5, 12):
        alone = change(state, lambda part, row=row: part[:, [row]])
        found = kept_part(everything(layer, x[:, [row]], alone), [0])
        wanted = kept_part(whole, [row])
        found = {key: value / scales[key] for key, value in found.items()}
        wanted = {key: value / scales[key] for key, value in wanted.items()}
        assert_same_names(found, wanted, rtol=0, atol=1e-6)


SIZED = [(name, size) for name in LAYERS for size in (1, H) if name != "LSTM-projected" or size > 3]


@both_ways
@each_backend
@pytest.mark.parametrize(("name", "size"), SIZED)
def test_axes_of_one_are_their_part_of_longer_ones_with_every_gradient(name, size, backend, both):
    layer = make_layer(name, size, backend=backend, bidirectional=both, num_layers=1)
    x, state = torch.randn(T, B, size, dtype=torch.float64), make_state(layer)
    for steps, batch in ((1, 1), (1, B), (T, 1)):
        lengths = [steps] * batch + [0] * (B - batch)
        wanted = everything(layer, x, state, lengths=lengths)
        wanted |= kept_part(wanted, slice(batch))
        wanted |= {key: wanted[key][:steps] for key in ("output", "gradient of x")}
        part = change(state, lambda part, batch=batch: part[:, :batch])
        assert_same_names(everything(layer, x[:steps, :batch], part), wanted)


@both_ways
@each_backend
@every_layer
def test_an_empty_batch_has_empty_results_and_zero_gradients(name, backend, both):
    layer = make_layer(name, backend=backend, bidirectional=both)
    found = everything(layer, make_input(T, 0), make_state(layer, 0), lengths=[] if both else None)
    one = everything(layer, make_input(T, 1), make_state(layer, 1))
    for key, value in kept_part(found, slice(None)).items():
        assert tuple(value.shape) == (one[key].shape[0], 0, one[key].shape[2]), key
    assert not any(value.any() for value in found.values())


# Memory


VIEWS = {
    "transposed": lambda t: t.transpose(0, 1).contiguous().transpose(0, 1),
    "gapped": lambda t: torch.stack([torch.full_like(t, torch.nan), t], dim=-1)[..., 1],
    "expanded": lambda t: t[:, :1].expand_as(t),
    "expanded in width": lambda t: t[..., :1].expand_as(t),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@in_every_form
@each_backend
@every_layer
def test_strides_of_input_and_state_change_no_bit_in_c_and_roundings_in_eager(
    name, backend, both, lengths, view
):
    layer = make_layer(name, backend=backend, bidirectional=both, num_layers=1)
    x, state = view(make_input()), change(make_state(layer), view)
    assert not x.is_contiguous()
    found = everything(layer, x, state, lengths=lengths)
    plain = change(state, lambda part: part.contiguous())
    wanted = everything(layer, x.contiguous(), plain, lengths=lengths)
    assert_same_names(found, wanted, **(BITS if backend == "c" else {}))


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda layer: pickle.loads(pickle.dumps(layer))}


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
@each_backend
@every_layer
def test_a_copy_of_a_used_layer_has_the_same_bits_and_gradients_of_its_own(
    name, backend, duplicate
):
    layer, x = make_layer(name, backend=backend), make_input()
    state = make_state(layer)
    layer(x, state)[0].sum().backward()
    before = {key: parameter.grad.clone() for key, parameter in layer.named_parameters()}
    twin = duplicate(layer)
    assert twin.backend == backend
    wanted = everything(layer, x, state, lengths=LENGTHS)
    assert_same_names(everything(twin, x, state, lengths=LENGTHS), wanted, **BITS)
    torch.optim.SGD(twin.parameters(), lr=1).step()
    twin(x, state)[0].sum().backward()
    assert_same_names(everything(layer, x, state, lengths=LENGTHS), wanted, **BITS)
    gradients = {key: parameter.grad for key, parameter in layer.named_parameters()}
    assert_same_names(gradients, before, **BITS)


@each_backend
@every_layer
def test_a_layer_made_on_meta_has_the_bits_of_the_one_whose_weights_it_is_given(name, backend):
    layer = make_layer(name, backend=backend, bidirectional=True)
    empty = make_layer(name, backend=backend, bidirectional=True, device="meta")
    assert {parameter.device.type for parameter in empty.parameters()} == {"meta"}
    empty.load_state_dict(layer.state_dict(), assign=True)
    x, state = make_input(), make_state(layer)
    wanted = everything(layer, x, state, lengths=LENGTHS)
    assert_same_names(everything(empty, x, state, lengths=LENGTHS), wanted, **BITS)


@both_ways
@each_backend
@pytest.mark.parametrize("name", DROP_INS)
def test_state_dicts_go_to_torchs_layer_and_back_between_steps_of_training(name, backend, both):
    ours = make_layer(name, backend=backend, bidirectional=both)
    kind, own = DROP_INS[name]
    options = {"num_layers": 2, "bidirectional": both, "dtype": torch.float64}
    theirs, x = getattr(nn, kind.__name__)(X, H, **own, **options), make_input()
    assert_loads_into_the_other(ours, theirs, x)
    assert_loads_into_the_other(theirs, ours, x)


def assert_loads_into_the_other(one, other, x):
    """One layer takes a step; the other, given its state dict, has its numbers."""
    one(x)[0].square().mean().backward()
    torch.optim.SGD(one.parameters(), lr=0.1).step()
    other.load_state_dict(one.state_dict(), strict=True)
    torch.testing.assert_close(other(x), one(x), rtol=0, atol=1e-10)
