"""Each oracle takes what it would have known: by hand, and by a slow reading of the same rules."""

import math
from collections import Counter
from itertools import groupby

import numpy as np
import pytest

from unrolled.data.alphabet import Alphabet
from unrolled.errors import LengthsDifferError, SymbolNumberError, TextTooShortError
from unrolled.models.ngram import NGram
from unrolled.probe import oracles
from unrolled.probe.oracles import NO_ERROR, Peeling, peel

WRONG = math.log(0.4)


def wrong_everywhere(text):
    """Likelihoods of a model that is never right."""
    likelihood = np.full(len(text), WRONG, dtype=np.float32)
    likelihood[:1] = np.nan
    return likelihood


def peeled(text, training) -> Peeling:
    size = len({*text, *training})
    return peel(text, wrong_everywhere(text), training, vocabulary_size=size)


def taken(peeling, text, name):
    """What a row took, the rest of the text as dots."""
    number = [row.name for row in peeling.rows].index(name)
    return "".join(s if t == number else "·" for s, t in zip(text, peeling.taken, strict=True))


# By hand, without n-gram models, which know much of so short a text


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("last 5 characters", "Mary Mary Ma", "······ary··a"),
        ("last 5 characters", "Mary, Mary", "··········"),  # one character too far away
        ("last 9 characters", "Mary, Mary", "·······ary"),
        ("last 5 characters", "xMaryx é_1 é_1 Mary", "············_1·····"),
        ("last 9 characters", "xMaryx é_1 é_1 Mary", "···················"),
        ("last 50 characters", "xMaryx é_1 é_1 Mary", "················ary"),
        ("last 5 characters", "aa aaa", "······"),  # not where the word itself stands
    ],
)
def test_memory_finds_a_word_in_what_was_before_it(monkeypatch, name, text, wanted):
    monkeypatch.setattr(oracles, "_n_grams", lambda *_: [])
    monkeypatch.setattr(oracles, "MEMORIES", (5, 9, 50))
    assert taken(peeled(text, "~"), text, name) == wanted


SHOWN = "Ann saw Mary. “Bo!” said Ann-Bo,  ⏎⏎  x+=(Bo)  →⏎ if"
TRAINING = "Bo's Bo Bo Bo Bo Bo saw said_ said Annie said if if if if if if if"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("last 100 characters", "··························nn··o············o········"),
        ("never", "·nn·····Mary·············A············x·············"),
        ("once", "····saw·············································"),
        ("twice", "····················said····························"),
        ("3 times", "····················································"),
        ("first of a word", "···············B·············B············B·······i·"),
        ("after punctuation", "············· ····” ············  ⏎⏎  ··=(···  →⏎ ··"),
        ("punctuation itself", "············.·“··!··········-··,·······+····)·······"),
        ("left", "··· ··· ········o······· ··························f"),
    ],
)
def test_words_and_signs_are_taken_one_after_another(monkeypatch, name, wanted):
    monkeypatch.setattr(oracles, "_n_grams", lambda *_: [])
    text = SHOWN.replace("⏎", "\n").replace("→", "\t")
    peeling = peeled(text, TRAINING)
    assert taken(peeling, SHOWN, name) == wanted
    assert {row.name: row.removed for row in peeling.rows}[name] == len(wanted.replace("·", ""))


# With all oracles


@pytest.mark.parametrize(
    ("training", "text", "name", "wanted"),
    [
        ("aaaab", "bacab", "1-gram", "·a·a·"),  # (4 + 2/3) / 7
        ("xabyac", "zxabz", "2-gram", "··a··"),  # (1 + 1/3) / 4 of b is too little
        ("xabyac", "zxabz", "3-gram", "···b·"),  # (1 + 1/3) / 2
        ("xabyac", "zxabz", "never", "·x··z"),
    ],
)
def test_the_first_order_that_knows_a_character_takes_it(training, text, name, wanted):
    assert taken(peeled(text, training), text, name) == wanted


class Slowly:
    """The same rules, character by character."""

    def __init__(self, text, training, memories, counted):
        self.text, self.training, self.memories = text, training, memories
        alphabet = Alphabet.of(text + training)
        counts = alphabet.encode(training[-counted:])
        size = len(alphabet)
        self.models = [NGram.fit(counts, vocabulary_size=size, order=n) for n in range(1, 10)]
        ids = alphabet.encode(text)
        self.likelihoods = [model.log_probabilities(ids) for model in self.models]
        self.often = Counter(word for _, word in words_of(training))

    def name(self, at):
        """The row that takes an error."""
        for order, likelihood in enumerate(self.likelihoods, start=1):
            if math.exp(likelihood[at]) > 0.5:
                return f"{order}-gram"
        start, word = next(
            ((s, w) for s, w in words_of(self.text) if 0 <= at - s < len(w)), (0, "")
        )
        for length in self.memories:
            if word and at > start and word in self.text[max(0, start - length) : start]:
                return f"last {length} characters"
        if word and self.often[word] <= 5:
            return ("never", "once", "twice", "3 times", "4 times", "5 times")[self.often[word]]
        if word and at == start:
            return "first of a word"
        before = self.text[:at].rstrip() if self.text[at].isspace() else self.text[:at]
        if before and kind(before[-1]) == "sign":
            return "after punctuation"
        return "punctuation itself" if kind(self.text[at]) == "sign" else "left"


def kind(symbol):
    if symbol.isalnum() or symbol == "_":
        return "word"
    return "space" if symbol.isspace() else "sign"


def words_of(text):
    """Where words start, and the words."""
    for of_kind, group in groupby(enumerate(text), key=lambda pair: kind(pair[1])):
        if of_kind == "word":
            places, symbols = zip(*group, strict=True)
            yield places[0], "".join(symbols)


def babble(random, length):
    """Words of two letters or three, most of them often, with signs and white space between."""
    some = ["ab", "ba", "aab", "b_b", "é1", "cab", "acb", "bcaa", "c"]
    often = random.dirichlet(np.ones(len(some)) / 2)
    between = random.choice([" ", " ", ", ", "\n", "(", "”\n\n ", ".-"], size=length)
    return "".join(
        w + b for w, b in zip(random.choice(some, length, p=often), between, strict=True)
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_text_is_peeled_as_a_slow_reading_peels_it(monkeypatch, seed):
    random = np.random.default_rng(seed)
    memories, counted = (4, 9, 20, 60), 150
    monkeypatch.setattr(oracles, "MEMORIES", memories)
    monkeypatch.setattr(oracles, "COUNTED", counted)
    text, training = babble(random, 250), babble(random, 200)
    likelihood = np.log(random.uniform(0.2, 0.8, len(text))).astype(np.float32)
    likelihood[0] = np.nan
    peeling = peel(text, likelihood, training, vocabulary_size=len({*text, *training}))
    slowly = Slowly(text, training, memories, counted)
    wanted = [slowly.name(at) if likelihood[at] < math.log(0.5) else "" for at in range(len(text))]
    names = [row.name for row in peeling.rows]
    assert [names[row] if row != NO_ERROR else "" for row in peeling.taken] == wanted
    assert [row.removed for row in peeling.rows] == [wanted.count(name) for name in names]
    assert peeling.errors == len(wanted) - wanted.count("")
    assert peeling.characters == len(text) - 1


def test_a_half_is_no_error_and_what_has_no_likelihood_is_not_looked_at():
    likelihood = np.log(np.array([np.nan, 0.5, 0.4999, 0.9, 0.01], dtype=np.float32))
    peeling = peel("a.b,c", likelihood, "~", vocabulary_size=6)
    assert (peeling.characters, peeling.errors) == (4, 2)
    assert (peeling.taken >= 0).tolist() == [False, False, True, False, True]
    assert taken(peeling, "a.b,c", "never") == "··b·c"


def test_the_rows_of_an_oracle_are_one_row_of_it():
    random = np.random.default_rng(0)
    peeling = peeled(babble(random, 400), babble(random, 200))
    wanted = {oracle: 0 for oracle in oracles.ABOUT}
    for row in peeling.rows:
        assert row.about == oracles.ABOUT[row.oracle]
        wanted[row.oracle] += row.removed
    assert {row.name: row.removed for row in peeling.oracles} == wanted
    assert sum(wanted.values()) == peeling.errors > 300


@pytest.mark.parametrize("text", ["a", ".", " ", "ab", "..", "\n\n", "_"])
def test_the_smallest_texts_are_peeled(text):
    peeling = peeled(text, "~")
    assert peeling.characters == peeling.errors == len(text) - 1
    assert sum(row.removed for row in peeling.rows) == peeling.errors


# What cannot be peeled


def test_likelihoods_of_another_text_are_refused():
    with pytest.raises(LengthsDifferError, match="has 2 characters, but log_likelihood has 3 num"):
        peel("aé", np.zeros(3), "a", vocabulary_size=256)


def test_a_vocabulary_smaller_than_the_texts_is_refused():
    with pytest.raises(SymbolNumberError, match="alphabet of 2 has 0 to 1 only"):
        peel("ac", np.zeros(2), "b", vocabulary_size=2)


@pytest.mark.parametrize(("text", "training"), [("", "a"), ("a", "")])
def test_where_there_is_no_text_there_is_nothing_to_peel(text, training):
    with pytest.raises(TextTooShortError, match="0 characters, but .* needs at least 1"):
        peel(text, np.zeros(len(text)), training, vocabulary_size=1)
