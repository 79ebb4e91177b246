"""A character model learns a text, writes its own, and is measured beside the n-gram."""

import json
import math
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tests.tasks.tiny_text import BOOK, Samples, book, tiny

import unrolled
from unrolled.data import text as text_module
from unrolled.data.text import read_corpus
from unrolled.errors import (
    DataChangedError,
    SamplingError,
    SettingError,
    TextNotFoundError,
    TextTooShortError,
    UnknownCharactersError,
)
from unrolled.models.ngram import NGram
from unrolled.models.sampling import Choice
from unrolled.probe.subject import Looking
from unrolled.tasks.char_lm import learned
from unrolled.tasks.char_lm import run as char_lm
from unrolled.tasks.char_lm.task import CharLM, build_model, measure
from unrolled.training.storage.checkpoint import load_weights
from unrolled.training.storage.metrics_log import read_metrics

MINE = '''
from unrolled import cell, sigmoid, tanh

@cell
def mine(x, h, *, W, b):
    """My unit."""
    z = sigmoid(W.xz @ x + W.hz @ h + b.z)
    n = tanh(W.xn @ x + W.hn @ (z * h) + b.n)
    return z * h + (1 - z) * n

raise SystemExit("a file of cells is read and never executed")
'''


def test_a_chunks_loss_is_the_mean_cross_entropy_of_the_next_characters(tmp_path):
    settings = tiny(book(tmp_path), tmp_path / "run", batch_size=3, bptt=10)
    corpus = read_corpus(settings.data)
    parts = corpus.split()
    model = build_model(settings, unrolled.find_cell("lstm"), len(corpus.alphabet)).double()
    task = CharLM(model, corpus.alphabet, settings, train=parts.train, validation=parts.validation)
    length = (len(parts.train) - 1) // 3
    starts = [0, length, 2 * length]
    first = task.forward(0, None)
    second = task.forward(1, first.carried)
    losses = []
    for start in starts:
        ids = torch.from_numpy(parts.train[start : start + 21].astype(np.int64))
        logits, _ = model(ids[:20].unsqueeze(-1))
        losses.append(F.cross_entropy(logits[:, 0], ids[1:], reduction="none"))
    whole = torch.stack(losses)
    torch.testing.assert_close(first.loss, whole[:, :10].mean())
    torch.testing.assert_close(second.loss, whole[:, 10:].mean())
    assert (first.items, second.items) == (30, 30)
    assert not any(part.requires_grad for part in second.carried)
    assert task.chunks == math.ceil(length / 10)


def test_it_learns(trained):
    held_out = [line["loss"] for line in read_metrics(trained.path) if "best" in line]
    assert len(held_out) == 2
    assert held_out[1] < held_out[0] < math.log2(len(trained.alphabet))


def test_evaluation_is_measured_on_the_test_part_beside_the_n_gram(trained):
    figures = trained.evaluate()
    parts = read_corpus(trained.settings.data).split()
    assert figures.nats_per_character == measure(trained.model, parts.test)
    assert figures.bits_per_character == pytest.approx(figures.nats_per_character / math.log(2))
    counts = NGram.fit(parts.train, vocabulary_size=len(trained.alphabet), order=3)
    assert figures.ngram_bits_per_character == counts.bits_per_character(parts.test)
    assert (figures.text, figures.characters) == ("the test part of book.txt", len(parts.test))
    assert json.loads(json.dumps(figures.to_json()))["ngram_order"] == 3


def test_another_file_is_measured_with_the_models_own_numbers(trained, tmp_path):
    other = "the clocks were striking, and the day was cold\n" * 5
    figures = trained.evaluate(book(tmp_path, other, "other.txt"))
    assert (figures.text, figures.characters) == ("other.txt", len(other))
    assert figures.nats_per_character == measure(trained.model, trained.alphabet.encode(other))


def test_what_is_looked_at_is_the_test_part_and_what_was_learned_the_training_part(
    trained, monkeypatch
):
    corpus = read_corpus(trained.settings.data)
    parts = corpus.split()
    test, training = (corpus.alphabet.decode(part) for part in (parts.test, parts.train))
    (seen,) = trained.look(how=Looking(characters=90, lens_steps=2)).seen.values()
    assert seen.text == test[:90]
    assert seen.subject.training == training
    monkeypatch.setattr(learned, "MOST_TRAINING", 50)
    assert trained.subject().training == training[-50:]


def test_characters_that_the_model_never_saw_are_listed(trained, tmp_path):
    with pytest.raises(UnknownCharactersError, match=r"3 characters .*'Q' \(2 times\), 'ß'"):
        trained.evaluate(book(tmp_path, "QQ the ß day\n", "other.txt"))
    with pytest.raises(UnknownCharactersError, match="'€'"):
        trained.generate("a€")
    with pytest.raises(UnknownCharactersError, match="'€'"):
        trained.search("a€")


def written(run, length=60, **options):
    return "".join(run.generate(length=length, **options))


def test_a_seed_repeats_a_text_and_the_prime_is_not_in_it(trained):
    text = written(trained, prime="It was a ", seed=3)
    assert len(text) == 60
    assert written(trained, prime="It was a ", seed=3) == text
    assert written(trained, prime="It was a ", seed=4) != text
    assert set(text) <= set(BOOK)


def test_without_a_prime_it_starts_after_a_line_end(trained):
    assert written(trained, seed=1) == written(trained, prime="\n", seed=1)


def test_greedy_is_a_beam_of_one(trained):
    greedy = written(trained, prime="It", choice=Choice(greedy=True))
    assert trained.search("It", length=60, width=1) == greedy
    assert len(trained.search("It", length=7, width=3)) == 7
    with pytest.raises(SamplingError, match="length=0 cannot be"):
        trained.search("It", length=0)


def test_the_model_is_that_of_the_best_checkpoint(trained):
    best, ours = load_weights(trained.path, "best"), trained.model.state_dict()
    assert ours.keys() == best.keys()
    assert all(torch.equal(ours[name], weight) for name, weight in best.items())
    assert not trained.model.training


def test_opening_a_run_draws_nothing_and_changes_nothing(trained):
    files = {path: path.read_bytes() for path in trained.path.rglob("*") if path.is_file()}
    torch.manual_seed(1)
    before = torch.get_rng_state()
    again = unrolled.open_run(trained.path)
    assert torch.equal(torch.get_rng_state(), before)
    assert written(again, seed=5) == written(trained, seed=5)
    assert {path: path.read_bytes() for path in trained.path.rglob("*") if path.is_file()} == files


def test_a_short_last_checkpoint_serves_where_there_is_no_best(tmp_path):
    watcher = Samples(lambda step: signal_at(step, 3))
    run = char_lm.train(tiny(book(tmp_path), tmp_path / "run"), watcher=watcher)
    assert run.ending.step == 3
    assert not (tmp_path / "run" / "BEST").exists()
    assert len(written(run, length=10)) == 10


def signal_at(step, wanted):
    if step == wanted:
        os.kill(os.getpid(), signal.SIGTERM)


def test_the_same_seed_gives_the_same_run_and_another_does_not(tmp_path):
    texts = {}
    for name, seed in {"a": 0, "b": 0, "c": 1}.items():
        settings = tiny(book(tmp_path), tmp_path / name, seed=seed, cell="gru+zoneout:0.2")
        run = char_lm.train(settings)
        weights = [weight.tolist() for weight in run.model.state_dict().values()]
        texts[name] = (weights, written(run, seed=9))
    assert texts["a"] == texts["b"]
    assert texts["a"] != texts["c"]


def test_bytes_are_read_and_written_whatever_they_mean(tmp_path):
    path = tmp_path / "any.bin"
    path.write_bytes(bytes(range(256)) * 6 + "héllo €\n".encode() * 40)
    run = char_lm.train(tiny(path, tmp_path / "run", bytes=True))
    assert len(run.alphabet) == 256
    text = written(run, length=80, choice=Choice(temperature=5.0))
    assert 0 < len(text) <= 80
    assert text.encode("utf-8").decode("utf-8") == text
    assert run.evaluate(book(tmp_path, "any text: ñ\n", "other.txt")).characters == 13


def test_a_text_of_several_bytes_a_character_arrives_whole(tmp_path):
    run = char_lm.train(tiny(book(tmp_path, "€" * 900 + "ab" * 50), tmp_path / "r", bytes=True))
    choice = Choice(greedy=True)
    with torch.no_grad():
        run.model.readout.weight.zero_()
        run.model.readout.bias.zero_()
    run.model.forward = Parrot("€".encode())
    assert list(run.generate(length=7, choice=choice)) == ["€", "€", "\ufffd"]


class Parrot:
    """Says the same bytes again and again."""

    def __init__(self, said):
        self.said = said

    def __call__(self, symbols, state=None):
        place = 0 if state is None else state
        logits = torch.zeros(1, 1, 256)
        logits[0, 0, self.said[place % len(self.said)]] = 9.0
        return logits, place + 1


def test_a_text_in_a_memory_map_trains_like_one_in_memory(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_CACHE", str(tmp_path / "cache"))
    plain = char_lm.train(tiny(book(tmp_path), tmp_path / "plain"))
    monkeypatch.setattr(text_module, "MAPPED_FROM", 1)
    assert isinstance(read_corpus(plain.settings.data).ids, np.memmap)
    mapped = char_lm.train(tiny(book(tmp_path), tmp_path / "mapped"))
    for ours, theirs in zip(mapped.model.parameters(), plain.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert mapped.evaluate() == plain.evaluate()


def test_a_cell_from_a_file_is_needed_to_train_and_never_to_load(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    run = char_lm.train(tiny(book(tmp_path), tmp_path / "run", cell=f"{file}:mine"))
    text = written(run, seed=2)
    file.unlink()
    again = unrolled.open_run(tmp_path / "run")
    assert again.cell.name == "mine"
    assert written(again, seed=2) == text
    further = unrolled.resume(tmp_path / "run", steps=15)
    assert further.ending.step == 15


def test_in_python_the_verbs_are_functions(tmp_path):
    run = unrolled.train(
        "char-lm", book(tmp_path), cell=unrolled.find_cell("gru"), out=tmp_path / "run",
        hidden_size=8, bptt=16, batch_size=4, steps=3, seed=1,
    )  # fmt: skip
    assert (run.cell.name, run.settings.training.seed, run.ending.step) == ("gru", 1, 3)
    assert unrolled.open_run(tmp_path / "run").settings == run.settings


def test_the_run_folder_says_everything_that_was_set(trained):
    config = trained.config
    assert config["settings"]["hidden_size"] == 8
    assert config["settings"]["training"]["learning_rate"] == 0.05
    assert config["task"] == "char-lm"
    assert config["data"]["characters"] == len(BOOK)
    assert re.fullmatch("[0-9a-f]{64}", config["data"]["fingerprint"])
    assert config["versions"].keys() >= {"python", "torch", "numpy"}
    assert config["settings"]["data"].startswith("/")


def test_a_text_that_changed_is_refused_where_it_matters(tmp_path):
    path = book(tmp_path)
    run = char_lm.train(tiny(path, tmp_path / "run", steps=3))
    book(tmp_path, BOOK.replace("cold", "warm"))
    for use in (run.evaluate, lambda: char_lm.resume(tmp_path / "run", budget={"steps": 5})):
        with pytest.raises(DataChangedError, match=r"the text book.txt has changed since this run"):
            use()
    assert len(written(unrolled.open_run(tmp_path / "run"))) == 60
    path.unlink()
    with pytest.raises(TextNotFoundError, match="No text at"):
        run.evaluate()


def test_a_text_of_a_few_words_serves(tmp_path):
    run = char_lm.train(tiny(book(tmp_path, BOOK[:40]), tmp_path / "run"))
    assert run.evaluate().characters == 2


@pytest.mark.parametrize(
    ("length", "changes", "kind", "message"),
    [
        (19, {}, TextTooShortError, r"has 17 characters, .* --bptt steps needs at least 18"),
        (20, {"bptt": 4}, SettingError, "validation=0.05 cannot be; .* it has 1"),
        (900, {"validation": 0.0}, SettingError, "validation=0.0 cannot be; .* it has 0"),
        (900, {"test": 0.0}, SettingError, "test=0.0 cannot be; .* it has 0"),
        (900, {"test": 0.001}, SettingError, "test=0.001 cannot be; .* it has 1"),
    ],
)
def test_a_text_too_short_is_refused_before_there_is_a_run(
    length, changes, kind, message, tmp_path
):
    settings = tiny(book(tmp_path, BOOK[:length]), tmp_path / "run", **changes)
    with pytest.raises(kind, match=message):
        char_lm.train(settings)
    assert not (tmp_path / "run").exists()


def test_a_run_may_have_the_name_of_no_number(tmp_path, monkeypatch):
    """The runs' JSON writes three floats as words, which a path of one word must survive."""
    monkeypatch.chdir(tmp_path)
    char_lm.train(tiny(book(tmp_path, name="Infinity"), Path("NaN"), steps=1))
    assert unrolled.open_run("NaN").settings.out == tmp_path / "NaN"
    assert unrolled.resume("NaN", steps=2).ending.step == 2
