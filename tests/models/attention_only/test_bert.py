"""BERT and its heads compute what `transformers` computes, with and without padding."""

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
    bert_config,
    bert_shape,
    drawn,
    symbols,
    theirs_with,
    weighed,
)
from transformers import (
    BertForMaskedLM,
    BertForPreTraining,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
)

from unrolled.errors import ContextError, LengthsError, OptionError
from unrolled.models.attention_only.bert import BERT_SHAPES, Bert, BertShape
from unrolled.models.attention_only.bert_heads import (
    MaskedModel,
    SentenceClassifier,
    TokenClassifier,
)

CLASSES = 5
PUBLISHED = {  # numbers of parameters, with the pooler and without heads
    "bert-base-uncased": 109_482_240,
    "bert-base-cased": 108_310_272,
    "bert-large-uncased": 335_141_888,
    "bert-large-cased": 333_579_264,
}
MODELS = {  # how ours is made, and theirs, and what of theirs is to be compared
    "Bert": (Bert, BertModel, ("last_hidden_state", "pooler_output")),
    "pretraining": (
        lambda shape: MaskedModel(shape, has_next_sentence=True),
        BertForPreTraining,
        ("prediction_logits", "seq_relationship_logits"),
    ),
    "masked": (MaskedModel, BertForMaskedLM, ("logits",)),
    "sentence": (
        lambda shape: SentenceClassifier(shape, CLASSES),
        BertForSequenceClassification,
        ("logits",),
    ),
    "token": (
        lambda shape: TokenClassifier(shape, CLASSES),
        BertForTokenClassification,
        ("logits",),
    ),
}


def pair(name, heads=2, dtype=torch.float64):
    make, their_class, outputs = MODELS[name]
    ours = drawn(make(bert_shape(heads)), dtype)
    theirs = theirs_with(ours, their_class(bert_config(heads, CLASSES)))

    def compute(text, segments, mask):
        found = theirs(text, token_type_ids=segments, attention_mask=mask)
        return [found[output] for output in outputs]

    return ours, theirs, compute


def outputs_of(model, *arguments, **options):
    found = model(*arguments, **options)
    return [found] if torch.is_tensor(found) else [out for out in found if out is not None]


def segments_of(text):
    return (torch.arange(text.shape[1]) >= text.shape[1] // 2).long().expand_as(text)


def without_padding(output, lengths):
    """What stands before each length; an output for the whole sequence as it is."""
    if output.dim() == 2:
        return output
    return torch.cat([row[:length] for row, length in zip(output, lengths, strict=True)])


@DTYPES
@HEADS
@STEPS
@pytest.mark.parametrize("name", MODELS)
def test_outputs_and_all_gradients_are_those_of_transformers(name, heads, steps, dtype):
    ours, theirs, compute = pair(name, heads, dtype)
    text, segments = symbols(steps), segments_of(symbols(steps))
    found, expected = outputs_of(ours, text, segments), compute(text, segments, None)
    for one, other in zip(found, expected, strict=True):
        assert_near(one, other)
    weighed(*found).backward()
    weighed(*expected).backward()
    assert_same_gradients(ours, theirs)


@DTYPES
@pytest.mark.parametrize("lengths", [(7, 3, 1), (2, 7, 7)], ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_lengths_are_the_attention_mask_of_transformers(name, lengths, dtype):
    ours, theirs, compute = pair(name, dtype=dtype)
    text, segments = symbols(7), segments_of(symbols(7))
    mask = torch.arange(7) < torch.tensor(lengths).unsqueeze(-1)
    found = outputs_of(ours, text, segments, lengths)
    expected = compute(text * mask, segments * mask, mask.long())
    found = [without_padding(output, lengths) for output in found]
    expected = [without_padding(output, lengths) for output in expected]
    for one, other in zip(found, expected, strict=True):
        assert_near(one, other)
    weighed(*found).backward()
    weighed(*expected).backward()
    assert_same_gradients(ours, theirs)


@pytest.mark.parametrize("name", MODELS)
def test_padding_changes_nothing_for_a_shorter_row(name):
    model, lengths = drawn(MODELS[name][0](bert_shape())), (7, 4, 1)
    text, segments = symbols(7), segments_of(symbols(7))
    together = outputs_of(model, text, segments, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = outputs_of(model, *(x[row : row + 1, :length] for x in (text, segments)))
        for one, other in zip(together, alone, strict=True):
            assert_near(one[row] if one.dim() == 2 else one[row, :length], other[0], f"row {row}")


def test_anything_may_stand_past_a_length():
    model, text = drawn(Bert(bert_shape())), symbols(5)
    wild, segments, lengths = text.clone(), torch.ones_like(text), [5, 2, 4]
    expected = model(text, segments, lengths)
    wild[1, 2:], wild[2, 4:], segments[1, 2:] = -100, V + 7, -1
    found = model(wild, segments, lengths)
    assert torch.equal(found.pooled, expected.pooled)
    assert torch.equal(found.symbols[1, :2], expected.symbols[1, :2])


def test_a_sequence_of_length_zero_harms_no_other():
    model, text = drawn(Bert(bert_shape())), symbols(5)
    expected = model(text[:2], lengths=[5, 3])
    found = model(text, lengths=[5, 3, 0])
    assert_near(found.pooled[:2], expected.pooled)
    weighed(found.pooled[:2]).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_lengths_that_end_nowhere_are_no_lengths():
    model, text = drawn(Bert(bert_shape())), symbols(5)
    assert torch.equal(model(text, lengths=[5] * B).symbols, model(text).symbols)


def test_every_symbol_sees_every_other():
    model, text = drawn(Bert(bert_shape())), symbols(5)
    for changed in range(5):
        other = text.clone()
        other[:, changed] = (other[:, changed] + 1) % V
        difference = (model(text).symbols - model(other).symbols).abs().amax(dim=-1)
        assert difference.gt(0).all()


def test_without_segments_all_are_the_first():
    model, text = drawn(Bert(bert_shape())), symbols(5)
    assert torch.equal(model(text).symbols, model(text, torch.zeros_like(text)).symbols)
    assert not torch.equal(model(text).symbols, model(text, torch.ones_like(text)).symbols)


def test_without_a_pooler_there_is_nothing_pooled():
    model = drawn(Bert(bert_shape(), has_pooler=False))
    found = model(symbols(5))
    assert found.pooled is None
    assert "pooler.weight" not in model.state_dict()
    assert drawn(MaskedModel(bert_shape()))(symbols(5)).next_sentence is None


@pytest.mark.parametrize("name", BERT_SHAPES)
def test_the_published_sizes_have_the_published_numbers_of_parameters(name):
    with torch.device("meta"):
        model = Bert(BERT_SHAPES[name])
    assert sum(parameter.numel() for parameter in model.parameters()) == PUBLISHED[name]


@pytest.mark.parametrize("name", MODELS)
def test_weights_start_within_two_standard_deviations(name):
    torch.manual_seed(0)
    model = MODELS[name][0](BertShape(400, 64, 64, 2, 4))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert parameter.eq(0).all(), name
        elif "norm" in name:
            assert parameter.eq(1).all(), name
        else:
            assert 0.03 < parameter.abs().max() <= 0.04, name
            # A normal number that is kept within two standard deviations has 0.88 of one.
            few = parameter.numel() < 500
            assert abs(parameter.std() / (0.02 * 0.88) - 1) < (0.2 if few else 0.05), name


def test_more_symbols_than_the_context_are_refused():
    with pytest.raises(ContextError, match="Bert got 17 symbols after 0 .* its context is 16"):
        Bert(bert_shape())(symbols(CONTEXT + 1))


def test_lengths_that_do_not_fit_are_refused():
    model = Bert(bert_shape())
    with pytest.raises(LengthsError, match="Bert got lengths from 1 to 6 for T=5"):
        model(symbols(5), lengths=[1, 6, 2])
    with pytest.raises(LengthsError, match=r"Bert got lengths of shape \[2\]"):
        model(symbols(5), lengths=[1, 5])


@pytest.mark.parametrize("kind", [SentenceClassifier, TokenClassifier])
def test_a_classifier_of_no_classes_is_refused(kind):
    with pytest.raises(OptionError, match=f"{kind.__name__} got num_classes=0; wanted at least 1"):
        kind(bert_shape(), 0)
