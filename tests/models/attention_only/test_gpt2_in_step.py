"""GPT-2 with time first, on texts longer than its context."""

import pytest
import torch
from tests.models.attention_only.witness import CONTEXT, V, assert_near, drawn, gpt2_shape

from unrolled.models.attention_only.gpt2_in_step import GPT2InStep
from unrolled.models.beam import beam_search
from unrolled.models.sampling import Choice, generate

B, HALF = 3, CONTEXT // 2


@pytest.fixture
def model():
    return drawn(GPT2InStep(gpt2_shape(2)), torch.float64).eval()


def text(steps, batch=B):
    return torch.randint(0, V, (steps, batch), generator=torch.Generator().manual_seed(0))


def seen_from(at):
    """The first symbol that the model sees when it predicts what follows the symbol at a place."""
    return 0 if at < CONTEXT else HALF * ((at - CONTEXT) // (CONTEXT - HALF) + 1)


@torch.no_grad()
def test_each_symbol_is_predicted_from_at_least_half_a_context(model):
    symbols = text(3 * CONTEXT + 1)
    scores, _ = model(symbols)
    for at in range(len(symbols)):
        window = symbols[seen_from(at) : at + 1]
        assert len(window) >= min(at + 1, HALF + 1)
        alone, _ = model.gpt2(window.t())
        assert_near(scores[at], alone[:, -1])


@torch.no_grad()
@pytest.mark.parametrize("sizes", [(1,) * 20, (3, 9, 8), (CONTEXT, 1, 11), (19, 1)], ids=str)
def test_a_text_in_parts_is_the_text_at_once(model, sizes):
    symbols, state, parts = text(sum(sizes)), None, []
    for piece in symbols.split(sizes):
        scores, state = model(piece, state)
        parts.append(scores)
    assert_near(torch.cat(parts), model(symbols)[0])


def test_in_training_a_call_is_one_context_of_its_own(model):
    symbols = text(CONTEXT)
    scores, state = model.train()(symbols)
    assert state is None
    assert_near(scores, model.gpt2(symbols.t())[0].transpose(0, 1))


@torch.no_grad()
def test_what_is_written_with_a_cache_is_what_is_written_without_one(model):
    written = [0, 3]
    drawn_symbols = generate(model, written, Choice(greedy=True), torch.Generator())
    fast = [next(drawn_symbols) for _ in range(3 * CONTEXT)]
    for _ in range(3 * CONTEXT):
        start = seen_from(len(written) - 1)
        scores, _ = model.gpt2(torch.tensor([written[start:]]))
        written.append(int(scores[0, -1].argmax()))
    assert fast == written[2:]


@torch.no_grad()
def test_rows_change_places_with_all_that_they_have_seen(model):
    symbols, rows = text(7), torch.tensor([2, 0, 0, 1])
    _, state = model(symbols[:5])
    scores, _ = model(symbols[5:, rows], model.reorder(state, rows))
    assert_near(scores, model(symbols)[0][5:, rows])
    assert model.reorder(None, rows) is None


def test_a_beam_finds_what_is_at_least_as_likely_as_the_likeliest_symbols(model):
    one, many = (beam_search(model, [1], length=CONTEXT + 4, width=width) for width in (1, 6))
    assert len(many.symbols) == CONTEXT + 4
    assert many.log_probability >= one.log_probability - 1e-5
