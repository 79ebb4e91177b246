"""What a model of labelled texts heeds: a word's contribution is what its erasure takes away."""

import re

import numpy as np
import pytest
import torch
from tests.tasks.texts.test_sentiment import BAD, GOOD, rows, train, write
from torch import nn

from unrolled.data.examples.kinds import Labelled
from unrolled.data.examples.splits import split
from unrolled.errors import MissingExtraError, UnknownLabelError
from unrolled.probe import looking
from unrolled.tasks.sentiment import look as look_module
from unrolled.tasks.sentiment.erasure import heeded, log_odds
from unrolled.tasks.sentiment.settings import SentimentSettings
from unrolled.tasks.sentiment.task import Coder

TEXTS = ["a fine day, a fine film", "it's grim -- no, awful", "", "zzz"]


class BagOfWords(nn.Module):
    """Scores of two labels: nothing, and the sum of a weight for each unit."""

    def __init__(self, units):
        super().__init__()
        draws = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(torch.randn(units, generator=draws, dtype=torch.float64))

    def forward(self, x, lengths):
        inside = torch.arange(len(x)).unsqueeze(1) < lengths
        total = (self.weights[x] * inside).sum(0)
        return torch.stack([torch.zeros_like(total), total], dim=1), None


def coder(unit, **changes):
    settings = SentimentSettings(unit=unit, lowercase=True, least=1, **changes)
    examples = [Labelled(text or "grim", label) for text in TEXTS[:3] for label in "+-"]
    return Coder.learn(settings, split(examples * 20, validation=0, test=0))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("look")
    return train(folder, write(folder / "films.jsonl", rows(600)))


@pytest.mark.parametrize("unit", ["words", "characters", "subwords"])
def test_of_a_bag_of_words_the_contributions_are_the_weights(unit):
    codes = coder(unit)
    model = BagOfWords(len(codes.tokenizer))
    weights = model.weights.detach().numpy()
    found = heeded(model, codes, TEXTS)
    assert [each.words for each in found] == [
        ["a", "fine", "day", ",", "a", "fine", "film"], ["it's", "grim", "--", "no", ",", "awful"],
        [], ["zzz"],
    ]  # fmt: skip
    for each in found:
        (units,) = codes.tokenizer.encode([each.text])
        (pieces,) = codes.tokenizer.encode_with_ends([each.text])
        wanted = [
            sum(weights[unit] - weights[0] for unit, end in zip(units, pieces.ends, strict=True)
                if start < end <= stop)
            for start, stop in each.spans
        ]  # fmt: skip
        np.testing.assert_allclose(each.falls[:, 1], wanted, atol=1e-5)
        np.testing.assert_allclose(each.falls.sum(1), 0, atol=1e-12)  # two labels mirror each other


def test_words_that_are_cut_off_contribute_nothing_and_are_not_shown():
    codes = coder("words", longest=3)
    (found,) = heeded(BagOfWords(len(codes.tokenizer)), codes, TEXTS[:1])
    assert found.words == ["a", "fine", "day"]


def test_log_odds_are_exact_where_a_probability_is_nearly_1():
    scores = np.array([[60.0, 0.0, 0.0], [1.0, 2.0, 3.0]], dtype=np.float32)
    p = np.exp(scores[1]) / np.exp(scores[1]).sum()
    found = log_odds(scores)
    np.testing.assert_allclose(found[0], [60 - np.log(2), -60, -60], rtol=1e-6)
    np.testing.assert_allclose(found[1], np.log(p / (1 - p)), rtol=1e-6)


def test_what_a_trained_model_heeds_is_the_word_that_tells_the_label(trained):
    texts = ["it was a lovely day of it", "the film was grim and a day"]
    for each, word in zip(
        heeded(trained.model, trained.coder, texts), ("lovely", "grim"), strict=True
    ):
        assert each.words[each.falls[:, each.said].argmax()] == word
        assert each.confidence == pytest.approx(trained.chances([each.text]).max(), abs=1e-6)
    page = trained.look(texts)
    assert re.match(
        r"'it was a lovely day of it' is good \(9\d\.\d%\); .*: lovely \+", page.words[0]
    )
    assert [section.title for section in page.sections] == ["The texts given"]
    assert re.search(r'<span class="for shade-\d+" title="\+\d+\.\d+">lovely</span>', page.html)


def test_without_texts_the_test_part_is_looked_at(trained):
    page = trained.look()
    read, bad, good, sure = page.words
    part = len(trained.examples(None, "utf-8")[2])
    figures = trained.evaluate()
    assert read.startswith(f"run (lstm 1 x 6) read {part} texts of the test part of films.jsonl")
    assert read.endswith(f"{figures.model.accuracy:.1%}.")
    for line, words in ((bad, BAD), (good, GOOD)):
        assert set(re.findall(r"(\w+) \+", line)) <= set(words)
    assert "in 100% of" in sure
    assert [*page.pictures()][-2:] == ["words", "reliability"]
    bars = page.sections[-2].html
    assert all(word in bars for word in (*GOOD, *BAD))


def test_of_many_examples_some_are_looked_at_and_those_given_beside_them(trained, monkeypatch):
    monkeypatch.setattr(look_module, "WORK", 1_000)
    data = trained.path.parent / "films.jsonl"
    page = trained.look(["lovely"], data=data)
    assert page.words[0].startswith("'lovely' is good")
    read, of = re.search(
        r"read (\d+) of (\d+) texts, evenly spread, of films", page.words[1]
    ).groups()
    assert 5 < int(read) < 30 and of == "600"


def test_what_is_wrong_is_shown_beside_what_is_so(trained, tmp_path):
    turned = [(text, "good" if label == "bad" else "bad") for text, label in rows(40)]
    page = trained.look(data=write(tmp_path / "turned.jsonl", turned))
    wrong = next(each for each in page.sections if each.title == "Wrong, and sure of it")
    assert {re.sub(r" \(.*\)", "", part.lead) for part in wrong.parts} == {
        "good, and is bad", "bad, and is good",
    }  # fmt: skip


def test_labels_that_it_never_saw_and_missing_packages_are_named(trained, tmp_path, monkeypatch):
    odd = write(tmp_path / "odd.jsonl", [("a film", "odd")])
    with pytest.raises(UnknownLabelError, match="never saw the labels odd"):
        trained.look(data=odd)
    monkeypatch.setattr(looking, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="Reports need the package altair"):
        trained.look()
