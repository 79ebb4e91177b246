"""Published folders, named sets and runs become models that compute what they did."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.tasks.test_masked_lm import book
from tests.tasks.texts.published import SYMBOLS, change_config, publish_bert, publish_gpt2
from transformers import BertForMaskedLM

import unrolled
from unrolled.errors import (
    PretrainedError,
    PublishedWeightsError,
    SetKindError,
    TokenizerError,
    TokenizerSizeError,
)
from unrolled.models.attention_only.bert import Bert
from unrolled.models.attention_only.gpt2 import GPT2
from unrolled.tasks.texts.pretrained import find_pretrained

TEXT = "the lovely film was grim"


def test_a_published_bert_gives_the_hidden_states_that_transformers_gives(tmp_path):
    theirs = publish_bert(tmp_path)
    found = find_pretrained(str(tmp_path), "bert")
    assert (found.shape.width, found.shape.context, found.shape.num_layers) == (16, 40, 2)
    ours = Bert(found.shape)
    found.load(ours)
    symbols = torch.tensor(found.tokenizer.encode([TEXT])[0]).long().unsqueeze(0)
    assert found.tokenizer.decode(symbols[0]) == TEXT
    encoded, expected = ours.eval()(symbols), theirs(symbols)
    torch.testing.assert_close(encoded.symbols, expected.last_hidden_state, atol=1e-5, rtol=0)
    torch.testing.assert_close(encoded.pooled, expected.pooler_output, atol=1e-5, rtol=0)


def test_a_published_gpt2_gives_the_scores_that_transformers_gives(tmp_path):
    theirs = publish_gpt2(tmp_path)
    found = find_pretrained(str(tmp_path), "gpt2")
    ours = GPT2(found.shape)
    found.load(ours)
    symbols = torch.tensor(found.tokenizer.encode(["the bath"])[0]).long().unsqueeze(0)
    assert symbols.shape == (1, 6)
    torch.testing.assert_close(ours.eval()(symbols)[0], theirs(symbols).logits, atol=1e-5, rtol=0)


@pytest.mark.parametrize("change", [1, -1])
def test_a_tokenizer_with_another_number_of_symbols_is_refused(tmp_path, change):
    publish_bert(tmp_path, symbols=[*SYMBOLS, "more"] if change == 1 else SYMBOLS[:-1])
    wanted = f"has {len(SYMBOLS) + change} symbols, and the weights have vectors for {len(SYMBOLS)}"
    with pytest.raises(TokenizerSizeError, match=wanted):
        find_pretrained(str(tmp_path), "bert")


CHANGES = {
    "model_type": ("roberta", "its model_type is 'roberta', and 'bert' is wanted"),
    "hidden_act": ("relu", "its hidden_act is 'relu', and 'gelu' is wanted"),
    "layer_norm_eps": (1e-5, "its layer_norm_eps is 1e-05, and 1e-12 is wanted"),
    "position_embedding_type": ("relative_key", "its position_embedding_type is 'relative_key'"),
    "is_decoder": (True, "its is_decoder is True, and False is wanted"),
    "intermediate_size": (32, "its intermediate_size is 32, and 64 is wanted"),
    "attention_probs_dropout_prob": (0.0, "its attention_probs_dropout_prob is 0.0, and 0.1 is"),
    "hidden_dropout_prob": (1, "its hidden_dropout_prob is 1, and 0 or more, below 1, is wanted"),
    "hidden_size": ("16", "its hidden_size is '16', and a whole number above 0 is wanted"),
    "num_hidden_layers": (0, "its num_hidden_layers is 0, and a whole number above 0 is wanted"),
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_config_that_ours_does_not_follow_is_refused_by_its_field(tmp_path, field):
    publish_bert(tmp_path)
    value, message = CHANGES[field]
    change_config(tmp_path, **{field: value})
    with pytest.raises(PretrainedError, match=f"holds no bert that can be used: {message}"):
        find_pretrained(str(tmp_path), "bert")


def test_what_is_no_folder_of_a_model_is_refused(tmp_path):
    with pytest.raises(
        PretrainedError, match=r"minilmm holds .* no config\.json\. Did you mean min"
    ):
        find_pretrained("minilmm", "bert")
    with pytest.raises(SetKindError, match=r"tweets has labelled texts; .* of bert .*: minilm\."):
        find_pretrained("tweets", "bert")
    publish_bert(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(SYMBOLS).replace("[CLS]", "[ONE]"))
    with pytest.raises(TokenizerError, match=r"it has no symbol \[CLS\]"):
        find_pretrained(str(tmp_path), "bert")
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(PretrainedError, match=r"it has no model\.safetensors"):
        find_pretrained(str(tmp_path), "bert")


def test_all_names_that_are_missing_or_too_many_are_listed(tmp_path):
    publish_bert(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["pooler.dense.bias"], tensors["encoder.layer.1.output.dense.weight"]
    tensors["encoder.layer.2.output.dense.bias"] = torch.zeros(16)
    save_file(tensors, tmp_path / "model.safetensors")
    found = find_pretrained(str(tmp_path), "bert")
    with pytest.raises(PublishedWeightsError) as caught:
        found.load(Bert(found.shape))
    assert str(caught.value).splitlines()[1:-1] == [
        "  missing: encoder.layer.1.output.dense.weight [16, 64]",
        "  missing: pooler.dense.bias [16]",
        "  unexpected: encoder.layer.2.output.dense.bias [16]",
    ]


def test_heads_are_left_alone(tmp_path):
    theirs = publish_bert(tmp_path, BertForMaskedLM)
    found = find_pretrained(str(tmp_path), "bert")
    ours = Bert(found.shape, has_pooler=False)
    found.load(ours)
    symbols = torch.tensor([[2, 7, 9, 3]])
    expected = theirs.bert(symbols).last_hidden_state
    torch.testing.assert_close(ours.eval()(symbols).symbols, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("pairs", [False, True], ids=["alone", "pairs"])
@pytest.mark.parametrize("pooler", [False, True], ids=["no pooler", "pooler"])
def test_a_run_of_masked_lm_is_taken_up(tmp_path, pairs, pooler):
    settings = {"steps": 2, "hidden_size": 8, "num_heads": 2, "unit": "words", "context": 21}
    settings |= {"next_sentence": pairs, "threads": 1, "out": tmp_path / "run"}
    run = unrolled.train("masked-lm", book(tmp_path / "book.txt"), **settings)
    found = find_pretrained(str(run.path), "bert")
    ours = Bert(found.shape, has_pooler=pooler)
    fresh = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    found.load(ours)
    for name, tensor in ours.state_dict().items():
        trained = run.model.bert.state_dict().get(name, fresh[name])
        assert torch.equal(tensor, trained), name
    assert found.tokenizer.to_json() == run.tokenizer.to_json()
    with pytest.raises(PretrainedError, match="holds no gpt2 .*: it is a run of 'masked-lm'"):
        find_pretrained(str(run.path), "gpt2")
