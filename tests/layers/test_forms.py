"""The forms in which sequences come in: whole numbers, batch first, one sequence, one step."""

import pytest
import torch
from tests.layers.cases import (
    LENGTHS,
    B,
    T,
    X,
    assert_close,
    assert_same_bits,
    both_ways,
    change,
    every_cell,
    flat,
    make_input,
    make_layer,
    make_state,
    some_cells,
)
from torch import nn


@every_cell
def test_whole_numbers_are_one_hot_vectors(name):
    layer = make_layer(name, bidirectional=True, dropout=0.2)
    symbols = torch.randint(X, (T, B))
    one_hot = nn.functional.one_hot(symbols, X).double()
    found = []
    for x in (symbols, one_hot):
        torch.manual_seed(5)
        output, state, recorded = layer(x, lengths=LENGTHS, record=layer.cell.state_names[:1])
        gradients = torch.autograd.grad(output.square().sum(), list(layer.parameters()))
        found.append([output, *flat(state), *recorded.values(), *gradients])
    assert_close(*found)


@some_cells
def test_whole_numbers_of_half_the_bits_are_the_same(name):
    layer = make_layer(name, bidirectional=True)
    symbols = torch.randint(X, (T, B))
    assert_same_bits(layer(symbols.int(), lengths=LENGTHS), layer(symbols, lengths=LENGTHS))


def test_whole_numbers_past_a_length_may_be_anything():
    layer = make_layer("gru", bidirectional=True)
    symbols = torch.randint(X, (T, B))
    past = torch.arange(T).unsqueeze(1) >= torch.tensor(LENGTHS)
    wanted = layer(symbols, lengths=LENGTHS)
    assert_same_bits(layer(symbols.masked_fill(past, -100), lengths=LENGTHS), wanted)


@both_ways
@some_cells
def test_batch_first_exchanges_two_axes_of_input_and_output_alone(name, both):
    layer = make_layer(name, bidirectional=both)
    first = make_layer(name, bidirectional=both, batch_first=True)
    first.load_state_dict(layer.state_dict())
    x, state = make_input(), make_state(layer)
    output, last, recorded = layer(x, state, lengths=LENGTHS, record=("h",))
    got, got_last, got_recorded = first(x.transpose(0, 1), state, lengths=LENGTHS, record=("h",))
    assert_same_bits(got, output.transpose(0, 1))
    assert_same_bits((got_last, got_recorded["h"]), (last, recorded["h"]))
    symbols = torch.randint(X, (T, B))
    assert_same_bits(first(symbols.t())[0], layer(symbols)[0].transpose(0, 1))


@pytest.mark.parametrize("batch_first", [False, True], ids=["time_first", "batch_first"])
@both_ways
@some_cells
def test_one_sequence_needs_no_batch_axis(name, both, batch_first):
    layer = make_layer(name, bidirectional=both, batch_first=batch_first)
    x, state = make_input(T, 1), make_state(layer, batch=1)
    given = x.transpose(0, 1) if batch_first else x
    output, last, recorded = layer(given, state, lengths=[4], record=("h",))
    alone = change(state, lambda part: part[:, 0])
    got, got_last, got_recorded = layer(x[:, 0], alone, lengths=[4], record=("h",))
    assert_same_bits(got, output[0] if batch_first else output[:, 0])
    assert_same_bits(got_last, change(last, lambda part: part[:, 0]))
    assert_same_bits(got_recorded["h"], recorded["h"][:, :, 0])
    assert tuple(layer(x[:1, 0], alone)[0].shape) == (1, got.shape[-1])
    symbols = torch.randint(X, (T,))
    wanted = layer(symbols.unsqueeze(0 if batch_first else 1))[0]
    assert_same_bits(layer(symbols)[0], wanted.reshape(T, -1))


@pytest.mark.parametrize("batch_first", [False, True], ids=["time_first", "batch_first"])
def test_a_step_takes_a_batch_a_row_or_whole_numbers(batch_first):
    layer = make_layer("lstm", batch_first=batch_first)
    x, state = make_input(1, B), make_state(layer)
    wanted, last = layer(x.transpose(0, 1) if batch_first else x, state)
    wanted = wanted.reshape(B, -1)
    output, got = layer.step(x[0], state)
    assert_same_bits((output, got), (wanted, last))
    row = change(state, lambda part: part[:, 0])
    output, got = layer.step(x[0, 0], row)
    assert_close((output, got), (wanted[0], change(last, lambda part: part[:, 0])))
    symbols = torch.randint(X, (B,))
    one_hot = nn.functional.one_hot(symbols, X).double()
    assert_close(layer.step(symbols, state), layer.step(one_hot, state))
    assert_close(layer.step(symbols[0], row), layer.step(one_hot[0], row))
