"""The same models in `transformers`, with the same weights, drawn so that every term counts."""

import pytest
import torch
from transformers import BertConfig, GPT2Config

from unrolled.models.attention_only.bert import BertShape
from unrolled.models.attention_only.gpt2 import GPT2, GPT2Shape
from unrolled.models.attention_only.published import BERT_NAMING, GPT2_NAMING, published_names

V, B, CONTEXT, WIDTH, LAYERS = 23, 3, 16, 8, 2
NEAR = {torch.float32: 1e-5, torch.float64: 1e-12}
DTYPES = pytest.mark.parametrize("dtype", NEAR, ids=["float32", "float64"])
HEADS = pytest.mark.parametrize("heads", [1, 2, 4], ids=lambda heads: f"N{heads}")
STEPS = pytest.mark.parametrize("steps", [1, 2, 7], ids=lambda steps: f"T{steps}")


def gpt2_shape(heads=2, dropout=0.0):
    return GPT2Shape(V, CONTEXT, WIDTH, LAYERS, heads, dropout)


def bert_shape(heads=2, dropout=0.0):
    return BertShape(V, CONTEXT, WIDTH, LAYERS, heads, dropout=dropout)


def gpt2_config(heads=2, dropout=0.0):
    options = {"vocab_size": V, "n_positions": CONTEXT, "n_embd": WIDTH, "n_layer": LAYERS}
    options |= dict.fromkeys(("embd_pdrop", "attn_pdrop", "resid_pdrop"), dropout)
    return GPT2Config(**options, n_head=heads, bos_token_id=None, eos_token_id=None)


def bert_config(heads=2, classes=2, dropout=0.0):
    options = {"vocab_size": V, "max_position_embeddings": CONTEXT, "hidden_size": WIDTH}
    options |= {"num_hidden_layers": LAYERS, "intermediate_size": 4 * WIDTH}
    kinds = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout")
    options |= dict.fromkeys(kinds, dropout)
    return BertConfig(**options, num_attention_heads=heads, num_labels=classes)


@torch.no_grad()
def drawn(model, dtype=torch.float64, seed=0):
    """The model with all its parameters drawn anew: biases, gains and shifts as well."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.to(dtype).named_parameters():
        centre = 1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
        parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator) + centre)
    return model.eval()


def symbols(steps, batch=B, seed=1):
    return torch.randint(V, (batch, steps), generator=torch.Generator().manual_seed(seed))


def named(model, tensors):
    """Tensors of our model under the names of `transformers`."""
    naming = GPT2_NAMING if isinstance(model, GPT2) else BERT_NAMING
    return dict(published_names(tensors, naming))


def theirs_with(model, theirs):
    """The model of `transformers` with our weights, and in our number type."""
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    weights, dtype = named(model, parameters), next(model.parameters()).dtype
    wanted = dict(theirs.named_parameters())
    assert weights.keys() == {plain(name) for name in wanted}
    theirs = theirs.to(dtype).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            assert parameter.shape == weights[plain(name)].shape, name
            parameter.copy_(weights[plain(name)])
    return theirs


def plain(name):
    return name.removeprefix("transformer.").removeprefix("bert.")


def assert_near(ours, theirs, label=""):
    torch.testing.assert_close(
        ours, theirs, atol=NEAR[theirs.dtype], rtol=0, msg=lambda text: f"{label}: {text}"
    )


def assert_same_gradients(model, theirs):
    """Every parameter's, after both have gone backward."""
    ours, expected = named(model, gradients(model)), gradients(theirs)
    assert sum(float(gradient.abs().sum()) for gradient in ours.values()) > 1
    for name, gradient in expected.items():
        assert_near(ours[plain(name)], gradient, name)


def gradients(model):
    """Of each parameter; zeros of one that nothing flows back to."""
    return {
        name: torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        for name, parameter in model.named_parameters()
    }


def weighed(*outputs):
    """A sum of all that the outputs hold, each with a weight of its own; about 1 in size."""
    generator = torch.Generator().manual_seed(9)
    weights = [torch.randn(out.shape, generator=generator, dtype=out.dtype) for out in outputs]
    return sum(
        (w * out).sum() / out.numel() ** 0.5 for w, out in zip(weights, outputs, strict=True)
    )
