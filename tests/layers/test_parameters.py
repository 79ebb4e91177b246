"""Parameters and states by name: views, gradients, initial values, named tuples."""

import copy
import pickle

import torch
from tests.layers.cases import (
    CELLS,
    H,
    X,
    assert_same_bits,
    every_cell,
    flat,
    make_input,
    make_layer,
    make_state,
    own_sizes,
)

from unrolled import Recurrent, find_cell
from unrolled.compiler.layout import layout_of
from unrolled.layers.states import detach, state_type
from unrolled.layers.torch_cells import LSTMCell


@every_cell
def test_the_parameters_of_the_equations_are_views_that_tile_what_is_stored(name):
    layer = make_layer(name)
    for depth in range(2):
        views = {part: layer.parameter(part, layer=depth) for part in layer.program(depth).blocks}
        with torch.no_grad():
            for number, view in enumerate(views.values(), start=1):
                view.fill_(number)
        for number, (part, view) in enumerate(views.items(), start=1):
            assert torch.equal(view, torch.full_like(view, number)), part
        stored = [tensor for key, tensor in layer.named_parameters() if f"_l{depth}" in key]
        filled = sorted({value for tensor in stored for value in tensor.flatten().tolist()})
        assert filled == list(range(1, len(views) + 1))


def test_gradients_are_found_by_the_names_of_the_equations():
    layer = make_layer("lstm", bidirectional=True)
    assert layer.gradient("W.xi") is None
    x, names = make_input(), ("W.xi", "W.hf", "b.o")
    wanted = {}
    for depth, reverse in ((0, False), (1, True)):
        for part in names:
            view = layer.parameter(part, layer=depth, reverse=reverse)
            before, direction = view.detach().clone(), torch.randn_like(view)
            losses = []
            with torch.no_grad():
                for sign in (1, -1):
                    view.copy_(before + sign * 1e-6 * direction)
                    losses.append(layer(x)[0].square().sum())
                view.copy_(before)
            wanted[depth, reverse, part] = direction, (losses[0] - losses[1]) / 2e-6
    layer(x)[0].square().sum().backward()
    for (depth, reverse, part), (direction, slope) in wanted.items():
        gradient = layer.gradient(part, layer=depth, reverse=reverse)
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-5, atol=1e-7)


def test_forget_biases_start_at_one_or_where_the_user_wants_them():
    layers = [
        (Recurrent(find_cell("lstm"), X, H, 2, bidirectional=True), 1.0),
        (Recurrent(find_cell("lstm"), X, H, 2, bidirectional=True, init={"b.f": 2.5}), 2.5),
        (Recurrent(find_cell("lstm"), X, H, 2, bidirectional=True, init={"b.f": 0}), 0.0),
    ]
    for layer, value in layers:
        for depth in range(2):
            for reverse in (False, True):
                bias = layer.parameter("b.f", layer=depth, reverse=reverse)
                assert bias.tolist() == [value] * H
    with_forget_gate = [n for n in CELLS if "b.f" in layout_of(CELLS[n]).labels("b.")]
    for name in with_forget_gate:
        assert make_fresh(name).parameter("b.f").tolist() == [1.0] * H, name


def make_fresh(name, **options):
    return Recurrent(find_cell(name), X, H, sizes=own_sizes(name), **options)


def test_rhn_starts_with_its_transform_gates_nearly_shut():
    layer = make_fresh("rhn:3")
    for depth in (1, 2, 3):
        assert layer.parameter(f"b.Rt[{depth}]").tolist() == [-2.0] * H
        assert layer.parameter(f"b.R[{depth}]").abs().max() <= H**-0.5
    settled = make_fresh("rhn:3", init={"b.Rt[2]": -4.0})
    starts = [settled.parameter(f"b.Rt[{depth}]").tolist() for depth in (1, 2, 3)]
    assert starts == [[-2.0] * H, [-4.0] * H, [-2.0] * H]


def test_layer_norm_gains_start_at_one_and_shifts_at_zero():
    for name in ("layernorm_lstm", "layernorm_gru"):
        layer = make_fresh(name)
        for label in layout_of(layer.cell).labels("p."):
            wanted = 1.0 if label.startswith("p.g") else 0.0
            assert set(layer.parameter(label).tolist()) == {wanted}, label


@every_cell
def test_what_declares_no_initial_value_is_uniform_within_its_bound(name):
    layer = Recurrent(find_cell(name), 40, 40, sizes=own_sizes(name, 20))
    declared = {key.partition("[")[0] for key in layer.cell.init}
    bound = 40**-0.5
    for part in layer.program(0).blocks:
        if part.partition("[")[0] not in declared:
            values = layer.parameter(part)
            assert values.abs().max() <= bound, part
            assert values.max() - values.min() > 1.5 * bound, part
    before = copy.deepcopy(layer.state_dict())
    layer.reset_parameters()
    assert not any(
        torch.equal(v, before[k]) for k, v in layer.state_dict().items() if "weight" in k
    )


def test_states_of_several_parts_are_named_tuples_that_pickle():
    layer = make_layer("lstm_fgr")
    _, state = layer(make_input())
    assert state._fields == ("h", "c", "i", "f", "o")
    assert type(state) is state_type(("h", "c", "i", "f", "o"))
    for twin in (pickle.loads(pickle.dumps(state)), copy.deepcopy(detach(state))):
        assert type(twin) is type(state)
        assert_same_bits(twin, state)


def test_states_of_one_part_are_tensors():
    assert isinstance(make_layer("gru")(make_input())[1], torch.Tensor)


def test_a_state_given_as_a_list_or_a_tuple_is_taken_part_by_part():
    layer, x = make_layer("lstm"), make_input()
    state = make_state(layer)
    wanted = layer(x, state)
    assert_same_bits(layer(x, list(state)), wanted)
    assert_same_bits(layer(x, state_type(("h", "c"))(*state)), wanted)


def test_detached_states_carry_the_numbers_and_no_graph():
    lstm, gru = make_layer("lstm"), make_layer("gru")
    x = make_input()
    states = [lstm(x)[1], gru(x)[1], LSTMCell(X, H, dtype=torch.float64)(x[0])]
    for state in states:
        free = detach(state)
        assert type(free) is type(state)
        assert_same_bits(free, state)
        assert not any(part.requires_grad for part in flat(free))
    assert detach(None) is None
