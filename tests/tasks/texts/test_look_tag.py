"""Where a tagger errs: counted by hand."""

import re

import numpy as np
import pytest
from tests.tasks.texts.test_tag import sentences, train, write

from unrolled.data.examples.kinds import Tagged
from unrolled.errors import UnknownLabelError
from unrolled.tasks.tag import look as look_module
from unrolled.tasks.tag.look import Word, confusions, tagged

WORDS = [
    Word(word, tag, said)
    for word, tag, said in zip("abcdefghij", "NNNNVVVXYZ", "NNVXVVNXZZ", strict=True)
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("look")
    return train(folder, write(folder / "small.conll", sentences(500)))


def test_confusions_are_those_that_one_counts_by_hand():
    names, counts = confusions(WORDS)
    assert names == ["N", "V", "X", "Y", "Z"]
    assert counts.tolist() == [
        [2, 1, 1, 0, 0], [1, 2, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1],
    ]  # fmt: skip


def test_rare_tags_are_taken_together():
    names, counts = confusions(WORDS, most=3)
    assert names == ["N", "V", "others"]
    assert counts.tolist() == [[2, 1, 1], [1, 2, 0], [0, 0, 3]]


def test_a_tag_that_is_only_said_has_a_row_of_nothing():
    names, counts = confusions([Word("a", "N", "V")])
    assert names == ["N", "V"] and counts.tolist() == [[0, 1], [0, 0]]


def test_the_page_has_the_figures_of_the_evaluation(trained):
    figures, page = trained.evaluate(), trained.look()
    assert f"{figures.accuracy:.2%} of {figures.words:,} words are right" in page.words[0]
    assert f"and {figures.whole_sentences:.1%} of the sentences" in page.words[0]
    _, name, examples = trained.examples(None, "utf-8")
    words = [word for each in tagged(trained, examples) for word in each]
    seen = {word for each in trained.examples(None, "utf-8")[0].train for word in each.words}
    never = np.mean([word.is_right for word in words if word.word not in seen])
    assert f"never {never:.1%}" in page.words[-1]
    assert {*page.pictures()} == {"confusion", "accuracy"}
    squares = page.sections[0].html
    nouns = sum(word.tag == "NOUN" for word in words)
    right = sum(word.tag == word.said == "NOUN" for word in words)
    assert f"NOUN as NOUN: {right} of {nouns} ({right / nouns:.1%})" in squares


def test_errors_stand_below_their_words(trained, tmp_path):
    wrong = Tagged(("the", "walk", "to", "play"), ("DET", "VERB", "TO", "VERB"))
    page = trained.look(data=write(tmp_path / "wrong.conll", [wrong]))
    assert page.words[1] == "What it takes most often for something else: VERB for NOUN (1)."
    (text,) = page.sections[-1].parts
    assert text.lead == "1 of 4 words wrong"
    assert "<ruby>walk<rt>NOUN, is VERB</rt></ruby></span> to play" in text.html


def test_sentences_that_are_given_have_their_tags_below_them(trained):
    page = trained.look(["the walk", "to play", ""])
    assert page.words == ["the/DET walk/NOUN", "to/TO play/VERB", ""]
    (given,) = page.sections
    assert re.findall("<ruby>(.*?)<rt>(.*?)</rt>", given.html) == [
        ("the", "DET"), ("walk", "NOUN"), ("to", "TO"), ("play", "VERB"),
    ]  # fmt: skip


def test_of_many_sentences_some_are_tagged_and_unknown_tags_are_named(
    trained, tmp_path, monkeypatch
):
    monkeypatch.setattr(look_module, "MOST", 7)
    part = len(trained.examples(None, "utf-8")[2])
    assert f"read 7 of {part} sentences, evenly spread, of the" in trained.look().words[0]
    odd = write(tmp_path / "odd.conll", [Tagged(("a",), ("ODD",))])
    with pytest.raises(UnknownLabelError, match="never saw the labels ODD"):
        trained.look(data=odd)
