"""Compiled runs under hostile use: forks, threads, NaN, odd strides, changed tensors.

What holds for every cell (lengths, cuts in time, order of the batch, direction) is in
tests/layers/test_recurrent.py; here it must hold when slices of the rows run side by side, too.
"""

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Barrier

import pytest
import torch
from tests.layers.cases import assert_close, assert_same_bits, change, flat
from tests.runtime.company import company

from unrolled import Recurrent, find_cell
from unrolled.runtime.rows import Rows, Split

T, B, X, H = 5, 7, 6, 9
LENGTHS = [3, 5, 0, 1, 5, 2, 4]
PATIENCE = 60  # seconds
FORK = multiprocessing.get_context("fork")
SUBSETS = [wanted for wanted in product((False, True), repeat=6) if any(wanted)]
in_either_form = pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture(params=[3, B], ids=["rows_split", "rows_shared"])
def in_slices(request, monkeypatch):
    """Slices of the rows, or of the units where all sequences are equally long: torch's threads."""
    with company(monkeypatch, request.param):
        yield


def make_layer(name="lstm", *, backend="c", dtype=torch.float64, **options):
    return Recurrent(find_cell(name), X, H, backend=backend, dtype=dtype, **options)


def make_leaves(layer):
    """Input and first states, to be differentiated like the parameters."""
    dtype = next(layer.parameters()).dtype
    x = torch.randn(T, B, X, dtype=dtype, requires_grad=True)
    shapes = layer.state_shapes(B)
    return x, [torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes]


def everything(layer, x, states, lengths=None):
    """Output, last states, and the gradients of all that wants one; the loss is always the same."""
    output, last = layer(x, tuple(states) if len(states) > 1 else states[0], lengths=lengths)
    results = [output, *flat(last)]
    weights = torch.Generator().manual_seed(1)
    owed = [torch.randn(r.shape, generator=weights, dtype=r.dtype) for r in results]
    leaves = [x, *states, *layer.parameters()]
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    found = iter(torch.autograd.grad(results, wanted, owed))
    return [*results, *(next(found) if leaf.requires_grad else None for leaf in leaves)]


# Processes and threads


def tell_bits(layer, x, states, sender):
    found = everything(layer, x, states, LENGTHS)
    sender.send([tensor.detach().numpy().tobytes() for tensor in found])


@pytest.mark.filterwarnings("ignore:.*JAX is multithreaded:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_of_a_process_that_used_threads_computes_the_same_bits_alone(in_slices):
    layer = make_layer()
    x, states = make_leaves(layer)
    everything(layer, x, states, LENGTHS)
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=tell_bits, args=(layer, x, states, sender))
    child.start()
    heard = receiver.poll(PATIENCE) and receiver.recv()
    child.join(PATIENCE)
    child.kill()
    torch.set_num_threads(1)
    alone = everything(layer, x, states, LENGTHS)
    assert heard == [tensor.detach().numpy().tobytes() for tensor in alone]


@in_either_form
def test_slices_side_by_side_differ_in_roundings_only_and_repeat_their_bits(in_slices, lengths):
    layer = make_layer(bidirectional=True)
    x, states = make_leaves(layer)
    sliced = everything(layer, x, states, lengths)
    for _ in range(20):
        assert_same_bits(everything(layer, x, states, lengths), sliced)
    torch.set_num_threads(1)
    assert_close(sliced, everything(layer, x, states, lengths))


@in_either_form
def test_threads_of_python_that_share_a_layer_get_the_bits_of_one(in_slices, lengths):
    layer = make_layer()
    x, states = make_leaves(layer)
    with ThreadPoolExecutor(4) as threads:
        runs = [threads.submit(everything, layer, x, states, lengths) for _ in range(40)]
        found = [run.result() for run in runs]
    for other in found:
        assert_same_bits(other, everything(layer, x, states, lengths))


def test_threads_that_meet_in_new_rows_read_the_same_memory(monkeypatch):
    barrier, bounds = Barrier(2), Rows.bounds

    def bounds_of_both(rows, split):
        barrier.wait(PATIENCE)
        return bounds(rows, split)

    monkeypatch.setattr(Rows, "bounds", bounds_of_both)
    rows = Rows(T, B, False, None)
    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(rows.in_memory, [Split(3), Split(3)])
    assert one == other == rows.in_memory(Split(3))


@pytest.mark.parametrize("lengths", [None, []], ids=["whole", "lengths"])
def test_operators_that_torch_traced_take_an_empty_batch(lengths):
    layer = make_layer()
    lengths = None if lengths is None else torch.tensor(lengths, dtype=torch.long)
    traced = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x = torch.randn(T, 0, X, dtype=torch.float64, requires_grad=True)
    output, (h, c) = traced(x, lengths=lengths)
    assert [tuple(part.shape) for part in (output, h, c)] == [(T, 0, H), (1, 0, H), (1, 0, H)]
    (output.sum() + c.sum()).backward()
    assert not any(parameter.grad.any() for parameter in layer.parameters())


def test_lengths_cuts_order_and_direction_mean_the_same_in_slices(in_slices):
    layer = make_layer(bidirectional=True)
    x, states = make_leaves(layer)
    order = torch.randperm(B)
    output, last = layer(x, tuple(states), lengths=LENGTHS)
    moved = tuple(state[:, order] for state in states)
    again = layer(x[:, order], moved, lengths=torch.tensor(LENGTHS)[order])
    assert_close(again, (output[:, order], change(last, lambda part: part[:, order])))
    past = torch.arange(T).unsqueeze(1) >= torch.tensor(LENGTHS)
    filled = x.detach().masked_fill(past.unsqueeze(-1), torch.nan).requires_grad_()
    wanted = everything(layer, x, states, LENGTHS)
    assert_same_bits(everything(layer, filled, states, LENGTHS), wanted)
    one = make_layer()
    whole, end = one(x, tuple(part[:1] for part in states))
    before, carried = one(x[:2], tuple(part[:1] for part in states))
    after, last = one(x[2:], carried)
    assert_close((torch.cat([before, after]), last), (whole, end))


# Numbers


@in_either_form
@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_relu"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf], ids=str)
def test_nan_and_infinities_come_out_where_eager_gives_them(name, value, lengths):
    eager, compiled = (make_layer(name, backend=backend) for backend in ("eager", "c"))
    compiled.load_state_dict(eager.state_dict())
    x, states = make_leaves(eager)
    for number in range(1 + len(states) + len([*eager.parameters()])):
        found = []
        for layer in (eager, compiled):
            tensor = [x, *states, *layer.parameters()][number]
            place = tensor.detach()[tuple(size // 3 for size in tensor.shape)]
            before = place.clone()
            place.fill_(value)
            found.append(everything(layer, x, states, lengths))
            place.copy_(before)
        # Past a length eager computes too, and what is NaN there stays NaN when it is owed zero.
        compared = 1 + len(states) if lengths else None
        for wanted, got in [*zip(*found, strict=True)][:compared]:
            torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9, equal_nan=True)


def test_subnormal_numbers_survive_in_c_and_in_the_threads_of_torch(in_slices):
    layer = make_layer("rnn_relu", dtype=torch.float32)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.parameter("W.xh").fill_diagonal_(0.5)
    output, _ = layer(torch.full((T, B, X), 1e-40))
    half = torch.tensor(1e-40) * 0.5
    assert half > 0
    assert (output[..., :X] == half).all()
    assert (torch.full((1_000_000,), 1e-40) * 0.5 == half).all()


# Strides


def gapped(tensor):
    """The same numbers, between others that nobody may see."""
    wide = torch.full((*tensor.shape, 2), torch.nan, dtype=tensor.dtype)
    wide[..., 1] = tensor
    return wide[..., 1]


def turned(tensor):
    """The same numbers, the last axis outermost."""
    return tensor.movedim(-1, 0).contiguous().movedim(0, -1)


@in_either_form
@pytest.mark.parametrize("laid", [gapped, turned])
def test_strides_of_incoming_gradients_change_no_bit(laid, lengths):
    layer = make_layer()
    x, states = make_leaves(layer)
    output, last = layer(x, tuple(states), lengths=lengths)
    results, leaves = [output, *last], [x, *states, *layer.parameters()]
    plain = [torch.randn_like(result) for result in results]
    odd = [laid(gradient.detach()) for gradient in plain]
    before = [gradient.clone() for gradient in odd]
    assert not any(gradient.is_contiguous() for gradient in odd)
    found = torch.autograd.grad(results, leaves, odd, retain_graph=True)
    assert_same_bits(found, torch.autograd.grad(results, leaves, plain))
    assert_same_bits(odd, before)


@in_either_form
def test_an_expanded_incoming_gradient_is_that_of_its_copy(lengths):
    layer = make_layer()
    x, states = make_leaves(layer)
    output, last = layer(x, tuple(states), lengths=lengths)
    results, leaves = [output, *last], [x, *states, *layer.parameters()]
    one = torch.randn((), dtype=x.dtype)
    expanded = [one.expand(result.shape) for result in results]
    copies = [gradient.contiguous() for gradient in expanded]
    found = torch.autograd.grad(results, leaves, expanded, retain_graph=True)
    assert_same_bits(found, torch.autograd.grad(results, leaves, copies))


@in_either_form
@pytest.mark.parametrize("laid", [gapped, turned])
def test_strides_of_what_is_read_change_no_bit_of_any_gradient(laid, lengths):
    layer = make_layer()
    x, states = make_leaves(layer)
    wanted = everything(layer, x, states, lengths)
    odd_x, *odd_states = (laid(leaf.detach()).requires_grad_() for leaf in (x, *states))
    assert not odd_x.is_contiguous()
    for parameter in layer.parameters():
        parameter.data = laid(parameter.data)
    assert_same_bits(everything(layer, odd_x, odd_states, lengths), wanted)


# Gradients


@in_either_form
def test_any_subset_of_gradients_has_the_bits_of_all(lengths):
    layer = make_layer()
    x, states = make_leaves(layer)
    leaves = [x, *states, *layer.parameters()]
    wanted = everything(layer, x, states, lengths)
    assert len(leaves) == len(SUBSETS[0])
    for subset in SUBSETS:
        for leaf, needed in zip(leaves, subset, strict=True):
            leaf.requires_grad_(needed)
        found = everything(layer, x, states, lengths)
        for got, all_of_it, needed in zip(found[-6:], wanted[-6:], subset, strict=True):
            assert torch.equal(got, all_of_it) if needed else got is None, subset


@in_either_form
@pytest.mark.parametrize("used", [1, 2, 3, 4, 5, 6])
def test_a_result_that_nobody_uses_is_owed_zeros(used, lengths):
    layer = make_layer()
    x, states = make_leaves(layer)
    output, last = layer(x, tuple(states), lengths=lengths)
    results, leaves = [output, *last], [x, *states, *layer.parameters()]
    parts = [result for number, result in enumerate(results) if used >> number & 1]
    ones = [torch.ones_like(result) * (used >> n & 1) for n, result in enumerate(results)]
    found = torch.autograd.grad([p.sum() for p in parts], leaves, retain_graph=True)
    assert_same_bits(found, torch.autograd.grad(results, leaves, ones))


@in_either_form
def test_every_backward_through_a_graph_gives_the_same_bits(lengths):
    layer = make_layer()
    x, states = make_leaves(layer)
    output, last = layer(x, tuple(states), lengths=lengths)
    loss = sum(part.square().sum() for part in (output, *last))
    leaves = [x, *states, *layer.parameters()]
    first, second = (torch.autograd.grad(loss, leaves, retain_graph=True) for _ in range(2))
    assert_same_bits(first, second)


@pytest.mark.parametrize("number", range(7))
def test_what_the_backward_reads_must_not_have_changed(number):
    layer = make_layer()
    x, states = make_leaves(layer)
    output, last = layer(x, tuple(states))
    loss = output.square().sum() + last[1].sum()
    with torch.no_grad():
        [output, x, *states, *layer.parameters()][number].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@in_either_form
def test_results_that_the_backward_does_not_read_may_change(lengths):
    layer = make_layer()
    x, states = make_leaves(layer)
    leaves = [x, *states, *layer.parameters()]
    found = []
    for change_in_place in (torch.mul, torch.Tensor.mul_):
        output, last, recorded = layer(x, tuple(states), lengths=lengths, record=("i",))
        results = [*last, recorded["i"][0], *([output] if lengths else [])]
        loss = sum(change_in_place(result, 2).square().sum() for result in results)
        found.append(torch.autograd.grad(loss, leaves))
    assert_same_bits(*found)
