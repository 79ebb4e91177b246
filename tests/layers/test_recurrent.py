"""The promises of a layer of any cell: padding, time, direction, batch, strides."""

import copy

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
    own_sizes,
    some_cells,
)
from torch.nn.utils.rnn import pack_padded_sequence

from unrolled import Recurrent, find_cell


@both_ways
@every_cell
def test_what_stands_past_a_length_changes_no_bit_of_output_or_gradient(name, both):
    layer = make_layer(name, bidirectional=both)
    clean, state = make_input(), make_state(layer)
    past = torch.arange(T).unsqueeze(1) >= torch.tensor(LENGTHS)
    found = []
    for filling in (0.0, float("nan"), float("inf")):
        x = clean.masked_fill(past.unsqueeze(-1), filling).requires_grad_()
        first = change(state, lambda part: part.clone().requires_grad_())
        torch.manual_seed(8)
        record = layer.cell.state_names[:1]
        output, last, recorded = layer(x, first, lengths=LENGTHS, record=record)
        everything = [output, *flat(last), *recorded.values()]
        loss = sum(part.square().sum() for part in everything)
        leaves = [x, *flat(first), *layer.parameters()]
        found.append(everything + list(torch.autograd.grad(loss, leaves)))
    for other in found[1:]:
        assert_same_bits(other, found[0])
    assert all(bool(tensor.isfinite().all()) for tensor in found[0])


@every_cell
def test_a_sequence_beside_longer_ones_is_as_if_alone(name):
    layer = make_layer(name, bidirectional=True).eval()
    x, state = make_input(), make_state(layer)
    output, last = layer(x, state, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        first = change(state, lambda part, row=row: part[:, row : row + 1])
        ours = change(last, lambda part, row=row: part[:, row : row + 1])
        assert not output[length:, row].any()
        if length:
            alone, last_alone = layer(x[:length, row : row + 1], first)
            assert_close(output[:length, row : row + 1], alone)
            assert_close(ours, last_alone)
        else:
            assert_same_bits(ours, first)


@both_ways
@some_cells
def test_full_lengths_change_no_bit(name, both):
    layer, x = make_layer(name, bidirectional=both).eval(), make_input()
    assert_same_bits(layer(x, lengths=[T] * B), layer(x))


@pytest.mark.parametrize(
    "lengths",
    [
        tuple(LENGTHS),
        torch.tensor(LENGTHS),
        torch.tensor(LENGTHS, dtype=torch.int32),
        torch.tensor(LENGTHS, dtype=torch.uint8),
        torch.tensor(LENGTHS).numpy(),
    ],
    ids=["tuple", "int64", "int32", "uint8", "numpy"],
)
def test_lengths_come_as_any_whole_numbers(lengths):
    layer, x = make_layer("lstm", bidirectional=True), make_input()
    assert_same_bits(layer(x, lengths=lengths), layer(x, lengths=LENGTHS))


def test_a_packed_sequence_is_the_same_as_lengths():
    lengths = [3, 6, 2, 1]  # torch packs no empty sequence
    layer, x = make_layer("gru", bidirectional=True), make_input()
    state = make_state(layer)
    packed = pack_padded_sequence(x, lengths, enforce_sorted=False)
    output, last, recorded = layer(packed, state, record=("z",))
    wanted, wanted_last, wanted_recorded = layer(x, state, lengths=lengths, record=("z",))
    repacked = pack_padded_sequence(wanted, lengths, enforce_sorted=False)
    assert_same_bits(output.data, repacked.data)
    assert_same_bits((last, recorded["z"]), (wanted_last, wanted_recorded["z"]))


@every_cell
def test_time_cut_in_two_with_the_state_carried_equals_the_whole(name):
    layer = make_layer(name).eval()
    x, state = make_input(), make_state(layer)
    whole, last = layer(x, state)
    for cut in range(1, T):
        before, carried = layer(x[:cut], state)
        after, end = layer(x[cut:], carried)
        assert_close((torch.cat([before, after]), end), (whole, last))


@every_cell
def test_repeated_steps_equal_the_whole(name):
    layer = make_layer(name).eval()
    x, state = make_input(), make_state(layer)
    whole, last = layer(x, state)
    outputs = []
    for now in x:
        output, state = layer.step(now, state)
        outputs.append(output)
    assert_close((torch.stack(outputs), state), (whole, last))


@every_cell
def test_a_reordered_batch_gives_the_reordered_results(name):
    layer = make_layer(name, bidirectional=True).eval()
    x, state, order = make_input(), make_state(layer), torch.tensor([2, 0, 3, 1])
    output, last = layer(x, state, lengths=LENGTHS)
    mixed = change(state, lambda part: part[:, order])
    lengths = torch.tensor(LENGTHS)[order]
    got = layer(x[:, order], mixed, lengths=lengths)
    assert_close(got, (output[:, order], change(last, lambda part: part[:, order])))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@every_cell
def test_reverse_equals_flipping_time(name, lengths):
    both = make_layer(name, bidirectional=True, num_layers=1).eval()
    one = make_layer(name, num_layers=1).eval()
    reverse = {k: v for k, v in both.state_dict().items() if k.endswith("_reverse")}
    one.load_state_dict({k.removesuffix("_reverse"): v for k, v in reverse.items()})
    x, state = make_input(), make_state(both)
    flipped = x.flip(0)
    for row, length in enumerate(lengths or []):
        flipped[:length, row] = x[:length, row].flip(0)
    record = one.cell.state_names[:1]
    output, last, recorded = both(x, state, lengths=lengths, record=record)
    second = change(state, lambda part: part[1:])
    wanted, end, seen = one(flipped, second, lengths=lengths, record=record)
    wanted, seen = wanted.clone(), seen[record[0]][0].clone()
    for values in (wanted, seen):
        for row, length in enumerate(lengths or [T] * B):
            values[:length, row] = values[:length, row].flip(0)
    assert_close(output[..., wanted.shape[-1] :], wanted)
    assert_close(recorded[record[0]][1], seen)
    assert_close(change(last, lambda part: part[1:]), end)


@pytest.mark.parametrize("hidden_size", [1, 3])
@every_cell
def test_axes_of_one_equal_their_part_of_longer_ones(name, hidden_size):
    options = {"sizes": own_sizes(name, 1), "dtype": torch.float64}
    layer = Recurrent(find_cell(name), hidden_size, hidden_size, **options).eval()
    x = torch.randn(5, 4, hidden_size, dtype=torch.float64)
    whole = layer(x)[0]
    for steps, batch in ((1, 1), (1, 4), (5, 1)):
        assert_close(layer(x[:steps, :batch])[0], whole[:steps, :batch])


@every_cell
def test_an_empty_batch_gives_empty_results_and_zero_gradients(name):
    layer = make_layer(name, bidirectional=True)
    for lengths in (None, []):
        output, state = layer(make_input(T, 0), lengths=lengths)
        width = layer.state_shapes()[0][2]
        assert tuple(output.shape) == (T, 0, width * layer.directions)
        shapes = [tuple(part.shape) for part in flat(state)]
        assert shapes == layer.state_shapes(0)
        gradients = torch.autograd.grad(output.sum(), list(layer.parameters()), allow_unused=True)
        assert not any(gradient.any() for gradient in gradients if gradient is not None)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@some_cells
def test_strided_and_expanded_input_give_the_bits_of_a_plain_one(name, lengths):
    layer = make_layer(name, bidirectional=True).eval()
    one = make_input(T, 1)
    wide = torch.randn(B, T, 2 * X, dtype=torch.float64)
    for x in (one.expand(T, B, X), wide.transpose(0, 1)[..., ::2], make_input(2 * T, B)[::2]):
        assert not x.is_contiguous()
        assert_same_bits(layer(x, lengths=lengths), layer(x.contiguous(), lengths=lengths))


@some_cells
def test_an_expanded_first_state_gives_the_bits_of_a_plain_one(name):
    layer, x = make_layer(name), make_input()
    state = change(make_state(layer, batch=1), lambda part: part.expand(-1, B, -1))
    plain = change(state, lambda part: part.contiguous())
    assert_same_bits(layer(x, state), layer(x, plain))


@some_cells
def test_a_run_changes_neither_input_nor_state_and_repeats_its_bits(name):
    layer = make_layer(name)
    x, state = make_input(), make_state(layer)
    before = copy.deepcopy((x, state, list(layer.parameters())))
    first = layer(x, state, lengths=LENGTHS)
    assert_same_bits(layer(x, state, lengths=LENGTHS), first)
    assert_same_bits((x, state, list(layer.parameters())), before)


def test_a_row_alone_is_the_row_in_a_batch():
    layer = Recurrent(find_cell("lstm"), 32, 64, num_layers=2)
    x = torch.randn(20, 16, 32)
    output = layer(x)[0]
    for row in range(16):
        torch.testing.assert_close(layer(x[:, row])[0], output[:, row], rtol=0, atol=1e-6)
