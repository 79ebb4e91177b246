"""Runs as ONNX files: onnxruntime computes what torch does, from what the file alone says."""

import json
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from jaxtyping import config
from tests.tasks.texts import test_sentiment, test_tag
from tests.tasks.tiny_text import book, tiny
from tests.tasks.toy.small import small
from tokenizers import Tokenizer

import unrolled
from unrolled.errors import (
    ExportDiffersError,
    MissingExtraError,
    NotExportableError,
    OnnxError,
    SaveFailedError,
    SettingError,
)
from unrolled.tasks import api, export_file
from unrolled.tasks.char_lm import run as char_lm
from unrolled.tasks.char_lm.export import export_call
from unrolled.tasks.char_lm.run import CharLMRun
from unrolled.tasks.run import Run
from unrolled.tasks.toy import run as toy

TEXTS = ["it was lovely", "a grim day in the cold", "never seen", "fine"]
SENTENCES = ["to walk".split(), "the walk zapped99ed to turn".split(), ["the"]]


@pytest.fixture(autouse=True)
def unhooked(monkeypatch):
    """While torch traces, sizes are symbols, which the checker of shapes takes for no numbers."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


class File:
    """A run's file, and what it says of itself."""

    def __init__(self, run):
        self.exported = run.export()
        options = {"providers": ["CPUExecutionProvider"]}
        self.session = onnxruntime.InferenceSession(self.exported.path, **options)
        self.facts = self.session.get_modelmeta().custom_metadata_map
        assert self.facts == self.exported.facts
        assert self.facts["unrolled.version"] == unrolled.__version__
        assert self.facts["unrolled.task"] == run.config["task"]
        assert self.facts["unrolled.cell"] == run.cell.name

    def __call__(self, **given):
        return self.session.run(None, {name: np.asarray(value) for name, value in given.items()})

    def code(self, name):
        return json.loads(self.facts[f"unrolled.{name}"])

    def written(self, capsys):
        """What is printed by the lines that say how it is run."""
        exec(compile(self.exported.usage, "usage", "exec"), {})
        return capsys.readouterr().out


def assert_alike(found, wanted):
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=0, atol=1e-5)


def slow(value):
    return pytest.param(value, marks=pytest.mark.slow)


WRITERS = {
    "lstm": {"num_layers": 2},
    "mut1": {"embedding_size": 8},
    "lstm_projected": {"projection_size": 3},
    "gru": {"bytes": True},
}


@pytest.mark.parametrize("cell", ["lstm", slow("mut1"), slow("lstm_projected"), "gru"])
def test_a_character_model_writes_from_its_states(cell, tmp_path, capsys):
    settings = tiny(book(tmp_path), tmp_path / "run", cell=cell, steps=2, **WRITERS[cell])
    run = char_lm.train(settings)
    file = File(run)
    assert file.code("symbols") == run.alphabet.to_json()
    names, shapes = run.cell.state_names, run.model.recurrent.state_shapes(2)
    first = [np.random.rand(*shape).astype(np.float32) for shape in shapes]

    def called(symbols, states):
        given = {f"state_{name}": state for name, state in zip(names, states, strict=True)}
        return file(symbols=symbols, **given)

    symbols = np.random.randint(len(run.alphabet), size=(9, 2))
    logits, *last = called(symbols, first)
    states = [torch.from_numpy(state) for state in first]
    wanted, state = run.model(
        torch.from_numpy(symbols), states[0] if len(states) == 1 else tuple(states)
    )
    assert_alike(logits, wanted)
    for ours, torchs in zip(last, [state] if len(states) == 1 else state, strict=True):
        assert_alike(ours, torchs)
    before, *middle = called(symbols[:4], first)
    after, *end = called(symbols[4:], middle)
    np.testing.assert_allclose(np.concatenate([before, after]), logits, atol=1e-5)
    for ours, whole in zip(end, last, strict=True):
        np.testing.assert_allclose(ours, whole, atol=1e-5)
    assert len(file.written(capsys)) > 100


POOLED = {
    "last": {"bidirectional": True, "unit": "characters"},
    "mean": {"bidirectional": True, "unit": "subwords", "cell": "gru"},
    "attention": {"bidirectional": False, "num_layers": 2},
}


@pytest.mark.parametrize("pooling", ["last", slow("mean"), "attention"])
def test_texts_get_the_same_chances(pooling, tmp_path, capsys):
    data = test_sentiment.write(tmp_path / "films.jsonl", test_sentiment.rows(80))
    run = test_sentiment.train(tmp_path, data, pooling=pooling, steps=2, **POOLED[pooling])
    file = File(run)
    assert file.code("labels") == ["bad", "good"]
    assert file.code("symbols") == run.coder.tokenizer.symbols
    units = Tokenizer.from_str(file.facts["unrolled.tokenizer"])
    rows = [each.ids for each in units.encode_batch(TEXTS)]
    lengths = np.array([len(row) for row in rows])
    symbols = np.array([[*row, *[1] * (max(lengths) - len(row))] for row in rows]).T
    (scores,) = file(symbols=symbols, lengths=lengths)
    assert_alike(torch.from_numpy(scores).softmax(-1), torch.from_numpy(run.chances(TEXTS)))
    assert file.written(capsys) in ("bad\n", "good\n")


@pytest.mark.parametrize("spelling_size", [6, slow(0)])
def test_sentences_get_the_same_scores(spelling_size, tmp_path, capsys):
    data = test_tag.write(tmp_path / "small.conll", test_tag.sentences(60))
    run = test_tag.train(tmp_path, data, steps=2, spelling_size=spelling_size)
    file = File(run)
    words, letters, labels = (file.code(name) for name in ("words", "letters", "labels"))
    assert (words[0], letters[0], labels) == (None, None, run.coder.tags)
    assert words.index("the") == run.coder.read([["the"]]).words[0][0]
    assert file.code("lowercase") is run.settings.lowercase
    batch = run.coder.read(SENTENCES).batch(range(len(SENTENCES)), torch.device("cpu"))
    names = ("letters", "letter_lengths", "places") if spelling_size else ()
    given = dict(zip(names, batch.beside, strict=False))
    (scores,) = file(words=batch.read, lengths=batch.lengths, **given)
    wanted = run.model(batch.read, batch.beside, lengths=batch.lengths)
    assert_alike(scores, wanted)
    assert len(json.loads(file.written(capsys).replace("'", '"'))) == 6


@pytest.mark.parametrize("task", ["copy", slow("adding")])
def test_a_toy_task_is_answered_alike(task, tmp_path, capsys):
    run = toy.train(small(task, tmp_path / "run", steps=2))
    file = File(run)
    x = torch.rand(19, 3, run.model.recurrent.input_size)
    x = x.argmax(-1) if task == "copy" else x
    (answers,) = file(x=x)
    assert_alike(answers, run.model(x)[0])
    assert file.written(capsys).startswith("[[")


def test_masks_draw_nothing_and_the_function_names_its_file(tmp_path):
    data, cell = book(tmp_path), "gru+zoneout:0.5"
    run = char_lm.train(tiny(data, tmp_path / "run", cell=cell, steps=2))
    exported = api.export(run.path, tmp_path / "new" / "mine.onnx")
    assert exported.path == tmp_path / "new" / "mine.onnx"
    assert exported.size == exported.path.stat().st_size
    assert exported.compared.difference < 1e-5
    assert [path.name for path in exported.path.parent.iterdir()] == ["mine.onnx"]


def test_the_other_numbers_of_another_model_are_refused_and_the_old_file_stays(
    trained, tmp_path, monkeypatch
):
    def write_another(model, *arguments, **options):
        other = deepcopy(model)
        with torch.no_grad():
            other.model.readout.bias[0] += 0.5
        return unrolled.export_onnx(other, *arguments, **options)

    file = tmp_path / "old.onnx"
    file.write_bytes(b"old")
    monkeypatch.setattr(export_file, "export_onnx", write_another)
    message = (
        r"old\.onnx was not kept: in logits, onnxruntime .* is \d\.\de-01 from torch .* 1e-04 is "
        r"allowed; given symbols \[1, 1\], state_h \[1, 1, 8\], state_c \[1, 1, 8\]\. Try another"
    )
    with pytest.raises(ExportDiffersError, match=message):
        trained.export(file)
    assert [path.name for path in tmp_path.iterdir()] == ["old.onnx"]
    assert file.read_bytes() == b"old"


def test_differences_are_shares_of_large_numbers_and_no_number_is_no_agreement():
    zero, large = np.zeros(2), np.array([1000.0, 0.0])
    assert export_file._apart(zero + 0.25, zero) == 0.25
    assert export_file._apart(large + 0.25, large) == 0.00025
    assert export_file._apart(np.array([np.nan, 0.0]), zero) == float("inf")
    assert export_file._apart(zero, np.zeros((2, 2))) == float("inf")


def refused(trained, file, error, message, monkeypatch):
    def work(*_, **__):
        raise AssertionError("the work was begun")

    monkeypatch.setattr(export_file, "export_onnx", work)
    with pytest.raises(error, match=message):
        trained.export(file)


def test_a_place_where_nothing_can_be_written_is_said_before_the_work(
    trained, tmp_path, monkeypatch
):
    (tmp_path / "taken").write_text("")
    place = tmp_path / "taken" / "model.onnx"
    refused(trained, place, SaveFailedError, "taken could not be written", monkeypatch)
    message = "cannot be; wanted the name of a file; this is a folder"
    refused(trained, tmp_path, SettingError, message, monkeypatch)
    assert Path(tmp_path / "taken").is_file()


def test_the_missing_extra_is_named(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    message = r"ONNX files need the package onnxruntime,.*pip install 'unrolled\[onnx\]'"
    refused(trained, tmp_path / "no.onnx", MissingExtraError, message, monkeypatch)
    assert not (tmp_path / "no.onnx").exists()


class Another(CharLMRun):
    """A run of a task that says nothing of files."""

    export_call = Run.export_call


def test_what_cannot_become_a_file_is_refused(trained, tmp_path, monkeypatch):
    message = "is a run of char-lm, which says of no call.*; runs of char-lm, sentiment, tag and"
    with pytest.raises(NotExportableError, match=message):
        Another(trained.path).export(tmp_path / "no.onnx")
    with pytest.raises(OnnxError, match=r"Linear cannot .*: its state grows with each symbol"):
        export_call(torch.nn.Linear(1, 1), trained.alphabet)
    monkeypatch.setattr(trained.model.recurrent, "backend", "eager")
    with pytest.raises(OnnxError, match='torch traces backend="eager" step by step'):
        trained.export(tmp_path / "no.onnx")
    assert [*tmp_path.iterdir()] == []
