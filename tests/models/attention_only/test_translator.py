"""The Transformer read and written with time first: the same as all at once."""

import pytest
import torch
from tests.models.attention_only.witness import assert_near, drawn

from unrolled.models.attention_only.transformer import TransformerShape
from unrolled.models.attention_only.translator import TransformerTranslator
from unrolled.models.search import Ends, search

V, S, T, B = 7, 5, 6, 3
LENGTHS = torch.tensor([5, 2, 4])
ENDS = Ends(1, 2, longest=T)


@pytest.fixture
def model():
    return drawn(TransformerTranslator(TransformerShape(V, 8, 12, 2, 2, 0.0)), torch.float64).eval()


def symbols(steps, seed):
    return torch.randint(0, V, (steps, B), generator=torch.Generator().manual_seed(seed))


def test_all_at_once_is_the_transformer_with_the_batch_first(model):
    source, target = symbols(S, 0), symbols(T, 1)
    wanted = model.transformer(source.t(), target.t(), LENGTHS).transpose(0, 1)
    assert_near(model(source, target, LENGTHS, LENGTHS), wanted)


def test_step_by_step_gives_the_scores_of_all_at_once(model):
    source, target = symbols(S, 0), symbols(T, 1)
    at = model.read(source, LENGTHS)
    steps = []
    for symbol in target:
        scores, at = model.step(symbol, at)
        steps.append(scores)
    assert_near(torch.stack(steps), model(source, target, LENGTHS))


def test_rows_change_places_with_all_that_they_have_read(model):
    source, target = symbols(S, 0), symbols(T, 1)
    at = model.read(source, LENGTHS)
    _, at = model.step(target[0], at)
    rows = torch.tensor([2, 0, 0, 1])
    scores, _ = model.step(target[1, rows], model.reorder(at, rows))
    assert_near(scores, model(source, target[:2], LENGTHS)[1][rows])


@torch.no_grad()
def test_a_search_with_one_beam_takes_the_likeliest_symbol_each_time(model):
    source = symbols(S, 0)
    found = search(model, model.read(source, LENGTHS), B, ENDS)
    for column in range(B):
        read, written = source[: LENGTHS[column], column : column + 1], [ENDS.begin]
        while len(written) <= T and written[-1] != ENDS.end:
            scores = model(read, torch.tensor(written).unsqueeze(1))
            written.append(int(scores[-1, 0].argmax()))
        assert found[column][0].symbols == [s for s in written[1:] if s != ENDS.end]


@torch.no_grad()
def test_more_beams_find_what_is_at_least_as_likely(model):
    at = model.read(symbols(S, 0), LENGTHS)
    one, many = (search(model, at, B, ENDS, width=width) for width in (1, 4))
    pairs = zip(one, many, strict=True)
    assert all(few[0].score <= more[0].score + 1e-6 for few, more in pairs)


@torch.no_grad()
def test_what_is_attended_to_is_what_the_last_block_computes(model):
    """The weights, multiplied with the values that the block read, give what its cross found."""
    source, target = symbols(S, 0), symbols(T, 1)
    at = model.read(source, LENGTHS)
    last, kept = model.transformer.decoder[-1], {}
    keep = last.cross.register_forward_hook(
        lambda module, given, options, found: kept.update(asked=given[0], found=found),
        with_kwargs=True,
    )
    model.transformer.decode(target.t(), at.memory)
    keep.remove()
    found, read = kept["found"]
    weights = last.cross.weights(kept["asked"], *at.memory)  # B N T S
    assert_near(last.cross.out_proj((weights @ read.values).transpose(1, 2).flatten(2)), found)
    assert_near(model.attended(target, at), weights.mean(1).transpose(0, 1))
    outside = torch.arange(S) >= LENGTHS.unsqueeze(1)
    assert (model.attended(target, at)[:, outside] == 0).all()
