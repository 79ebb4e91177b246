"""Labelled texts: learned, labelled, measured beside baselines, gone on with bit for bit."""

import json
import signal
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from tests.tasks.tiny_text import Samples, kept, stopping

import unrolled
from unrolled.data.examples.kinds import Labelled
from unrolled.data.examples.splits import split
from unrolled.errors import (
    DamagedFileError,
    DataChangedError,
    EmptyTextError,
    MissingExtraError,
    OneLabelError,
    SetKindError,
    UnknownLabelError,
)
from unrolled.tasks.sentiment import baseline
from unrolled.tasks.sentiment.baseline import bag_of_words, commonest_label, macro_f1
from unrolled.tasks.texts.reading import LONGEST, _to_try
from unrolled.tasks.texts.telling import counted
from unrolled.training.loop import Ending
from unrolled.training.settings import TrainSettings
from unrolled.training.watchers import Silent

GOOD, BAD = "fine great lovely warm".split(), "poor awful cold grim".split()
FILLER = "the film was and a day of it in".split()
SMALL = {"hidden_size": 6, "embedding_size": 8, "batch_size": 16, "dropout": 0.0}
TRAINING = {
    "steps": 60,
    "learning_rate": 0.03,
    "evaluate_every": 20,
    "warmup_steps": 0,
    "threads": 1,
}


def rows(count, seed=0):
    """Texts of which one word in a random place tells the label."""
    draws = np.random.default_rng(seed)
    for number in range(count):
        label = int(draws.integers(2))
        words = draws.choice(FILLER, size=draws.integers(2, 9)).tolist()
        words.insert(draws.integers(len(words)), str(draws.choice((BAD, GOOD)[label])))
        yield f"{' '.join(words)} {number}", ("bad", "good")[label]


def write(path, examples):
    lines = (json.dumps({"text": text, "label": label}) for text, label in examples)
    path.write_text("\n".join(lines))
    return path


def train(folder, data, **changes):
    settings = {**SMALL, **TRAINING, "out": folder / "run", **changes}
    return unrolled.train("sentiment", data, **settings)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sentiment")
    return train(folder, write(folder / "films.jsonl", rows(600)))


def test_it_learns_which_words_tell_the_label(trained):
    figures = trained.evaluate()
    assert figures.model.accuracy > 0.95 and figures.model.macro_f1 > 0.95
    assert figures.bag_of_words.accuracy > 0.95
    assert 0.3 < figures.commonest_label.accuracy < 0.7
    assert figures.data == "the test part of films.jsonl" and 30 < figures.texts < 90
    assert trained.label(["it was lovely", "a grim day", ""])[:2] == ["good", "bad"]
    np.testing.assert_allclose(trained.chances(["warm", "cold"]).sum(1), 1)
    text = "".join(trained.generate("what a lovely day"))
    assert text.split()[::2] == ["good", "bad"]


def test_other_texts_are_measured_and_labels_that_it_never_saw_are_named(trained, tmp_path):
    figures = trained.evaluate(write(tmp_path / "more.jsonl", rows(50, seed=1)))
    assert (figures.data, figures.texts) == ("more.jsonl", 50)
    assert figures.model.accuracy > 0.9
    wrong = write(
        tmp_path / "odd.jsonl", [("a film", "odd"), ("the film", "good"), ("a day", "so-so")]
    )
    with pytest.raises(
        UnknownLabelError, match=r"never saw the labels odd, so-so\. .*: bad, good\."
    ):
        trained.evaluate(wrong)


def test_what_was_learned_from_is_told_where_it_is_measured_again(trained, tmp_path):
    both = [*rows(9), *rows(50, seed=1)]
    many = sum(text in {each.text for each in trained.examples(None, "")[0].train}
               for text, _ in both)  # fmt: skip
    figures = trained.evaluate(write(tmp_path / "both.jsonl", both))
    assert figures.data == f"both.jsonl ({many} of 59 are in the training part)" and many > 4
    (tmp_path / "none.jsonl").write_text("\n")
    with pytest.raises(EmptyTextError, match=r"none\.jsonl holds no examples"):
        trained.evaluate(tmp_path / "none.jsonl")


def test_a_text_of_which_nothing_is_known_is_told(trained):
    known, unknown, empty = trained.answers(["a lovely day", "xyzzy plugh", ""])
    assert known.split()[::2] == ["good", "bad"]
    assert all(each.endswith("  (nothing of it is known)") for each in (unknown, empty))


def test_what_was_read_is_told_and_a_text_of_the_test_part_is_proposed(tmp_path):
    watcher = Samples()
    run = train(tmp_path, write(tmp_path / "films.jsonl", rows(80)), steps=2, watcher=watcher)
    counts = run.config["data"]["examples"]
    assert watcher.lines[0] == (
        f"films.jsonl, 80 examples: {counts['train']} to train on, {counts['validation']} to "
        f"validate on, {counts['test']} to test on; 2 labels (bad, good); "
        f"a vocabulary of {len(run.coder.tokenizer)}"
    )
    text = run.config["data"]["text"]
    assert text in [each.text for each in run.examples(None, "")[0].test]
    assert run.advice("here") == [
        f"unrolled generate here '{text}'",
        "unrolled evaluate here",
        "unrolled resume here --steps 4  # as long again",
        "unrolled look here",
    ]


def test_the_text_that_is_proposed_is_short_and_no_flag():
    long, flag = (
        Labelled("so " * 99, "a"),
        Labelled("-l is what I always say to those who ask", "a"),
    )
    assert _to_try([flag, long]) == ("so " * 99)[:LONGEST]
    assert _to_try([flag, long, Labelled("a\n b", "a")]) == "a b"
    assert counted("abc", "tags") == "3 tags (a, b, c)" and counted("a" * 99, "tags") == "99 tags"


def test_a_run_goes_on_with_other_threads_and_proposes_as_long_again(tmp_path):
    before = torch.get_num_threads()
    path = train(tmp_path, write(tmp_path / "films.jsonl", rows(80)), steps=2).path
    run = unrolled.resume(path, threads=2, steps=3)
    assert (torch.get_num_threads(), run.settings.training.threads) == (2, 2)
    torch.set_num_threads(before)
    assert "unrolled resume p --steps 6  # as long again" in run.advice("p")
    run.settings = replace(run.settings, training=TrainSettings(minutes=0.25))
    assert "unrolled resume p --minutes 0.5  # as long again" in run.advice("p")
    run.ending = Ending(3, "no better for a while")
    assert not any("resume" in line for line in run.advice("p"))


def test_a_text_is_answered_alike_alone_and_among_others(trained):
    texts = [text for text, _ in islice(rows(40, seed=2), 40)]
    together = trained.chances(texts)
    alone = np.concatenate([trained.chances([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


@pytest.mark.parametrize("unit", ["words", "characters", "subwords"])
@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
def test_a_run_that_is_stopped_goes_on_bit_for_bit(tmp_path, unit, pooling):
    data = write(tmp_path / "films.jsonl", rows(80))
    changes = {"unit": unit, "pooling": pooling, "evaluate_every": 4, "dropout": 0.2, "steps": 9}
    train(tmp_path, data, **changes, out=tmp_path / "whole")
    part = train(tmp_path, data, **changes, out=tmp_path / "part", watcher=stopping(6))
    assert (part.ending.step, part.ending.signal) == (6, signal.SIGTERM)
    assert unrolled.resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")


def test_data_that_has_changed_is_refused(tmp_path):
    data = write(tmp_path / "films.jsonl", rows(80))
    run = train(tmp_path, data, steps=2)
    write(data, rows(81))
    for go_on in (lambda: unrolled.resume(run.path, steps=4), run.evaluate):
        with pytest.raises(DataChangedError, match=r"films\.jsonl has changed"):
            go_on()


def test_what_a_run_keeps_of_its_data_is_checked(tmp_path):
    run = train(tmp_path, write(tmp_path / "films.jsonl", rows(80)), steps=2)
    config = json.loads((run.path / "config.json").read_text())
    config["config"]["codes"]["labels"] = [1, 2]
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DamagedFileError, match=r"config\.json lacks the labels of its data"):
        unrolled.open_run(run.path)


def test_examples_of_one_label_and_sets_of_another_kind_are_refused(tmp_path):
    alike = write(tmp_path / "a.jsonl", ((text, "good") for text, _ in rows(80)))
    with pytest.raises(OneLabelError, match="All examples to learn from have the label 'good'"):
        train(tmp_path, alike)
    folder = tmp_path / "parts"
    folder.mkdir()
    write(folder / "train.jsonl", ((text, "good") for text, _ in rows(80)))
    write(folder / "test.jsonl", rows(20))
    with pytest.raises(OneLabelError, match="learn from have the label 'good'"):
        train(tmp_path, folder)
    with pytest.raises(
        SetKindError, match=r"brown has tagged sentences; .* labelled texts .*: tweets\."
    ):
        train(tmp_path, "brown")


def test_long_texts_are_cut_and_that_is_said(tmp_path):
    data = write(tmp_path / "films.jsonl", rows(80))
    told = []

    class Listening(Silent):
        def say(self, text):
            told.append(text)

    train(tmp_path, data, steps=2, longest=4, watcher=Listening())
    assert any("texts longer than 4 units, cut (--longest): " in line for line in told)


def test_the_baselines_say_what_a_careful_reader_would():
    examples = [Labelled(text, label) for text, label in rows(300)]
    made = split(examples, validation=0.2, test=0.2)
    said = bag_of_words(made, ["a lovely film", "the cold day was it"])
    assert said == ["good", "bad"]
    assert commonest_label([Labelled("", "b"), Labelled("", "a"), Labelled("", "b")]) == "b"
    assert macro_f1(["a", "a", "b"], ["a", "b", "b"]) == pytest.approx(2 / 3)
    assert macro_f1(["a", "b"], ["b", "a"]) == 0


def test_the_baseline_without_its_library_is_named(monkeypatch):
    monkeypatch.setattr(baseline, "find_spec", lambda name: None)
    with pytest.raises(
        MissingExtraError, match=r"baseline needs? the package scikit-learn|scikit-learn"
    ):
        bag_of_words(split([Labelled("a", "b")], validation=0, test=0), ["a"])
