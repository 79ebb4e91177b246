"""Published files load: every tensor in its place, or one error that lists all that is wrong."""

import pickle
import re

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.models.attention_only.witness import (
    assert_near,
    bert_config,
    bert_shape,
    drawn,
    gpt2_config,
    gpt2_shape,
    symbols,
)
from transformers import (
    BertForMaskedLM,
    BertForPreTraining,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GPT2LMHeadModel,
    GPT2Model,
)

from unrolled.errors import NotSafetensorsError, PublishedWeightsError
from unrolled.models.attention_only.bert import Bert
from unrolled.models.attention_only.bert_heads import (
    MaskedModel,
    SentenceClassifier,
    TokenClassifier,
)
from unrolled.models.attention_only.gpt2 import GPT2
from unrolled.models.attention_only.published import load_published, published_tensors

CLASSES = 5
MODELS = {  # how ours is made, theirs, and the name of what it computes
    "GPT2": (lambda: GPT2(gpt2_shape()), GPT2LMHeadModel, "logits"),
    "Bert": (lambda: Bert(bert_shape()), BertModel, "pooler_output"),
    "masked": (lambda: MaskedModel(bert_shape()), BertForMaskedLM, "logits"),
    "pretraining": (
        lambda: MaskedModel(bert_shape(), has_next_sentence=True),
        BertForPreTraining,
        "seq_relationship_logits",
    ),
    "sentence": (
        lambda: SentenceClassifier(bert_shape(), CLASSES),
        BertForSequenceClassification,
        "logits",
    ),
    "token": (lambda: TokenClassifier(bert_shape(), CLASSES), BertForTokenClassification, "logits"),
}
OUTPUTS = {"GPT2": 0, "Bert": 1, "masked": 0, "pretraining": 1}  # of ours


def theirs_of(kind):
    """A model of `transformers` whose weights are all drawn."""
    config = gpt2_config() if kind.__name__.startswith("GPT2") else bert_config(classes=CLASSES)
    return drawn(kind(config), torch.float32)


def computed(name, model):
    found = model.eval()(symbols(7))
    return found[OUTPUTS[name]] if name in OUTPUTS else found


@pytest.fixture
def saved(tmp_path):
    """Saves tensors, and gives the path."""

    def save(tensors):
        copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        save_file(copies, tmp_path / "model.safetensors")
        return tmp_path / "model.safetensors"

    return save


@pytest.mark.parametrize("name", MODELS)
def test_what_transformers_saves_computes_the_same(name, tmp_path):
    make, kind, output = MODELS[name]
    ours, theirs = make(), theirs_of(kind)
    theirs.save_pretrained(tmp_path)
    load_published(ours, tmp_path / "model.safetensors")
    assert_near(computed(name, ours), theirs(symbols(7))[output])


@pytest.mark.parametrize("name", MODELS)
def test_what_we_name_their_way_transformers_takes_back(name):
    make, kind, output = MODELS[name]
    ours, theirs = drawn(make(), torch.float32), theirs_of(kind)
    tensors, wanted = published_tensors(ours), dict(theirs.named_parameters())
    prefixed = {f"{theirs.base_model_prefix}.{name}": tensor for name, tensor in tensors.items()}
    weights = {name: (tensors | prefixed)[name] for name in wanted}
    assert len(weights) == len(tensors)
    theirs.load_state_dict(weights, strict=False)
    assert_near(computed(name, ours), theirs(symbols(7))[output])


def test_a_file_as_openai_published_it_loads(saved):
    """No prefix, the mask of every block as a buffer; here with the readout twice as well."""
    theirs = theirs_of(GPT2LMHeadModel)
    tensors = {n.removeprefix("transformer."): p for n, p in theirs.named_parameters()}
    tensors |= {f"h.{n}.attn.bias": torch.ones(1, 1, 16, 16).tril() for n in range(2)}
    tensors |= {f"h.{n}.attn.masked_bias": torch.tensor(-1e4) for n in range(2)}
    tensors["lm_head.weight"] = tensors["wte.weight"]
    ours = GPT2(gpt2_shape())
    load_published(ours, saved(tensors))
    assert_near(computed("GPT2", ours), theirs(symbols(7)).logits)


def test_a_file_of_2018_loads(saved):
    """Norms with gamma and beta, positions as a buffer, the decoder's matrix and bias twice."""
    theirs = theirs_of(BertForPreTraining)
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    tensors = {
        re.sub(r"LayerNorm\.\w+$", lambda found: old[found[0]], name): parameter
        for name, parameter in theirs.named_parameters()
    }
    tensors["bert.embeddings.position_ids"] = torch.arange(16).unsqueeze(0)
    tensors["bert.embeddings.token_type_ids"] = torch.zeros(1, 16, dtype=torch.int64)
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"]
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"]
    ours = MaskedModel(bert_shape(), has_next_sentence=True)
    load_published(ours, saved(tensors))
    assert_near(ours.eval()(symbols(7)).symbols, theirs(symbols(7)).prediction_logits)
    assert sum(name.endswith("gamma") for name in tensors) == 6


def test_a_bert_takes_from_a_pretrained_file_what_it_needs(saved):
    theirs = theirs_of(BertForPreTraining)
    path = saved(dict(theirs.named_parameters()))
    classifier, masked = TokenClassifier(bert_shape(), CLASSES), MaskedModel(bert_shape())
    load_published(classifier.bert, path)
    load_published(masked, path)
    expected = theirs.bert(symbols(7)).last_hidden_state
    assert_near(classifier.bert.eval()(symbols(7)).symbols, expected)
    assert_near(masked.eval()(symbols(7)).symbols, theirs(symbols(7)).prediction_logits)


def test_a_bert_takes_from_a_classifier_what_it_needs(saved):
    theirs = theirs_of(BertForSequenceClassification)
    ours = Bert(bert_shape())
    load_published(ours, saved(dict(theirs.named_parameters())))
    assert_near(ours.eval()(symbols(7)).pooled, theirs.bert(symbols(7)).pooler_output)


def test_a_gpt2_without_its_prefix_loads(tmp_path):
    theirs = theirs_of(GPT2Model)
    theirs.save_pretrained(tmp_path)
    assert "wte.weight" in load_file(tmp_path / "model.safetensors")
    ours = GPT2(gpt2_shape())
    load_published(ours, tmp_path / "model.safetensors")
    assert_near(ours.eval().features(symbols(7))[0], theirs(symbols(7)).last_hidden_state)


def test_numbers_become_what_the_model_has(saved):
    theirs = theirs_of(GPT2LMHeadModel)
    halves = {name: parameter.bfloat16() for name, parameter in theirs.named_parameters()}
    ours = GPT2(gpt2_shape()).double()
    load_published(ours, saved(halves))
    assert ours.embedding.weight.dtype == torch.float64
    assert torch.equal(ours.embedding.weight, halves["transformer.wte.weight"].double())


def test_a_model_on_the_meta_device_gets_memory(saved):
    theirs = theirs_of(GPT2LMHeadModel)
    with torch.device("meta"):
        ours = GPT2(gpt2_shape())
    load_published(ours, saved(dict(theirs.named_parameters())))
    assert_near(computed("GPT2", ours), theirs(symbols(7)).logits)


def test_all_that_is_wrong_is_listed_and_nothing_is_loaded(saved):
    tensors = dict(theirs_of(GPT2LMHeadModel).named_parameters())
    tensors["transformer.h.0.ln_1.wight"] = tensors.pop("transformer.h.0.ln_1.weight")
    del tensors["transformer.ln_f.bias"]
    tensors["transformer.wpe.weight"] = torch.zeros(15, 8)
    tensors["transformer.h.1.mlp.c_fc.weight"] = torch.zeros(32, 8)  # not as Conv1D has it
    tensors["transformer.h.2.ln_1.bias"] = torch.zeros(8)
    ours = drawn(GPT2(gpt2_shape()), torch.float32)
    before = {name: parameter.clone() for name, parameter in ours.named_parameters()}
    path = saved(tensors)
    with pytest.raises(PublishedWeightsError) as caught:
        load_published(ours, path)
    assert str(caught.value).splitlines() == [
        f"{path} does not fit this GPT2:",
        "  missing: h.0.ln_1.weight [8]",
        "  missing: ln_f.bias [8]",
        "  unexpected: transformer.h.0.ln_1.wight [8]",
        "  unexpected: transformer.h.2.ln_1.bias [8]",
        "  of another shape: transformer.wpe.weight [15, 8], and the model's is [16, 8]",
        "  of another shape: transformer.h.1.mlp.c_fc.weight [32, 8], and the model's is [8, 32]",
        "Build the model with the sizes of the file, and load each kind of model from its own.",
    ]
    assert all(torch.equal(before[name], p) for name, p in ours.named_parameters())


def test_all_that_is_wrong_with_a_bert_is_listed(saved):
    tensors = dict(theirs_of(BertForSequenceClassification).named_parameters())
    query = "bert.encoder.layer.1.attention.self.query"
    tensors[f"{query}.weights"] = tensors.pop(f"{query}.weight")
    tensors[f"{query}.bias"] = torch.zeros(4)
    del tensors["classifier.bias"]
    with pytest.raises(PublishedWeightsError) as caught:
        load_published(SentenceClassifier(bert_shape(), 7), saved(tensors))
    assert str(caught.value).splitlines()[1:-1] == [
        "  missing: encoder.layer.1.attention.self.query.weight [8, 8]",
        "  missing: classifier.bias [7]",
        f"  unexpected: {query}.weights [8, 8]",
        f"  of another shape: {query}.bias [4], and the model's is [8]",
        "  of another shape: classifier.weight [5, 8], and the model's is [7, 8]",
    ]


def test_a_head_that_the_file_lacks_is_missing(saved):
    path = saved(dict(theirs_of(BertModel).named_parameters()))
    with pytest.raises(PublishedWeightsError, match=r"missing: classifier.weight \[2, 8\]"):
        load_published(SentenceClassifier(bert_shape(), 2), path)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["changed", "other type"])
def test_a_readout_of_its_own_is_refused(saved, dtype):
    tensors = dict(theirs_of(GPT2LMHeadModel).named_parameters())
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].to(dtype) + 1
    message = "not tied: lm_head.weight and transformer.wte.weight, which are one in the model"
    with pytest.raises(PublishedWeightsError, match=message):
        load_published(GPT2(gpt2_shape()), saved(tensors))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" * 9, pickle.dumps([1]), "short"], ids=str)
def test_what_is_no_safetensors_file_is_refused(saved, content):
    path = saved({"a": torch.zeros(3)})
    path.write_bytes(path.read_bytes()[:-1] if content == "short" else content)
    with pytest.raises(NotSafetensorsError, match=r"is no safetensors file: .* Pickled weights"):
        load_published(GPT2(gpt2_shape()), path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent.safetensors"):
        load_published(GPT2(gpt2_shape()), tmp_path / "absent.safetensors")
