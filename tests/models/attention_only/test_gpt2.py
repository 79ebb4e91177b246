"""GPT-2 computes what `transformers` computes, and its cache changes nothing but the time."""

import math

import pytest
import torch
from tests.models.attention_only.witness import (
    CONTEXT,
    DTYPES,
    HEADS,
    STEPS,
    B,
    V,
    assert_near,
    assert_same_gradients,
    drawn,
    gpt2_config,
    gpt2_shape,
    symbols,
    theirs_with,
    weighed,
)
from transformers import GPT2LMHeadModel

from unrolled.errors import AttentionCacheError, ContextError, OptionError
from unrolled.models.attention_only.gpt2 import GPT2, GPT2_SHAPES, GPT2Shape

PUBLISHED = {  # numbers of parameters
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
}


def pair(heads=2, dtype=torch.float64):
    ours = drawn(GPT2(gpt2_shape(heads)), dtype)
    return ours, theirs_with(ours, GPT2LMHeadModel(gpt2_config(heads)))


def greedy(model, text, count, *, cached):
    """The symbols that follow, and the scores of each, with a cache or all over again."""
    cache, new, scores = None, text, []
    for _ in range(count):
        logits, cache = model(new if cached else text, cache if cached else None)
        scores.append(logits[:, -1])
        new = scores[-1].argmax(-1, keepdim=True)
        text = torch.cat([text, new], dim=1)
    return text, torch.stack(scores, dim=1)


@DTYPES
@HEADS
@STEPS
def test_logits_and_all_gradients_are_those_of_transformers(heads, steps, dtype):
    ours, theirs = pair(heads, dtype)
    text = symbols(steps)
    logits, expected = ours(text)[0], theirs(text).logits
    assert_near(logits, expected)
    weighed(logits).backward()
    weighed(expected).backward()
    assert_same_gradients(ours, theirs)


@DTYPES
@pytest.mark.parametrize("prompt", [1, 2, 7])
def test_with_a_cache_it_writes_the_same_and_scores_it_the_same(prompt, dtype):
    ours, theirs = pair(dtype=dtype)
    text = symbols(prompt)
    with torch.no_grad():
        written, scores = greedy(ours, text, CONTEXT - prompt, cached=True)
        again, expected = greedy(ours, text, CONTEXT - prompt, cached=False)
    assert torch.equal(written, again)
    assert_near(scores, expected)
    options = {"max_new_tokens": CONTEXT - prompt, "do_sample": False, "pad_token_id": 0}
    assert torch.equal(written, theirs.generate(text, **options))


@pytest.mark.parametrize("sizes", [(3, 4), (1, 1, 5), (4, 1, 2), (6, 1)], ids=str)
def test_a_text_in_parts_is_the_text_at_once_with_its_gradients(sizes):
    model, text, cache, parts = drawn(GPT2(gpt2_shape())), symbols(7), None, []
    whole, last = model(text)
    expected = torch.autograd.grad(weighed(whole), list(model.parameters()))
    for part in text.split(sizes, dim=1):
        logits, cache = model(part, cache)
        parts.append(logits)
    assert_near(torch.cat(parts, dim=1), whole)
    found = torch.autograd.grad(weighed(torch.cat(parts, dim=1)), list(model.parameters()))
    for (name, _), ours, theirs in zip(model.named_parameters(), found, expected, strict=True):
        assert_near(ours, theirs, name)
    for ours, theirs in zip(cache, last, strict=True):
        assert_near(ours.own.keys, theirs.own.keys)
        assert_near(ours.own.values, theirs.own.values)


def test_a_call_leaves_the_cache_that_it_was_given_as_it_was():
    model, text = drawn(GPT2(gpt2_shape())), symbols(5)
    _, cache = model(text[:, :3])
    before = [tensor.clone() for block in cache for tensor in block.own]
    first = model(text[:, 3:], cache)[0]
    assert all(map(torch.equal, before, [tensor for block in cache for tensor in block.own]))
    assert torch.equal(model(text[:, 3:], cache)[0], first)


@pytest.mark.parametrize("changed", range(7))
def test_a_later_symbol_changes_no_earlier_score(changed):
    model, text = drawn(GPT2(gpt2_shape())), symbols(7)
    other = text.clone()
    other[:, changed] = (other[:, changed] + 1) % V
    difference = (model(text)[0] - model(other)[0]).abs().amax(dim=-1)  # B T
    assert difference[:, :changed].eq(0).all()
    assert difference[:, changed:].gt(0).all()


def test_a_row_alone_is_the_row_in_a_batch():
    model, text = drawn(GPT2(gpt2_shape())), symbols(7)
    together = model(text)[0]
    for row in range(B):
        assert_near(model(text[row : row + 1])[0][0], together[row], f"row {row}")


def test_features_are_read_out_by_the_embedding():
    model, text = drawn(GPT2(gpt2_shape())), symbols(4)
    features, _ = model.features(text)
    assert torch.equal(model.readout(features), model(text)[0])
    assert_near(model.readout(features), features @ model.embedding.weight.T)
    assert_near(model.readout(features[:, -1]), model(text)[0][:, -1])


@pytest.mark.parametrize("name", GPT2_SHAPES)
def test_the_published_sizes_have_the_published_numbers_of_parameters(name):
    with torch.device("meta"):
        model = GPT2(GPT2_SHAPES[name])
    assert sum(parameter.numel() for parameter in model.parameters()) == PUBLISHED[name]
    assert model.shape.width // model.shape.num_heads == 64


def test_weights_start_as_published():
    torch.manual_seed(0)
    shape = GPT2Shape(500, 64, 128, 8, 4)
    model = GPT2(shape)
    for name, parameter in model.named_parameters():
        adds = name.endswith(("attention.out_proj.weight", "linear2.weight"))
        spread = 0.02 / math.sqrt(2 * 8) if adds else 0.02
        if name.endswith("bias"):
            assert parameter.eq(0).all(), name
        elif "norm" in name:
            assert parameter.eq(1).all(), name
        else:
            assert abs(parameter.std() / spread - 1) < 0.03, name


@pytest.mark.parametrize(("past", "new"), [(0, 17), (16, 1), (10, 7)])
def test_more_symbols_than_the_context_are_refused(past, new):
    model = drawn(GPT2(gpt2_shape()))
    cache = model(symbols(past))[1] if past else None
    message = f"GPT2 got {new} symbols after {past} in the cache, 17 in all, and its context is 16"
    with pytest.raises(ContextError, match=message):
        model(symbols(new), cache)


def test_the_whole_context_can_be_read():
    model = drawn(GPT2(gpt2_shape()))
    first, cache = model(symbols(CONTEXT)[:, :9])
    second, cache = model(symbols(CONTEXT)[:, 9:], cache)
    assert_near(torch.cat([first, second], dim=1), model(symbols(CONTEXT))[0])
    assert cache[0].own.keys.shape[2] == CONTEXT


@pytest.mark.parametrize("case", ["batch", "blocks", "empty"])
def test_a_cache_of_something_else_is_refused(case):
    model = drawn(GPT2(gpt2_shape()))
    cache = model(symbols(3))[1]
    cache = {"batch": model(symbols(3, batch=1))[1], "blocks": cache[:1], "empty": ()}[case]
    got = {"batch": "2 blocks and B=1", "blocks": "1 blocks and B=3", "empty": "0 blocks and B=0"}
    message = f"GPT2 got a cache of {got[case]}, and reads 2 blocks and B=3"
    with pytest.raises(AttentionCacheError, match=message):
        model(symbols(3), cache)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_heads": 3}, "got num_heads=3; wanted a number that divides the width, 8"),
        ({"vocabulary_size": 0}, "GPT2 got vocabulary_size=0; wanted at least 1"),
        ({"context": 0}, "GPT2 got context=0; wanted at least 1"),
        ({"num_layers": 0}, "GPT2 got num_layers=0; wanted at least 1"),
    ],
)
def test_impossible_sizes_are_refused(changes, message):
    sizes = {"vocabulary_size": V, "context": 16, "width": 8, "num_layers": 2, "num_heads": 2}
    with pytest.raises(OptionError, match=message):
        GPT2(GPT2Shape(**{**sizes, **changes}))
