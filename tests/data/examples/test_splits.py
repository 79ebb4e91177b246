"""A set in three parts: its own, or made so that no text is in two."""

import pytest

from unrolled.data.examples.kinds import Labelled
from unrolled.data.examples.splits import read_splits, split
from unrolled.errors import EmptyTextError, NoExamplesError, SplitError

TEXTS = [Labelled(f"text {number % 700}", "ab"[number % 2]) for number in range(1_000)]


def test_equal_texts_are_in_one_part_and_the_shares_are_about_those_asked_for():
    made = split(TEXTS, validation=0.2, test=0.1)
    texts = [{example.text for example in part} for part in made]
    assert sum(map(len, made)) == 1_000
    assert sum(map(len, texts)) == len(set.union(*texts)) == 700
    assert [len(part) / 700 for part in texts] == pytest.approx([0.7, 0.2, 0.1], abs=0.04)


def test_an_example_stays_in_its_part_whatever_stands_around_it():
    whole, half = (split(texts, validation=0.2, test=0.1) for texts in (TEXTS, TEXTS[::2]))
    assert all(set(part) <= set(all_of_it) for part, all_of_it in zip(half, whole, strict=True))


@pytest.mark.parametrize(("validation", "test"), [(-0.1, 0.1), (0.5, 0.5), (0.1, float("nan"))])
def test_shares_that_are_none_are_refused(validation, test):
    with pytest.raises(SplitError, match="validation"):
        split(TEXTS, validation=validation, test=test)


def of_parts(**parts):
    """Files are lists of examples here, and reading them gives these."""
    whole = {"train": [], "validation": [], "test": [], **parts}
    return whole, lambda files: files


def test_a_sets_own_parts_stay_as_they_are_and_others_are_made():
    parts, read = of_parts(train=TEXTS, test=TEXTS[:5])
    made = read_splits(parts, read, validation=0.1, test=0.5)
    assert made.test == TEXTS[:5]
    assert len(made.validation) == pytest.approx(100, abs=40)
    assert len(made.train) + len(made.validation) == 1_000


def test_examples_with_an_empty_side_are_left_out_and_counted():
    told = []
    parts, read = of_parts(train=[*TEXTS, Labelled(" ", "a"), Labelled("a", "")])
    made = read_splits(parts, read, report=told.append)
    assert sum(map(len, made)) == 1_000
    assert told == ["examples with an empty side, left out: 2"]


def test_a_part_without_examples_is_refused():
    with pytest.raises(NoExamplesError, match=r"no examples \(train 2, validation 0, test 0\)"):
        read_splits(*of_parts(train=TEXTS[:2]), validation=0, test=0)
    with pytest.raises(EmptyTextError, match="a holds no examples"):
        read_splits({"train": ["a"], "validation": [], "test": []}, lambda files: [])


def test_a_fingerprint_tells_sets_apart():
    made = [split(texts, validation=0.2, test=0.1).fingerprint for texts in (TEXTS, TEXTS[:-1])]
    assert len(set(made)) == 2
    assert made[0] == split(list(TEXTS), validation=0.2, test=0.1).fingerprint
    assert made[0] != split(TEXTS, validation=0.1, test=0.2).fingerprint
