"""A BERT is pretrained: it learns what is masked and what follows, fills in, goes on."""

import signal

import numpy as np
import pytest
from tests.tasks.tiny_text import kept, stopping

import unrolled
from unrolled.data.tokenizer import BERT_SPECIAL, MASK, Tokenizer
from unrolled.errors import DamagedFileError, DataChangedError, NotExportableError, SettingError
from unrolled.tasks.masked_lm.passages import Passages, packed
from unrolled.tasks.masked_lm.settings import MaskedLMSettings

SMALL = {"unit": "words", "hidden_size": 32, "num_heads": 2, "context": 21}
EXACT = {"dropout": 0.0, "masked": 0.3}
CALM = {"steps": 200, "learning_rate": 1e-2, "evaluate_every": 100, "warmup_steps": 20}
KINDS = [[f"{letter}{n}" for n in range(8)] for letter in "abcdefgh"]


def book(path, lines=600, seed=0):
    """A line is of one of the first four kinds, and the next one of its fellow, four further on."""
    kinds = np.random.default_rng(seed).integers(4, size=lines // 2)
    path.write_text("".join(f"{' '.join(KINDS[k])}\n{' '.join(KINDS[k + 4])}\n" for k in kinds))
    return path


def train(folder, data, **changes):
    settings = {**SMALL, **EXACT, **CALM, "threads": 1, "out": folder / "run", **changes}
    return unrolled.train("masked-lm", data, **settings)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked")
    return train(folder, book(folder / "book.txt", 1200), context=18)


def test_it_learns_what_is_masked(trained):
    found = trained.evaluate()
    assert found.text == "the test part of book.txt" and found.passages > 10
    assert found.guesses.accuracy > 0.95 and found.guesses.commonest < 0.2
    assert found.to_json()["accuracy"] == found.guesses.accuracy
    assert found.guesses.next_sentence is None
    told = trained.tell(found)
    assert "% right" in told[1] and told[-1].startswith("  commonest symbol")


@pytest.mark.slow
def test_it_learns_what_follows(tmp_path):
    data = book(tmp_path / "book.txt", 1200)
    run = train(tmp_path, data, next_sentence=True, test=0.2)
    figures = run.evaluate()
    assert figures.guesses.next_sentence > 0.65 and figures.guesses.accuracy > 0.95
    assert "follows or not" in run.tell(figures)[-1]


def test_it_fills_in_each_mask(trained):
    rows = trained.fill("b0 b1 b2 [MASK] b4 b5 b6 b7 f0 [MASK] f2 f3 f4 f5 f6 f7")
    assert [row[0][0] for row in rows] == ["b3", "f1"]
    assert all(row[0][1] > 0.5 and 0.99 < sum(p for _, p in row) + 0.5 for row in rows)
    written = "".join(trained.generate("c0 [MASK] c2 c3 c4 c5 c6 c7")).split()
    assert written[0] == "c1" and float(written[1]) > 0.5
    with pytest.raises(SettingError, match=r"input='b1' cannot be; wanted a text with \[MASK\] in"):
        trained.fill("b1")


def test_another_text_is_measured_and_what_is_of_other_tasks_is_refused(trained, tmp_path):
    found = trained.evaluate(book(tmp_path / "other.txt", 60, seed=4))
    assert found.text == "other.txt" and found.guesses.accuracy > 0.95
    with pytest.raises(NotExportableError, match="is a run of masked-lm"):
        trained.export()


@pytest.mark.parametrize("unit", ["words", "subwords"])
@pytest.mark.parametrize("pairs", [False, True], ids=["alone", "pairs"])
def test_a_run_that_is_stopped_goes_on_bit_for_bit(tmp_path, unit, pairs):
    data = book(tmp_path / "book.txt", 400)
    changes = {"unit": unit, "next_sentence": pairs, "evaluate_every": 4, "dropout": 0.2}
    changes |= {"steps": 9, "batch_size": 16, "context": 32}
    train(tmp_path, data, **changes, out=tmp_path / "whole")
    part = train(tmp_path, data, **changes, out=tmp_path / "part", watcher=stopping(6))
    assert (part.ending.step, part.ending.signal) == (6, signal.SIGTERM)
    assert unrolled.resume(part.path).ending.step == 9
    assert kept(tmp_path / "part") == kept(tmp_path / "whole")


def test_a_text_that_has_changed_is_refused(tmp_path):
    run = train(tmp_path, book(tmp_path / "book.txt"), steps=2)
    book(tmp_path / "book.txt", seed=1)
    for go_on in (lambda: unrolled.resume(run.path, steps=4), run.evaluate):
        with pytest.raises(DataChangedError, match=r"book\.txt has changed"):
            go_on()


def test_a_run_without_its_units_is_damaged(tmp_path):
    run = train(tmp_path, book(tmp_path / "book.txt"), steps=2)
    config = run.path / "config.json"
    config.write_text(config.read_text().replace('"tokenizer"', '"other"'))
    with pytest.raises(DamagedFileError, match=r"config\.json lacks the tokenizer of its data"):
        unrolled.open_run(run.path)


def test_impossible_settings_are_refused(tmp_path):
    with pytest.raises(SettingError, match="context=4 cannot be; wanted 5 or more"):
        MaskedLMSettings(context=4)
    with pytest.raises(SettingError, match="masked=0 cannot be; wanted more than 0, below 1"):
        MaskedLMSettings(masked=0)
    with pytest.raises(SettingError, match=r"dropout=1 cannot be"):
        MaskedLMSettings(dropout=1)
    with pytest.raises(SettingError, match=r"validation=0\.0001 cannot be; wanted a share with a"):
        train(tmp_path, book(tmp_path / "book.txt"), validation=0.0001)


def test_lines_are_packed_whole_and_only_longer_ones_are_cut():
    lines = [np.arange(start, end) for start, end in ((0, 3), (3, 5), (5, 6), (6, 15), (15, 15))]
    found = [block.tolist() for block in packed(lines, 5)]
    assert found == [[0, 1, 2, 3, 4], [5], [6, 7, 8, 9, 10], [11, 12, 13, 14]]
    assert packed([], 5) == []


def passages(in_pairs=False):
    lines = [" ".join(f"w{n}" for n in range(start, start + 9)) + "\n" for start in range(900)]
    tokenizer = Tokenizer.learn(lines, "words", size=2000, special=BERT_SPECIAL)
    return Passages.of(lines, tokenizer, 23, in_pairs=in_pairs), tokenizer


def test_so_many_symbols_are_masked_drawn_or_kept_as_the_paper_has_it():
    made, _ = passages()
    batch = made.batch(range(len(made)), 0.3, (0, 1))
    whole = made.batch(range(len(made)), 0.3, (0, 2))
    given = batch.symbols[batch.chosen]
    assert len(given) == pytest.approx(0.3 * sum(map(len, made.blocks)), rel=0.1)
    shares = [(given == 3).double().mean(), (given == batch.wanted).double().mean()]
    np.testing.assert_allclose(shares, [0.8, 0.1], atol=0.02)
    assert not (batch.symbols[~batch.chosen] == 3).any() and int(given.min()) == 3
    assert not (batch.wanted < len(BERT_SPECIAL)).any()
    assert batch.chosen.shape == whole.chosen.shape and (batch.chosen != whole.chosen).any()
    again = made.batch([5, 2], 0.3, (0, 1))
    assert again.symbols[1, :10].tolist() == batch.symbols[2, :10].tolist()


def test_half_of_the_second_halves_follow_the_first():
    made, tokenizer = passages(in_pairs=True)
    follows = []
    for row in range(len(made)):
        passage = made.passage(row, np.random.default_rng(row))
        first, second = (passage.numbers[passage.segments == n].tolist() for n in range(2))
        assert first == [1, *made.blocks[2 * row], 2] and second[-1] == 2
        assert passage.follows == (second[:-1] == made.blocks[2 * row + 1].tolist())
        follows.append(passage.follows)
    assert len(follows) == 450 and 0.4 < np.mean(follows) < 0.6
    batch = made.batch(range(4), 0.2, (0,))
    assert set(batch.follows.tolist()) <= {0, 1} and tokenizer.symbols[1:3] == ["[CLS]", "[SEP]"]


@pytest.mark.parametrize(("unit", "read"), [("characters", ["a", " ", MASK]), ("subwords", [MASK])])
def test_only_subwords_have_the_space_before_them_in_them(tmp_path, unit, read):
    """So of these alone the space before a mask is not read."""
    data = tmp_path / "book.txt"
    data.write_text("a b\n" * 400)
    run = train(tmp_path, data, unit=unit, steps=1)
    seen = []
    run.model.bert.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    run.fill("a [MASK]")
    symbols = [run.tokenizer.symbols[number] for number in seen[0][0, 1:-1].tolist()]
    assert symbols[-len(read) :] == read and len(symbols) == max(2, len(read))
