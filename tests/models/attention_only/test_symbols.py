"""What comes in is looked at once: whole numbers, batch x steps, with lengths that fit them."""

import pytest
import torch

from unrolled.errors import ContextError, LengthsError, ShapeError
from unrolled.models.attention_only.symbols import check_context, open_symbols

TEXT = torch.arange(1, 11).reshape(2, 5)


def test_the_mask_is_true_before_each_length_and_symbols_past_it_are_zero():
    symbols, mask = open_symbols(TEXT, [5, 2], "Bert")
    assert symbols.tolist() == [[1, 2, 3, 4, 5], [6, 7, 0, 0, 0]]
    assert mask.tolist() == [[[True] * 5], [[True, True, False, False, False]]]


@pytest.mark.parametrize("lengths", [None, [5, 5], torch.tensor([5, 5])], ids=str)
def test_where_no_sequence_ends_early_there_is_no_mask(lengths):
    symbols, mask = open_symbols(TEXT, lengths, "Bert")
    assert torch.equal(symbols, TEXT)
    assert mask is None


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (TEXT[0], r"Bert got x of shape \[5\]: wanted whole numbers B T"),
        (TEXT.unsqueeze(0), r"Bert got x of shape \[1, 2, 5\]: wanted whole numbers B T"),
        (TEXT.float(), r"shape \[2, 5\]: wanted whole numbers B T, and they are torch.float32"),
        (TEXT[:, :0], r"there is no time step in it"),
    ],
)
def test_what_are_no_symbols_is_refused(wrong, problem):
    with pytest.raises(ShapeError, match=problem):
        open_symbols(wrong, None, "Bert")


@pytest.mark.parametrize(
    ("lengths", "got"),
    [
        ([5, 6], "lengths from 5 to 6 for T=5"),
        ([-1, 2], "lengths from -1 to 2 for T=5"),
        ([5], r"lengths of shape \[1\] and torch.int64 for B=2"),
        (torch.tensor([5.0, 2.0]), r"lengths of shape \[2\] and torch.float32"),
    ],
    ids=str,
)
def test_lengths_that_do_not_fit_are_refused(lengths, got):
    with pytest.raises(LengthsError, match=f"Bert got {got}"):
        open_symbols(TEXT, lengths, "Bert")


def test_the_context_is_the_most_that_fits():
    assert check_context("GPT2", 5, past=3, context=8) is None
    with pytest.raises(ContextError) as caught:
        check_context("GPT2", 6, past=3, context=8)
    assert str(caught.value) == (
        "GPT2 got 6 symbols after 3 in the cache, 9 in all, and its context is 8. "
        "Give at most the last 8 symbols, without a cache."
    )
