"""Tagged sentences: learned, tagged, measured beside the commonest tags, gone on with."""

import json
import re
import signal

import numpy as np
import pytest
from tests.tasks.tiny_text import Samples, kept, stopping

import unrolled
from unrolled.data.examples.kinds import Tagged
from unrolled.data.examples.splits import split
from unrolled.errors import DamagedFileError, OneLabelError, SettingError, UnknownLabelError
from unrolled.tasks.tag.coder import Coder
from unrolled.tasks.tag.settings import TagSettings

SMALL = {"hidden_size": 12, "embedding_size": 8, "spelling_size": 6, "dropout": 0.0}
CALM = {"steps": 120, "learning_rate": 0.03, "evaluate_every": 60, "warmup_steps": 0, "threads": 1}
STEMS = "walk talk jump play work look call turn".split()


def sentences(count, seed=0):
    """A noun, if "the" stands before it, else a verb; what ends in -ed is always past."""
    draws = np.random.default_rng(seed)
    for number in range(count):
        words, tags = [f"n{number}"], ["NUM"]
        for _ in range(draws.integers(1, 5)):
            stem = str(draws.choice(STEMS))
            kind = draws.integers(3)
            words += [["the", stem], ["to", stem], [f"{stem}{draws.integers(50)}ed"]][kind]
            tags += [["DET", "NOUN"], ["TO", "VERB"], ["PAST"]][kind]
        yield Tagged(tuple(words), tuple(tags))


def write(path, examples):
    lines = ("\n".join(map("\t".join, zip(*each, strict=True))) for each in examples)
    path.write_text("\n\n".join(lines) + "\n")
    return path


def train(folder, data, **changes):
    return unrolled.train("tag", data, **{**SMALL, **CALM, "out": folder / "run", **changes})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tag")
    return train(folder, write(folder / "small.conll", sentences(500)))


def test_it_learns_from_the_words_around_and_from_the_letters(trained):
    figures = trained.evaluate()
    assert figures.accuracy > 0.97 > figures.commonest_tag_accuracy
    assert figures.unknown_words > 50 and figures.accuracy_of_unknown > 0.95
    assert figures.data == "the test part of small.conll"
    assert trained.tag([["the", "walk"], [], ["to", "walk", "zapped99ed"]]) == [
        ["DET", "NOUN"], [], ["TO", "VERB", "PAST"],
    ]  # fmt: skip
    assert "".join(trained.generate("to play")) == "to/TO play/VERB"


def test_the_figures_are_those_of_the_tags_that_it_says(trained, tmp_path):
    others = [*sentences(40, seed=1)]
    said = trained.tag([each.words for each in others])
    right = [s == k for one, each in zip(said, others, strict=True)
             for s, k in zip(one, each.tags, strict=True)]  # fmt: skip
    whole = [one == list(each.tags) for one, each in zip(said, others, strict=True)]
    figures = trained.evaluate(write(tmp_path / "others.conll", others))
    assert figures.words == len(right) and figures.sentences == 40
    assert figures.accuracy == pytest.approx(np.mean(right))
    assert figures.whole_sentences == pytest.approx(np.mean(whole))
    assert sum(count for *_, count in figures.confusions) <= right.count(False)


def test_tags_that_it_never_saw_are_named(trained, tmp_path):
    odd = write(tmp_path / "odd.conll", [Tagged(("the", "walk"), ("DET", "ODD"))])
    with pytest.raises(UnknownLabelError, match=r"never saw the labels ODD\. It knows: "):
        trained.evaluate(odd)


def test_a_run_that_is_stopped_goes_on_bit_for_bit(tmp_path):
    data = write(tmp_path / "small.conll", sentences(90))
    changes = {"steps": 9, "evaluate_every": 4, "dropout": 0.3, "batch_size": 16}
    train(tmp_path, data, **changes, out=tmp_path / "whole")
    part = train(tmp_path, data, **changes, out=tmp_path / "part", watcher=stopping(7))
    assert (part.ending.step, part.ending.signal) == (7, signal.SIGTERM)
    assert unrolled.resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")


def test_words_too_rare_share_a_number_and_capitals_may_count_as_small():
    examples = [Tagged(("The", "the", "Rare"), ("A", "A", "B"))] * 2 + [Tagged(("once",), ("C",))]
    made = split(examples, validation=0, test=0)
    plain = Coder.learn(TagSettings(least=2), made)
    folded = Coder.learn(TagSettings(least=3, lowercase=True), made)
    assert (plain.words, plain.tags) == (["The", "the", "Rare"], ["A", "B", "C"])
    assert folded.words == ["the"] and folded.knows("THE") and not folded.knows("once")
    coded = plain.code([Tagged(("the", "new", "Rare"), ("A", "C", "B"))])
    assert coded.words[0].tolist() == [2, 0, 3] and coded.tags[0].tolist() == [0, 2, 1]
    assert [coded.letters[form].shape[0] for form in coded.forms[0]] == [3, 3, 4]


def test_data_with_one_tag_and_half_a_choice_of_columns_are_refused(tmp_path):
    alike = write(tmp_path / "a.conll", (Tagged((f"w{i}",), ("X",)) for i in range(60)))
    with pytest.raises(OneLabelError, match="All examples to learn from have the label 'X'"):
        train(tmp_path, alike)
    with pytest.raises(SettingError, match="tag_column=None cannot be; wanted a number"):
        train(tmp_path, alike, word_column=0)
    with pytest.raises(SettingError, match="spelling_size=-1 cannot be; wanted 0 to 65536"):
        train(tmp_path, alike, spelling_size=-1)


def test_what_a_run_keeps_of_its_data_is_checked(tmp_path):
    watcher = Samples()
    data = write(tmp_path / "small.conll", sentences(60))
    run = train(tmp_path, data, steps=2, watcher=watcher)
    words = f"a vocabulary of {len(run.coder.words)}"
    told = rf"small\.conll, 60 examples: .*; 6 tags \(.*NUM.*\); {words}"
    assert re.fullmatch(told, watcher.lines[0])
    config = json.loads((run.path / "config.json").read_text())
    del config["config"]["codes"]["words"]
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DamagedFileError, match=r"config\.json lacks the words of its data"):
        unrolled.open_run(run.path)
