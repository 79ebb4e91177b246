"""Attention is its formula, and a cache, a mask and heads are only ways to compute it."""

import pytest
import torch
from tests.models.attention_only.witness import (
    DTYPES,
    HEADS,
    STEPS,
    assert_near,
    drawn,
    weighed,
)
from torch import nn

from unrolled.errors import OptionError
from unrolled.models.attention_only.attention import MultiHeadAttention

B, C, M = 3, 8, 5


def sequence(steps, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(B, steps, C, generator=generator, dtype=torch.float64).to(dtype)


def by_the_formula(layer, x, memory, allowed):
    """Step by step and head by head: softmax(q·k / √K) of what is allowed (B T S), times v."""
    wq, wk, wv = layer.in_proj.weight.chunk(3)
    bq, bk, bv = layer.in_proj.bias.chunk(3)
    query, keys, values = x @ wq.T + bq, memory @ wk.T + bk, memory @ wv.T + bv
    width, rows = C // layer.num_heads, []
    for b in range(B):
        for t in range(x.shape[1]):
            found = []
            for n in range(layer.num_heads):
                part = slice(n * width, (n + 1) * width)
                scores = (keys[b, :, part] @ query[b, t, part]) / width**0.5
                shares = torch.softmax(scores[allowed[b, t]], dim=0)
                found.append(shares @ values[b, allowed[b, t], part])
            rows.append(torch.cat(found))
    found = torch.stack(rows).unflatten(0, (B, x.shape[1]))
    return found @ layer.out_proj.weight.T + layer.out_proj.bias


def some_mask(steps, seen, seed=3):
    """Any step may be hidden but the first, so that there is always something to attend to."""
    mask = torch.rand(B, steps, seen, generator=torch.Generator().manual_seed(seed)) > 0.4
    mask[:, :, 0] = True
    return mask


@pytest.mark.parametrize("causal", [False, True], ids=["both ways", "causal"])
@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@HEADS
@STEPS
def test_it_is_its_formula(heads, steps, masked, causal):
    layer, x = drawn(MultiHeadAttention(C, heads)), sequence(steps)
    mask = some_mask(steps, steps) if masked else None
    allowed = torch.ones(B, steps, steps, dtype=torch.bool) if mask is None else mask
    allowed = allowed.tril() if causal else allowed
    found, _ = layer(x, mask=mask, causal=causal)
    assert_near(found, by_the_formula(layer, x, x, allowed))


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@HEADS
@STEPS
def test_over_a_memory_it_is_its_formula(heads, steps, masked):
    layer, x, memory = drawn(MultiHeadAttention(C, heads)), sequence(steps), sequence(M, 1)
    mask = some_mask(1, M) if masked else None
    allowed = (torch.ones(B, 1, M, dtype=torch.bool) if mask is None else mask).expand(B, steps, M)
    found, _ = layer(x, memory=memory, mask=mask)
    assert_near(found, by_the_formula(layer, x, memory, allowed))


@DTYPES
@HEADS
def test_outputs_and_all_gradients_are_those_of_torch(heads, dtype):
    ours = drawn(MultiHeadAttention(C, heads), dtype)
    theirs = nn.MultiheadAttention(C, heads, batch_first=True, dtype=dtype)
    theirs.load_state_dict(
        {n.replace("in_proj.", "in_proj_"): p for n, p in ours.state_dict().items()}
    )
    x, memory, mask = sequence(4, 0, dtype), sequence(M, 1, dtype), some_mask(1, M)
    found, _ = ours(x, memory=memory, mask=mask)
    expected, _ = theirs(x, memory, memory, key_padding_mask=~mask[:, 0], need_weights=False)
    assert_near(found, expected)
    weighed(found).backward()
    weighed(expected).backward()
    there = {n.replace("in_proj_", "in_proj."): p.grad for n, p in theirs.named_parameters()}
    for name, parameter in ours.named_parameters():
        assert_near(parameter.grad, there[name], name)


@pytest.mark.parametrize("masked", [False, True], ids=["all", "masked"])
@pytest.mark.parametrize("sizes", [(1,) * 7, (3, 4), (6, 1), (1, 4, 2)], ids=str)
def test_a_sequence_in_parts_is_the_sequence_at_once(sizes, masked):
    layer, x, cache, parts, end = drawn(MultiHeadAttention(C, 2)), sequence(7), None, [], 0
    mask = some_mask(7, 7) if masked else None
    whole, last = layer(x, mask=mask, causal=True)
    for part in x.split(sizes, dim=1):
        begin, end = end, end + part.shape[1]
        seen = None if mask is None else mask[:, begin:end, :end]
        found, cache = layer(part, cache, mask=seen, causal=True)
        parts.append(found)
    assert_near(torch.cat(parts, dim=1), whole)
    assert_near(cache.keys, last.keys)
    assert_near(cache.values, last.values)
    assert cache.keys.shape == (B, 2, 7, C // 2)


def test_a_memory_is_read_once():
    layer, x, memory = drawn(MultiHeadAttention(C, 2)), sequence(4), sequence(M, 1)
    whole, cache = layer(x, memory=memory)
    again, same = layer(x[:, 1:], cache, memory=torch.full_like(memory, torch.nan))
    assert_near(again, whole[:, 1:])
    assert same is cache


def test_where_nothing_may_be_attended_to_nothing_is_found():
    layer, x = drawn(MultiHeadAttention(C, 2)), sequence(4)
    found, _ = layer(x, mask=torch.zeros(B, 1, 4, dtype=torch.bool))
    assert_near(found, layer.out_proj.bias.expand(B, 4, C))


def test_dropout_takes_whole_shares_in_training_only():
    layer, x = drawn(MultiHeadAttention(C, 1, dropout=0.5)), sequence(1)
    kept, _ = layer(x)
    layer.train()
    torch.manual_seed(0)
    found = torch.cat([layer(x)[0] for _ in range(200)], dim=1)  # B 200 C
    twice = 2 * (kept - layer.out_proj.bias) + layer.out_proj.bias
    dropped = (found - layer.out_proj.bias).abs().amax(-1) < 1e-12
    assert (dropped | ((found - twice).abs().amax(-1) < 1e-12)).all()
    assert 0.4 < dropped.double().mean() < 0.6


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((8, 3), "got num_heads=3; wanted a number that divides the width, 8"),
        ((0, 1), "got width=0; wanted at least 1"),
        ((8, 0), "got num_heads=0; wanted at least 1"),
    ],
)
def test_impossible_sizes_are_refused(sizes, message):
    with pytest.raises(OptionError, match=f"MultiHeadAttention {message}"):
        MultiHeadAttention(*sizes)
