"""The Transformer is the paper's: torch.nn's layers, and numpy's positions."""

import math

import numpy as np
import pytest
import torch
from tests.models.attention_only.torch_blocks import gradients_of, no_later, torch_layer
from tests.models.attention_only.witness import (
    DTYPES,
    HEADS,
    STEPS,
    B,
    V,
    assert_near,
    drawn,
    symbols,
    weighed,
)

from unrolled.errors import AttentionCacheError, LengthsError, OptionError
from unrolled.models.attention_only.transformer import Transformer, TransformerShape, sinusoids

WIDTH, INNER, LAYERS, S = 8, 12, 2, 5


def model_of(heads=2, dtype=torch.float64):
    return drawn(Transformer(TransformerShape(V, WIDTH, INNER, LAYERS, heads)), dtype)


def positions(steps, width):
    """PE of the paper's section 3.5, number by number."""
    table = np.zeros((steps, width))
    for t in range(steps):
        for i in range(width // 2):
            angle = t / 10000 ** (2 * i / width)
            table[t, 2 * i], table[t, 2 * i + 1] = np.sin(angle), np.cos(angle)
    return torch.from_numpy(table)


def in_torch(model, source, target, lengths, heads):
    """The scores by torch.nn's layers, and these layers."""
    weight = model.embedding.weight.detach().clone().requires_grad_()
    dtype = weight.dtype
    layers = [
        [torch_layer(block, heads=heads, dtype=dtype) for block in blocks]
        for blocks in (model.encoder, model.decoder)
    ]

    def embedded(text):
        return weight[text] * math.sqrt(WIDTH) + positions(text.shape[1], WIDTH).to(dtype)

    steps = torch.arange(source.shape[1])
    hidden = steps >= torch.tensor(lengths or [source.shape[1]] * len(source)).unsqueeze(-1)
    memory, y = embedded(source), embedded(target)
    for layer in layers[0]:
        memory = layer(memory, src_key_padding_mask=hidden)
    options = {"tgt_mask": no_later(target.shape[1]), "memory_key_padding_mask": hidden}
    for layer in layers[1]:
        y = layer(y, memory, **options)
    return y @ weight.T, layers, weight


@DTYPES
@HEADS
@STEPS
@pytest.mark.parametrize("lengths", [None, (5, 2, 1)], ids=["whole", "lengths"])
def test_scores_and_all_gradients_are_those_of_torchs_layers(lengths, steps, heads, dtype):
    model = model_of(heads, dtype)
    source, target = symbols(S), symbols(steps, seed=2)
    found = model(source, target, lengths)
    expected, layers, weight = in_torch(model, source, target, lengths, heads)
    assert_near(found, expected)
    weighed(found).backward()
    weighed(expected).backward()
    assert_near(model.embedding.weight.grad, weight.grad, "embedding")
    for blocks, theirs in zip((model.encoder, model.decoder), layers, strict=True):
        for name, ours, gradient in gradients_of(blocks, theirs):
            assert_near(ours, gradient, name)


@pytest.mark.parametrize("width", [2, 6, 512])
@pytest.mark.parametrize(("first", "steps"), [(0, 1), (0, 40), (7, 3), (999, 1)])
def test_positions_are_those_of_the_paper(first, steps, width):
    found = sinusoids(first, steps, width)
    assert found.shape == (steps, width)
    np.testing.assert_allclose(found, positions(first + steps, width)[first:], atol=1e-12, rtol=0)


@DTYPES
@pytest.mark.parametrize("lengths", [None, (5, 2, 1)], ids=["whole", "lengths"])
def test_with_a_cache_it_writes_the_same_and_scores_it_the_same(lengths, dtype):
    model, texts = model_of(dtype=dtype), []
    memory = model.encode(symbols(S), lengths)
    whole = []
    for cached in (True, False):
        cache, text, scores = None, torch.zeros(B, 1, dtype=torch.int64), []
        for _ in range(9):
            logits, kept = model.decode(text[:, -1:] if cached else text, memory, cache)
            cache = kept if cached else None
            scores.append(logits[:, -1])
            text = torch.cat([text, scores[-1].argmax(-1, keepdim=True)], dim=1)
        texts.append(text)
        whole.append(torch.stack(scores, dim=1))
    assert torch.equal(*texts)
    assert_near(*whole)


@pytest.mark.parametrize("sizes", [(3, 4), (1, 1, 5), (6, 1)], ids=str)
def test_a_target_in_parts_is_the_target_at_once(sizes):
    model, target, cache, parts = model_of(), symbols(7, seed=2), None, []
    memory = model.encode(symbols(S), (5, 2, 1))
    for part in target.split(sizes, dim=1):
        logits, cache = model.decode(part, memory, cache)
        parts.append(logits)
    assert_near(torch.cat(parts, dim=1), model.decode(target, memory)[0])


def test_the_memory_is_read_by_the_first_step_alone():
    model, target = model_of(), symbols(3, seed=2)
    memory = model.encode(symbols(S))
    _, cache = model.decode(target[:, :1], memory)
    unreadable = memory._replace(states=torch.full_like(memory.states, torch.nan))
    assert_near(model.decode(target[:, 1:], unreadable, cache)[0], model(symbols(S), target)[:, 1:])


@pytest.mark.parametrize("changed", range(7))
def test_a_later_symbol_changes_no_earlier_score(changed):
    model, target = model_of(), symbols(7, seed=2)
    other = target.clone()
    other[:, changed] = (other[:, changed] + 1) % V
    found, expected = (model(symbols(S), text) for text in (other, target))
    difference = (found - expected).abs().amax(dim=-1)  # B T
    assert difference[:, :changed].eq(0).all()
    assert difference[:, changed:].gt(0).all()


@pytest.mark.parametrize("changed", range(S))
def test_every_score_hangs_on_every_symbol_of_the_source(changed):
    model, target, source = model_of(), symbols(4, seed=2), symbols(S)
    other = source.clone()
    other[:, changed] = (other[:, changed] + 1) % V
    assert (model(source, target) - model(other, target)).abs().amax(dim=-1).gt(0).all()


def test_padding_changes_nothing_for_a_shorter_row():
    model, source, target, lengths = model_of(), symbols(S), symbols(7, seed=2), (5, 3, 1)
    wild = source.clone()
    wild[1, 3:], wild[2, 1:] = -1, V + 5
    together = model(wild, target, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = model(source[row : row + 1, :length], target[row : row + 1])
        assert_near(alone[0], together[row], f"row {row}")


def test_weights_start_as_published():
    torch.manual_seed(0)
    model = Transformer(TransformerShape(500, 64, 128, 2, 4))
    limits = {"in_proj": 128, "out_proj": 128, "linear1": 192, "linear2": 192}  # inputs + outputs
    for name, parameter in model.named_parameters():
        layer = name.split(".")[-2]
        if name.endswith("bias"):
            assert parameter.eq(0).all(), name
        elif "norm" in name:
            assert parameter.eq(1).all(), name
        elif name == "embedding.weight":
            assert abs(parameter.std() * 64**0.5 - 1) < 0.03
        else:
            limit = math.sqrt(6 / limits[layer])
            assert 0.98 * limit < parameter.abs().max() <= limit, name


def test_the_base_model_of_the_paper_is_the_default():
    with torch.device("meta"):
        model = Transformer(TransformerShape())
    blocks = sum(p.numel() for n, p in model.named_parameters() if n != "embedding.weight")
    attention, feed_forward = 4 * (512 * 512 + 512), 2 * 512 * 2048 + 2048 + 512
    assert blocks == 6 * (3 * attention + 2 * feed_forward + 5 * 2 * 512)
    assert model.embedding.weight.shape == (37000, 512)


def test_what_does_not_fit_is_refused():
    model = model_of()
    memory = model.encode(symbols(S))
    with pytest.raises(LengthsError, match="Transformer got lengths from 1 to 6 for T=5"):
        model(symbols(S), symbols(2), (1, 6, 2))
    cache = model.decode(symbols(2, batch=1), model.encode(symbols(S, batch=1)))[1]
    message = "Transformer got a cache of 2 blocks and B=1, and reads 2 blocks and B=3"
    with pytest.raises(AttentionCacheError, match=message):
        model.decode(symbols(2), memory, cache)
    with pytest.raises(OptionError, match="Transformer got width=7; wanted even"):
        Transformer(TransformerShape(V, 7, INNER, LAYERS, 1))
