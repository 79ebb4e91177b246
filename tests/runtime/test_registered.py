"""What the operators refuse: values a trace could not see, and programs that anybody may write."""

import json

import pytest
import torch

from unrolled import find_cell
from unrolled.errors import StoredCellError, TracedRunError
from unrolled.layers.recurrent import Recurrent
from unrolled.runtime.kernel import kernel_for, kernel_of
from unrolled.runtime.registered import backward, forward

T, B, X, H = 4, 2, 3, 5
WEIGHTS = [(4 * H, X), (4 * H, H)]
FIT = {
    "x": torch.zeros(T, B, X),
    "first": [torch.zeros(B, H), torch.zeros(B, H)],
    "stacks": [torch.zeros(shape) for shape in WEIGHTS],
    "bias": torch.zeros(4 * H),
    "vector": None,
    "masks": [],
    "given": [],
    "lengths": torch.tensor([T, 1]),
}
MISFITS = {
    "a wider x": ({"x": torch.zeros(T, B, X + 1)}, r"x \[4, 2, 4\] of .*; wanted \[4, 2, 3\]"),
    "no steps": ({"x": torch.zeros(0, B, X)}, r"x \[0, 2, 3\]; wanted at least one step"),
    "a number": ({"x": torch.tensor(1.0)}, r"x \[\]; wanted at least one step"),
    "doubles": ({"x": torch.zeros(T, B, X).double()}, "float64; wanted .* of torch.float32"),
    "a high symbol": ({"x": torch.full((T, B), X)}, "symbols from 3 to 3; wanted 0 to 2"),
    "a low symbol": ({"x": torch.full((T, B), -1)}, "symbols from -1 to -1; wanted 0 to 2"),
    "bytes": ({"x": torch.zeros(T, B, dtype=torch.uint8)}, "symbols .* of torch.uint8"),
    "one state": ({"first": [torch.zeros(B, H)]}, "1 tensors of first states; wanted 2"),
    "a small state": ({"first": [torch.zeros(1, H)] * 2}, r"first states \[1, 5\]"),
    "a short weight": ({"stacks": [torch.zeros(H, X), torch.zeros(4 * H, H)]}, r"weights \[5, 3\]"),
    "a weight too few": ({"stacks": [torch.zeros(4 * H, X)]}, "1 tensors of weights; wanted 2"),
    "a short bias": ({"bias": torch.zeros(H)}, r"bias \[5\]"),
    "no bias": ({"bias": None}, "0 tensors of bias; wanted 1"),
    "a vector": ({"vector": torch.zeros(H)}, "1 tensors of vector; wanted 0"),
    "a given value": ({"given": [torch.zeros(T, B, H)]}, "1 tensors of given values; wanted 0"),
    "a mask": ({"masks": [torch.zeros(T, B, H)]}, "1 tensors of masks; wanted 0"),
    "long lengths": ({"lengths": torch.tensor([T + 1, 1])}, "lengths from 1 to 5; wanted 0 to 4"),
    "low lengths": ({"lengths": torch.tensor([-1, 1])}, "lengths from -1 to 1; wanted 0 to 4"),
    "few lengths": ({"lengths": torch.tensor([1])}, r"lengths \[1\]"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _forget_what_was_traced():
    torch._dynamo.reset()


@pytest.fixture(scope="module")
def text():
    cell, sizes = find_cell("lstm"), (("X", X), ("H", H))
    return kernel_for(cell, sizes, torch.float32, masks=False).text


def call(text, **changes):
    return forward(text, False, *{**FIT, **changes}.values())


def test_what_fits_runs(text):
    assert [tuple(made.shape) for made in call(text)[:3]] == [(T, B, H), (B, H), (B, H)]


@pytest.mark.parametrize(("changes", "message"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_is_refused_before_c_sees_it(text, changes, message):
    with pytest.raises(TracedRunError, match=message):
        call(text, **changes)


LEFT = {
    "a short gradient": (0, torch.zeros(1, B, H), r"the gradient of a result \[1, 2, 5\]"),
    "few rows": (1, torch.zeros(1, H), r"the output's rows \[1, 5\]"),
    "little kept": (2, torch.zeros(3), r"what the forward kept \[3\]"),
}


@pytest.mark.parametrize(("place", "wrong", "message"), LEFT.values(), ids=LEFT)
def test_a_backward_refuses_what_its_forward_did_not_leave(text, place, wrong, message):
    *_, rows, kept = call(text)
    left = [torch.zeros(T, B, H), rows, kept]
    left[place] = wrong
    gradient, rows, kept = left
    with pytest.raises(TracedRunError, match=message):
        backward(text, False, *FIT.values(), rows, kept, [gradient, None, None], [True] * 7)


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: "{",
        lambda facts: "[]",
        lambda facts: json.dumps({**facts, "cell": {}}),
        lambda facts: json.dumps({**facts, "sizes": 3}),
        lambda facts: json.dumps({name: facts[name] for name in facts if name != "double"}),
    ],
)
def test_a_text_that_tells_of_no_cell_is_refused(text, change):
    with pytest.raises(StoredCellError, match="the stored cell cannot be read"):
        call(change(json.loads(text)))


def test_a_text_from_another_process_gives_one_kernel_and_the_same_numbers(text):
    facts = json.loads(text)
    other = json.dumps(facts, indent=1)  # as if written by another version
    assert kernel_of(other) is kernel_of(other)
    for ours, theirs in zip(call(other), call(text), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["gru", "mut1_projected+variational:0.4", "lstm+zoneout:0.5"])
@pytest.mark.parametrize("training", [True, False])
def test_cells_with_masks_and_given_values_pass_the_check(name, training):
    layer = Recurrent(find_cell(name), X, H).train(training)
    traced = torch.compile(layer, fullgraph=True, backend="aot_eager")
    output, _ = traced(torch.randn(T, B, X), lengths=torch.tensor([T, 1]))
    assert output[1:, 1].eq(0).all()
    assert output[:, 0].ne(0).any()


@pytest.mark.parametrize(
    ("x", "lengths"),
    [(torch.full((T, B), X), None), (torch.zeros(T, B, X), torch.tensor([T + 1, 1]))],
    ids=["symbols", "lengths"],
)
def test_a_compiled_layer_refuses_what_the_layer_would(x, lengths):
    layer = Recurrent(find_cell("gru"), X, H)
    traced = torch.compile(layer, fullgraph=True, backend="aot_eager")
    with pytest.raises(TracedRunError, match="Call the layer itself, untraced"):
        traced(x, lengths=lengths)
