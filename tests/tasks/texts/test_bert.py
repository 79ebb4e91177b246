"""BERT reads for sentiment and for tag: from scratch, from published weights, from a run."""

import json
import shutil
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.tasks.test_masked_lm import book
from tests.tasks.texts import test_sentiment, test_tag
from tests.tasks.texts.published import SYMBOLS, publish_bert
from tests.tasks.tiny_text import Samples, kept, stopping

import unrolled
from unrolled.cli.train import _model_in
from unrolled.data.examples.kinds import Tagged
from unrolled.errors import (
    DamagedFileError,
    OneLabelError,
    OnnxError,
    PublishedWeightsError,
    SettingError,
    StoredSettingsError,
    TokenizerSizeError,
    UnknownLabelError,
)
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.registry import find_task
from unrolled.tasks.sentiment.settings import SentimentSettings
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.translate.settings import TranslateSettings

SMALL = {"model": "bert", "hidden_size": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.0}
CALM = {"steps": 80, "learning_rate": 1e-2, "evaluate_every": 40, "warmup_steps": 10, "threads": 1}
DATA = {
    "sentiment": lambda folder: test_sentiment.write(
        folder / "films.jsonl", test_sentiment.rows(400)
    ),
    "tag": lambda folder: test_tag.write(folder / "small.conll", test_tag.sentences(300)),
}
TASKS = pytest.mark.parametrize("task", DATA)


def train(task, folder, data=None, **changes):
    settings = {**SMALL, **CALM, "out": folder / "run", "longest": 60, **changes}
    return unrolled.train(task, data or DATA[task](folder), **settings)


@pytest.fixture
def hub(tmp_path):
    folder = tmp_path / "hub"
    folder.mkdir()
    publish_bert(folder)
    return folder


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    return train("tag", tmp_path_factory.mktemp("tag"), steps=250)


def test_it_learns_which_words_tell_the_label(tmp_path):
    run = train("sentiment", tmp_path)
    figures = run.evaluate()
    assert figures.model.accuracy > 0.95 and run.title == "bert 1 x 16"
    assert run.label(["it was lovely", "a grim day", ""])[:2] == ["good", "bad"]
    together = run.chances(["it was lovely", "a long grim day of it", ""])
    alone = [run.chances([text])[0] for text in ("it was lovely", "a long grim day of it", "")]
    np.testing.assert_allclose(together, alone, atol=1e-5)
    with pytest.raises(OnnxError, match="BertManyToOne cannot become .*: its context ends"):
        run.export()


def test_it_learns_tags_from_the_words_around_and_from_pieces(tagger):
    figures = tagger.evaluate()
    assert figures.accuracy > 0.97 > figures.commonest_tag_accuracy
    assert figures.unknown_words > 40 and figures.accuracy_of_unknown > 0.9
    said = tagger.tag([["n7", "the", "walk"], [], "n8 to walk call12ed".split()])
    assert said == [["NUM", "DET", "NOUN"], [], ["NUM", "TO", "VERB", "PAST"]]
    with pytest.raises(OnnxError, match="BertTagger cannot become an ONNX file"):
        tagger.export()


def test_a_word_is_read_at_its_first_piece(tagger):
    coder = tagger.coder
    sentences = [("to", "walk"), ("zapped99ed", "é", "the", "zapped99ed")]
    read = coder.read(sentences)
    symbols = coder.reader.tokenizer.symbols
    for words, pieces, firsts in zip(sentences, read.pieces, read.firsts, strict=True):
        text = [symbols[number] for number in pieces]
        assert (text[0], text[-1]) == ("[CLS]", "[SEP]")
        parts = np.split(pieces[:-1], firsts)[1:]
        said = [coder.reader.tokenizer.decode(part).strip() for part in parts]
        assert said == list(words)
    assert coder.knows("walk") and not coder.knows("zapped99ed")


def test_long_sentences_lose_their_last_words_and_that_is_said(tagger):
    coder, told = tagger.coder, []
    words = ("to", "walk") * 40
    coded = coder.code([Tagged(words, ("TO", "VERB") * 40)], told.append)
    assert len(coded.pieces[0]) == 60 and len(coded.firsts[0]) == len(coded.tags[0]) < 80
    assert coded.firsts[0].max() < 59 and coder.reader.shape.context == 60
    assert told == ["texts longer than 58 units, cut (--longest): 1"]
    assert [len(row) for row in tagger.tag([words])] == [len(coded.tags[0])]


def test_what_cannot_be_tagged_is_refused(tagger, tmp_path):
    with pytest.raises(UnknownLabelError, match=r"never saw the labels ODD\. It knows: "):
        tagger.coder.code([Tagged(("the",), ("ODD",))])
    alike = test_tag.write(tmp_path / "a.conll", (Tagged((f"w{i}",), ("X",)) for i in range(60)))
    with pytest.raises(OneLabelError, match="All examples to learn from have the label 'X'"):
        train("tag", tmp_path, alike)


@TASKS
@pytest.mark.parametrize("pretrained", [False, True], ids=["scratch", "weights"])
def test_a_run_that_is_stopped_goes_on_bit_for_bit(task, pretrained, tmp_path, hub):
    data = DATA[task](tmp_path)
    changes = {"weights": str(hub)} if pretrained else {"dropout": 0.2}
    changes |= {"evaluate_every": 4, "steps": 9, "batch_size": 16}
    train(task, tmp_path, data, **changes, out=tmp_path / "whole")
    part = train(task, tmp_path, data, **changes, out=tmp_path / "part", watcher=stopping(6))
    assert (part.ending.step, part.ending.signal) == (6, signal.SIGTERM)
    shutil.rmtree(hub)
    assert unrolled.resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")


@TASKS
def test_published_weights_bring_sizes_and_pieces_and_are_needed_no_more(task, tmp_path, hub):
    run = train(task, tmp_path, weights=str(hub), steps=1, learning_rate=1e-9, longest=90)
    assert run.title == "bert 2 x 16" and run.settings.longest == 40
    assert run.coder.reader.tokenizer.symbols == SYMBOLS
    theirs = load_file(hub / "model.safetensors")["embeddings.word_embeddings.weight"]
    torch.testing.assert_close(run.model.bert.embedding.weight.detach(), theirs, atol=1e-6, rtol=0)
    before = run.evaluate()
    shutil.rmtree(hub)
    assert unrolled.open_run(run.path).evaluate() == before


@TASKS
def test_a_run_of_masked_lm_is_taken_up(task, tmp_path):
    sizes = {"hidden_size": 8, "num_heads": 2, "context": 21, "steps": 2, "threads": 1}
    pretrained = unrolled.train(
        "masked-lm", book(tmp_path / "book.txt"), **sizes, out=tmp_path / "pretrained"
    )
    run = train(task, tmp_path, weights=str(pretrained.path), steps=1, learning_rate=1e-9)
    own = pretrained.model.bert.embedding.weight
    torch.testing.assert_close(run.model.bert.embedding.weight, own, atol=1e-6, rtol=0)
    assert run.settings.longest == 21 and run.title == "bert 2 x 8"


@TASKS
def test_weights_that_do_not_fit_are_refused_before_there_is_a_run(task, tmp_path, hub):
    tensors = load_file(hub / "model.safetensors")
    tensors["encoder.layer.0.more"] = tensors.pop("encoder.layer.0.output.dense.bias")
    tensors["encoder.layer.1.more"] = torch.zeros(3)
    save_file(tensors, hub / "model.safetensors")
    with pytest.raises(PublishedWeightsError) as caught:
        train(task, tmp_path, weights=str(hub))
    assert [line.strip() for line in str(caught.value).splitlines()[1:-1]] == [
        "missing: encoder.layer.0.output.dense.bias [16]",
        "unexpected: encoder.layer.0.more [16]",
        "unexpected: encoder.layer.1.more [3]",
    ]
    (hub / "vocab.txt").write_text("\n".join(SYMBOLS[:-3]))
    with pytest.raises(TokenizerSizeError, match="so they do not belong together"):
        train(task, tmp_path, weights=str(hub))
    assert not (tmp_path / "run").exists()


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(SettingError, match="weights=minilm cannot be; wanted none: --model recur"):
        TagSettings(weights="minilm")
    with pytest.raises(SettingError, match="longest=2 cannot be; wanted 3 or more: BERT reads"):
        TagSettings(model="bert", longest=2)
    with pytest.raises(SettingError, match="num_heads=0 cannot be; wanted more than 0"):
        TagSettings(model="bert", num_heads=0)


@pytest.mark.parametrize(
    ("kind", "given", "name", "other"),
    [
        (TagSettings, {"num_heads": 2}, "num_heads", "bert"),
        (SentimentSettings, {"weights": "minilm"}, "weights", "bert"),
        (TagSettings, {"model": "bert", "spelling_size": 8}, "spelling_size", "recurrent"),
        (SentimentSettings, {"model": "bert", "pooling": "last"}, "pooling", "recurrent"),
        (TranslateSettings, {"model": "transformer", "cell": "gru"}, "cell", "recurrent"),
        (TranslateSettings, {"num_heads": 2}, "num_heads", "transformer"),
        (CharLMSettings, {"model": "gpt2", "embedding_size": 8}, "embedding_size", "recurrent"),
    ],
)
def test_what_a_model_has_no_use_for_is_refused(kind, given, name, other):
    model = given.get("model", "recurrent")
    wanted = f"{name}={given[name]} cannot be; wanted none: --model {model} has no use for it; "
    wanted += f"--model {other} has"
    with pytest.raises(SettingError, match=wanted):
        kind(**given)


def test_bert_has_defaults_of_its_own():
    entry = find_task("sentiment")
    assert _model_in(["a.csv", "--model", "bert"]) == _model_in(["--model=bert"]) == "bert"
    assert _model_in(["a.csv", "--dropout", "0"]) == ""
    assert entry.defaults("bert").training.learning_rate < entry.defaults().training.learning_rate
    assert find_task("tag").defaults("bert").model == "bert"
    assert find_task("latch").defaults("bert") == find_task("latch").defaults()


@TASKS
def test_what_a_run_keeps_of_its_bert_is_checked(task, tmp_path):
    run = train(task, tmp_path, steps=1, watcher=Samples())
    path = run.path / "config.json"
    whole = json.loads(path.read_text())
    whole["config"]["codes"]["shape"]["width"] = "16"
    path.write_text(json.dumps(whole))
    with pytest.raises(StoredSettingsError, match="width='16' is of the wrong type"):
        unrolled.open_run(run.path)
    del whole["config"]["codes"]["tokenizer"]
    path.write_text(json.dumps(whole))
    with pytest.raises(DamagedFileError, match="lacks the tokenizer of its data"):
        unrolled.open_run(run.path)
