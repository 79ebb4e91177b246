"""Our blocks as torch.nn's encoder and decoder layers, with the same weights."""

import torch
from torch import nn

NAMES = {  # ours, and theirs in a layer of torch.nn with and without attention to a memory
    "attention.in_proj.": ("self_attn.in_proj_", "self_attn.in_proj_"),
    "attention.out_proj.": ("self_attn.out_proj.", "self_attn.out_proj."),
    "attention_norm.": ("norm1.", "norm1."),
    "cross.in_proj.": ("multihead_attn.in_proj_", None),
    "cross.out_proj.": ("multihead_attn.out_proj.", None),
    "cross_norm.": ("norm2.", None),
    "feed_forward.linear1.": ("linear1.", "linear1."),
    "feed_forward.linear2.": ("linear2.", "linear2."),
    "feed_forward_norm.": ("norm3.", "norm2."),
}


def their_name(name, *, has_cross):
    """Of a parameter of a block."""
    start, _, kind = name.rpartition(".")
    return NAMES[f"{start}."][0 if has_cross else 1] + kind


def torch_layer(block, *, heads, dtype, **options):
    """A layer of torch.nn without dropout that computes what the block computes."""
    has_cross = block.cross is not None
    kind = nn.TransformerDecoderLayer if has_cross else nn.TransformerEncoderLayer
    inner, width = block.feed_forward.linear1.weight.shape
    layer = kind(
        width, heads, inner, dropout=0.0, batch_first=True, norm_first=block.pre_norm, **options
    )
    weights = {their_name(n, has_cross=has_cross): p for n, p in block.state_dict().items()}
    layer.to(dtype).load_state_dict(weights)
    return layer.eval()


def gradients_of(blocks, layers):
    """Pairs of gradients of the same parameters of blocks and layers, and their names."""
    for number, (block, layer) in enumerate(zip(blocks, layers, strict=True)):
        there = dict(layer.named_parameters())
        for name, parameter in block.named_parameters():
            theirs = there[their_name(name, has_cross=block.cross is not None)]
            yield f"{number}.{name}", parameter.grad, theirs.grad


def no_later(steps):
    """True where torch.nn is NOT to attend."""
    return torch.ones(steps, steps, dtype=torch.bool).triu(1)
