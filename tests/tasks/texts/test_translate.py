"""Pairs of sentences: learned, translated, measured beside a memory, gone on with."""

import json
import signal
from dataclasses import replace
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from tests.tasks.tiny_text import Samples, kept, stopping

import unrolled
from unrolled.data.examples.kinds import Pair
from unrolled.data.examples.splits import split
from unrolled.errors import (
    DamagedFileError,
    LanguageError,
    RowError,
    SamplingError,
    SettingError,
    TextEncodingError,
    UnequalLinesError,
)
from unrolled.tasks.translate.coder import Coded, Coder
from unrolled.tasks.translate.run import TranslateRun
from unrolled.tasks.translate.scores import Scores, remembered, words_by
from unrolled.tasks.translate.settings import TranslateSettings
from unrolled.tasks.translate.task import FORCING, _partly_own, batch_of

SMALL = {"hidden_size": 32, "embedding_size": 8, "dropout": 0.0, "unit": "characters"}
CALM = {"steps": 250, "learning_rate": 0.02, "evaluate_every": 125, "warmup_steps": 0, "threads": 1}


def turned(count, seed=0):
    """Letters, and the same the other way round in capitals."""
    draws = np.random.default_rng(seed)
    for _ in range(count):
        letters = "".join(draws.choice([*"abcdef"], draws.integers(2, 7)))
        yield Pair(letters, letters[::-1].upper())


def write(path, pairs):
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return path


def train(folder, data, **changes):
    return unrolled.train("translate", data, **{**SMALL, **CALM, "out": folder / "run", **changes})


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translate")
    return train(folder, write(folder / "turned.tsv", turned(3_000)))


def test_it_learns_to_write_what_it_reads_the_other_way_round(trained):
    figures = trained.evaluate()
    assert figures.model.exact > 0.95 > 0.2 > figures.memory.exact
    assert figures.model.chrf > 95 > figures.memory.chrf
    assert figures.data == "the test part of turned.tsv" and figures.bleu_words == "13a"
    assert trained.translate(["fade", "beef"]) == ["EDAF", "FEEB"]
    assert "".join(trained.generate("fade")) == "EDAF"
    assert trained.tell(figures)[1].startswith("  lstm 1 x 32, multiplicative attention")


def test_the_figures_are_those_of_the_translations_that_it_writes(trained, tmp_path):
    others = [*turned(60, seed=1)]
    said = trained.translate([pair.source for pair in others], beam=3, length_penalty=0.5)
    wanted = [pair.target for pair in others]
    figures = trained.evaluate(write(tmp_path / "o.tsv", others), beam=3, length_penalty=0.5)
    assert (figures.sentences, figures.beam, figures.length_penalty) == (60, 3, 0.5)
    assert figures.model == Scores.of(said, wanted)
    assert figures.model.exact == np.mean([s == w for s, w in zip(said, wanted, strict=True)])
    with pytest.raises(SamplingError, match="beam=0 cannot be"):
        trained.translate(["fade"], beam=0)


def test_what_is_written_is_compared_with_what_the_units_can_write(tmp_path):
    """Words come with spaces in between, and in small letters where all letters are."""
    some = [
        words for length in (1, 2, 3) for words in product(["ab", "cd", "ef", "gh"], repeat=length)
    ]
    pairs = [Pair(" ".join(words), f"{'-'.join(words).upper()}!") for words in some]
    data = write(tmp_path / "words.tsv", pairs)
    run = train(tmp_path, data, unit="words", lowercase=True, steps=150)
    assert run.translate(["cd ab"]) == ["cd - ab !"]
    assert run.evaluate().model.exact > 0.8
    assert f"{run.evaluate().model.exact:.1%} letter for letter" in run.look().words[0]


@pytest.mark.parametrize("attention", ["none", "additive"])
def test_other_attention_than_the_usual_one_serves(tmp_path, attention):
    data = write(tmp_path / "turned.tsv", turned(600))
    watcher = Samples()
    run = train(tmp_path, data, attention=attention, steps=60, cell="gru", watcher=watcher)
    losses = [line for line in watcher.lines if "held-out" in line]
    assert float(losses[-1].split("held-out ")[1].split()[0]) < 1.2 < np.log(9)
    assert (run.model.attention is None) == (attention == "none")


def test_a_run_that_is_stopped_goes_on_bit_for_bit(tmp_path):
    data = write(tmp_path / "turned.tsv", turned(150))
    changes = {
        "steps": 9, "evaluate_every": 4, "dropout": 0.3, "batch_size": 32,
        "teacher_forcing": 0.2, "forcing_steps": 8,
    }  # fmt: skip
    train(tmp_path, data, **changes, out=tmp_path / "whole")
    part = train(tmp_path, data, **changes, out=tmp_path / "part", watcher=stopping(7))
    assert (part.ending.step, part.ending.signal) == (7, signal.SIGTERM)
    assert unrolled.resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")


def test_without_the_truth_the_writer_reads_its_own_symbols(tmp_path):
    """What stands in the targets then matters to the loss alone, and the weights become others."""
    data = write(tmp_path / "turned.tsv", turned(150))
    forced, free = (
        train(tmp_path, data, steps=6, teacher_forcing=share, forcing_steps=1, out=tmp_path / name)
        for name, share in {"forced": 1.0, "free": 0.0}.items()
    )
    assert kept(forced.path)[0] != kept(free.path)[0]


def test_an_own_symbol_stands_where_the_next_one_is_written():
    """The model says after each symbol the one that is greater by 1."""

    def model(source, before, source_lengths, lengths):
        return torch.nn.functional.one_hot(before + 1, 20) * 1e4

    pairs = Coded([np.array([2]), np.array([2])], [np.arange(1, 6), np.arange(11, 15)])
    batch = batch_of(pairs, np.arange(2), torch.device("cpu"))
    own = _partly_own(model, batch._replace(before=batch.before * 0 + 7), truth=0.0)
    assert own[0].tolist() == [7, 7] and set(own[1:].flatten().tolist()) == {8}
    own = _partly_own(model, batch, truth=0.0)
    assert own[:, 0].tolist() == [1, 2, 3, 4], "what is said of 1 is 2, the truth too"
    assert torch.equal(_partly_own(model, batch, truth=1.0), batch.before)


def test_the_schedule_goes_on_from_pass_to_pass(trained):
    change = partial(replace, teacher_forcing=0.0, forcing_steps=1_000)
    _, task = TranslateRun.taken_up(trained.config, trained.path, change, lambda line: None)
    shares = []
    for number in range(3):
        task.begin_pass(number)
        shares += [task.truth_share(chunk) for chunk in range(task.chunks)]
    steps = np.arange(3 * task.chunks)
    assert shares == pytest.approx(1 - steps / 1_000)


def test_where_all_pairs_are_too_long_that_is_said_before_there_is_a_run(tmp_path):
    data = write(tmp_path / "t.tsv", turned(60))
    with pytest.raises(SettingError, match="longest=1 cannot be; wanted a number of units that so"):
        train(tmp_path, data, longest=1)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("schedule", FORCING)
def test_the_share_of_the_truth_falls_from_1_to_its_last(schedule):
    shares = [FORCING[schedule](done, 0.25) for done in np.linspace(0, 1, 11)]
    assert (shares[0], shares[-1]) == pytest.approx((1, 0.25))
    assert FORCING[schedule](0.1, 0.0) > 0.5, "it does not drop at once"
    assert shares == sorted(shares, reverse=True)


def test_short_sentences_are_read_by_characters_and_long_ones_by_pieces():
    short = split([Pair(f"day {n}", f"{n}") for n in range(50)], validation=0, test=0)
    long = split(
        [Pair(f"the day {n} of the year" * 3, "x") for n in range(50)], validation=0, test=0
    )
    assert "day" not in Coder.learn(TranslateSettings(), short).source.symbols
    assert "Ġyear" in Coder.learn(TranslateSettings(), long).source.symbols


def test_pairs_that_are_too_long_are_left_out_and_sources_cut(tmp_path):
    pairs = [*turned(100), Pair("a" * 30, "A"), Pair("b", "B" * 30)]
    watcher = Samples()
    run = train(tmp_path, write(tmp_path / "t.tsv", pairs), steps=2, longest=8, watcher=watcher)
    assert "pairs longer than 8 units, left out: 2" in watcher.lines
    assert run.coder.ends.longest == 8
    (cut,) = run.coder.sources(["a" * 30])
    assert len(cut) == 9


def test_parallel_files_are_read_by_their_languages(tmp_path):
    pairs = [*turned(200)]
    folder = tmp_path / "set"
    folder.mkdir()
    for side, language in enumerate(("en", "de")):
        for part, lines in {
            "train": pairs[:150],
            "val": pairs[150:170],
            "test": pairs[170:],
        }.items():
            text = "".join(f"{pair[side]}\n" for pair in lines)
            (folder / f"{part}.{language}").write_text(text)
    run = train(tmp_path, folder, source="en", target="de", steps=2)
    assert run.config["data"]["examples"] == {"train": 150, "validation": 20, "test": 30}
    with pytest.raises(LanguageError, match="no file in the language fr"):
        train(tmp_path, folder, source="en", target="fr")
    with (folder / "train.en").open("a") as file:
        file.write("one more\n")
    with pytest.raises(UnequalLinesError, match=r"train\.en has 151 lines, but .* has 150"):
        train(tmp_path, folder, source="en", target="de")


def test_bad_pairs_are_named(tmp_path):
    data = write(tmp_path / "bad.tsv", turned(20))
    with data.open("a") as file:
        file.write("no tab\n")
    with pytest.raises(RowError, match=r"bad\.tsv, line 21 has no tab"):
        train(tmp_path, data)
    mixed = tmp_path / "mixed.tsv"
    mixed.write_bytes("é\tE\n".encode() + "é\tE\n".encode("latin-1"))
    with pytest.raises(TextEncodingError, match="no utf-8 text: byte 5, 0xe9"):
        train(tmp_path, mixed)
    watcher = Samples()
    empty = write(tmp_path / "empty.tsv", [*turned(100), Pair("abc", ""), Pair(" ", "ABC")])
    train(tmp_path, empty, steps=2, watcher=watcher)
    assert "examples with an empty side, left out: 2" in watcher.lines


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"teacher_forcing": 1.5}, "teacher_forcing=1.5 cannot be; wanted 0 to 1"),
        ({"forcing_steps": 0}, "forcing_steps=0 cannot be; wanted 1 or more"),
        ({"beam": 0}, "beam=0 cannot be; wanted 1 to 10,000"),
        ({"length_penalty": -1.0}, "length_penalty=-1.0 cannot be; wanted 0 to 100"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes, message):
    with pytest.raises(SettingError, match=message):
        TranslateSettings(**changes)


def test_what_a_run_keeps_of_its_data_is_checked(tmp_path):
    run = train(tmp_path, write(tmp_path / "t.tsv", turned(60)), steps=2)
    config = json.loads((run.path / "config.json").read_text())
    del config["config"]["codes"]["written"]
    (run.path / "config.json").write_text(json.dumps(config))
    with pytest.raises(DamagedFileError, match=r"config\.json lacks the written of its data"):
        unrolled.open_run(run.path)


def test_a_memory_gives_the_target_of_the_most_similar_source():
    known = [Pair("a red house", "rot"), Pair("a green house", "grün"), Pair("blue", "blau")]
    assert remembered(known, ["the green house", "blues", "xyz"]) == ["grün", "blau", ""]


def test_words_are_characters_where_no_spaces_are_written():
    assert words_by(["今日は", "晴れです"]) == words_by(["วันนี้"]) == "char"
    assert words_by(["오늘 날씨", "맑음"]) == words_by(["guten Tag"]) == "13a"
