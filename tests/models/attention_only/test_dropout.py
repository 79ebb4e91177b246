"""What is dropped, and where: in training at the places of `transformers`, else nowhere.

Dropout is made to drop the same things on both sides: what it takes follows from the shape alone.
"""

import math

import pytest
import torch
from tests.models.attention_only.witness import (
    WIDTH,
    B,
    V,
    assert_near,
    assert_same_gradients,
    bert_config,
    bert_shape,
    drawn,
    gpt2_config,
    gpt2_shape,
    symbols,
    theirs_with,
    weighed,
)
from torch.nn import functional as F
from transformers import (
    BertForPreTraining,
    BertForSequenceClassification,
    BertForTokenClassification,
    GPT2LMHeadModel,
)

from unrolled.models.attention_only.bert_heads import (
    MaskedModel,
    SentenceClassifier,
    TokenClassifier,
)
from unrolled.models.attention_only.gpt2 import GPT2
from unrolled.models.attention_only.transformer import Transformer, TransformerShape

RATE, CLASSES, T = 0.3, 5, 7
MODELS = {  # ours and theirs with a rate of dropout, and the name of what is compared
    "GPT2": (
        lambda rate: GPT2(gpt2_shape(dropout=rate)),
        lambda rate: GPT2LMHeadModel(gpt2_config(dropout=rate)),
        "logits",
    ),
    "masked": (
        lambda rate: MaskedModel(bert_shape(dropout=rate), has_next_sentence=True),
        lambda rate: BertForPreTraining(bert_config(dropout=rate)),
        "prediction_logits",
    ),
    "sentence": (
        lambda rate: SentenceClassifier(bert_shape(dropout=rate), CLASSES),
        lambda rate: BertForSequenceClassification(bert_config(2, CLASSES, rate)),
        "logits",
    ),
    "token": (
        lambda rate: TokenClassifier(bert_shape(dropout=rate), CLASSES),
        lambda rate: BertForTokenClassification(bert_config(2, CLASSES, rate)),
        "logits",
    ),
}


@pytest.fixture
def dropped(monkeypatch):
    """The shapes of what is dropped from, in order, which from now on is the same for a shape."""
    shapes = []

    def drop(x, p=0.5, training=True, inplace=False):
        assert not inplace
        if not training or p == 0:
            return x
        shapes.append(tuple(x.shape))
        kept = torch.rand(x.shape, generator=torch.Generator().manual_seed(x.numel())) >= p
        return x * kept / (1 - p)

    def attend(query, keys, values, attn_mask=None, dropout_p=0.0, is_causal=False, **_):
        assert attn_mask is None
        scores = query @ keys.mT / math.sqrt(query.shape[-1])
        allowed = torch.ones(scores.shape[-2:], dtype=torch.bool)
        scores = scores.masked_fill(~(allowed.tril() if is_causal else allowed), -torch.inf)
        return drop(scores.softmax(-1), dropout_p) @ values

    monkeypatch.setattr(F, "dropout", drop)
    monkeypatch.setattr(F, "scaled_dot_product_attention", attend)
    return shapes


def first(found):
    return found if torch.is_tensor(found) else found[0]


@pytest.mark.parametrize("name", MODELS)
def test_in_training_the_same_is_dropped_as_in_transformers(name, dropped):
    make, make_theirs, output = MODELS[name]
    ours = drawn(make(RATE))
    theirs = theirs_with(ours, make_theirs(RATE))
    found = first(ours.train()(symbols(T)))
    count = len(dropped)
    expected = theirs.train()(symbols(T))[output]
    assert_near(found, expected)
    assert dropped[:count] == dropped[count:]
    weighed(found).backward()
    weighed(expected).backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("name", MODELS)
def test_elsewhere_nothing_is_dropped(name, dropped):
    make, _, _ = MODELS[name]
    found = first(drawn(make(RATE))(symbols(T)))
    assert torch.equal(found, first(drawn(make(0.0)).train()(symbols(T))))
    assert dropped == []


def test_the_transformer_drops_from_sums_with_positions_and_from_what_is_added(dropped):
    """Vaswani et al. 2017, section 5.4: there alone, so not from shares of attention."""
    model = drawn(Transformer(TransformerShape(V, WIDTH, 12, 2, 2, RATE))).train()
    model(symbols(4), symbols(T))
    embedding, parts = 1, 2 * 2  # 2 parts of each of 2 blocks
    assert dropped[: embedding + parts] == [(B, 4, WIDTH)] * 5
    embedding, parts = 1, 2 * 3
    assert dropped[5:] == [(B, T, WIDTH)] * (embedding + parts)
    dropped.clear()
    model.eval()(symbols(4), symbols(T))
    assert dropped == []
