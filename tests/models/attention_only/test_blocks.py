"""A block computes what torch.nn's layers compute: either norm, each activation, with a memory."""

from functools import partial

import pytest
import torch
from tests.models.attention_only.torch_blocks import gradients_of, no_later, torch_layer
from tests.models.attention_only.witness import DTYPES, HEADS, assert_near, drawn, weighed
from torch.nn import functional as F

from unrolled.errors import OptionError
from unrolled.models.attention_only.blocks import ACTIVATIONS, Block, BlockShape, FeedForward

B, T, M, C, F_WIDTH = 3, 5, 4, 8, 12
THEIRS = {"relu": "relu", "gelu": "gelu", "gelu_tanh": partial(F.gelu, approximate="tanh")}


def sequence(steps, dtype, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(B, steps, C, generator=generator, dtype=torch.float64).to(dtype)


def block_of(heads=2, dtype=torch.float64, **options):
    options = {"activation": "relu", "pre_norm": False, **options}
    return drawn(Block(BlockShape(C, heads, F_WIDTH, **options)), dtype)


@DTYPES
@HEADS
@pytest.mark.parametrize("pre_norm", [False, True], ids=["post", "pre"])
@pytest.mark.parametrize("activation", THEIRS)
def test_outputs_and_all_gradients_are_those_of_torch(activation, pre_norm, heads, dtype):
    block = block_of(heads, dtype, activation=activation, pre_norm=pre_norm)
    layer = torch_layer(block, heads=heads, dtype=dtype, activation=THEIRS[activation])
    x = sequence(T, dtype)
    found, _ = block(x, causal=True)
    expected = layer(x, src_mask=no_later(T), is_causal=True)
    assert_near(found, expected)
    weighed(found).backward()
    weighed(expected).backward()
    for name, ours, theirs in gradients_of([block], [layer]):
        assert_near(ours, theirs, name)


@DTYPES
@pytest.mark.parametrize("pre_norm", [False, True], ids=["post", "pre"])
def test_with_a_memory_it_is_the_decoder_layer_of_torch(pre_norm, dtype):
    block = block_of(2, dtype, pre_norm=pre_norm, has_cross=True)
    layer = torch_layer(block, heads=2, dtype=dtype)
    x, memory = sequence(T, dtype), sequence(M, dtype, 1)
    there = torch.arange(M) < torch.tensor([4, 2, 1]).unsqueeze(-1)  # B M
    found, _ = block(x, causal=True, memory=memory, memory_mask=there.unsqueeze(1))
    options = {"tgt_mask": no_later(T), "tgt_is_causal": True, "memory_key_padding_mask": ~there}
    expected = layer(x, memory, **options)
    assert_near(found, expected)
    weighed(found).backward()
    weighed(expected).backward()
    for name, ours, theirs in gradients_of([block], [layer]):
        assert_near(ours, theirs, name)


def test_epsilon_is_that_of_every_norm():
    block = block_of(has_cross=True, epsilon=0.5)
    norms = [module for module in block.modules() if isinstance(module, torch.nn.LayerNorm)]
    assert [norm.eps for norm in norms] == [0.5] * 3


@pytest.mark.parametrize("option", ["dropout", "attention_dropout"])
def test_either_dropout_is_in_training_only(option):
    block, x = block_of(**{option: 0.5}), sequence(T, torch.float64)
    assert torch.equal(block(x)[0], block(x)[0])
    block.train()
    assert not torch.equal(block(x)[0], block(x)[0])


def test_an_activation_that_is_not_known_is_refused():
    message = "FeedForward got activation='swish'; wanted one of relu, gelu, gelu_tanh"
    with pytest.raises(OptionError, match=message):
        FeedForward(C, F_WIDTH, "swish")
    assert list(ACTIVATIONS) == list(THEIRS)
