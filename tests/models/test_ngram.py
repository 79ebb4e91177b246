"""The n-gram model against its definition, and on real text."""

import argparse
import inspect
import math
import optparse
from collections import Counter, defaultdict

import numpy as np
import pytest

from unrolled.data.alphabet import Alphabet
from unrolled.errors import ContextOrderError, SymbolNumberError, TextTooShortError
from unrolled.models import ngram
from unrolled.models.ngram import NGram


class Definition:
    """Witten-Bell as it is written down, with dictionaries."""

    def __init__(self, text, size, order):
        self.size, self.order = size, order
        self.runs = Counter()
        self.followers = defaultdict(set)
        for length in range(1, order + 1):
            for start in range(len(text) - length + 1):
                *context, symbol = text[start : start + length]
                self.runs[tuple(context), symbol] += 1
                self.followers[tuple(context)].add(symbol)

    def probability(self, context, symbol):
        shorter = self.probability(context[1:], symbol) if context else 1 / self.size
        different = len(self.followers[context])
        total = sum(self.runs[context, follower] for follower in self.followers[context])
        if total == 0:
            return shorter
        return (self.runs[context, symbol] + different * shorter) / (total + different)

    def log_probabilities(self, text):
        return [
            math.log(self.probability(tuple(text[max(0, at - self.order + 1) : at]), text[at]))
            for at in range(len(text))
        ]


@pytest.mark.parametrize("sparse", [0, ngram._SPARSE, 1 << 40])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_it_is_the_definition(monkeypatch, sparse, seed, order):
    monkeypatch.setattr(ngram, "_SPARSE", sparse)
    random = np.random.default_rng(seed)
    size = int(random.integers(2, 7))
    train = random.integers(0, max(1, size - 1), 150).astype(np.uint8)  # the last is never seen
    test = random.integers(0, size, 60).astype(np.uint8)
    model = NGram.fit(train, vocabulary_size=size, order=order)
    wanted = Definition(train.tolist(), size, order).log_probabilities(test.tolist())
    np.testing.assert_allclose(model.log_probabilities(test), wanted, rtol=0, atol=1e-12)
    assert model.order == order


@pytest.mark.parametrize("length", [1, 3, 60])  # shorter than the order, and longer
def test_a_model_has_those_of_all_lower_orders_in_it(length):
    random = np.random.default_rng(length)
    train, test = random.integers(0, 4, 80), random.integers(0, 5, length)
    whole = NGram.fit(train, vocabulary_size=5, order=5)
    by_order = [*whole.probabilities_by_order(test)]
    assert len(by_order) == 5
    for order, found in enumerate(by_order, start=1):
        wanted = Definition(train.tolist(), 5, order).log_probabilities(test.tolist())
        np.testing.assert_allclose(np.log(found), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_the_probabilities_after_any_context_sum_to_one(order):
    random = np.random.default_rng(order)
    train = np.append(random.integers(0, 3, 40), 3)  # 3 is never followed, 4 never seen
    model = NGram.fit(train, vocabulary_size=5, order=order)
    for context in np.ndindex(*(5,) * (order - 1)):
        after = [model.log_probabilities(np.array([*context, symbol]))[-1] for symbol in range(5)]
        assert math.isclose(np.exp(after).sum(), 1, abs_tol=1e-12)


def test_a_text_shorter_than_the_order_is_counted_as_far_as_it_goes():
    model = NGram.fit(np.array([0, 1]), vocabulary_size=2, order=5)
    definition = Definition([0, 1], 2, 5)
    for text in ([0], [0, 1, 0, 1, 1]):
        wanted = definition.log_probabilities(text)
        np.testing.assert_allclose(model.log_probabilities(np.array(text)), wanted, atol=1e-12)


def test_runs_of_many_symbols_do_not_overflow():
    train = np.random.default_rng(0).integers(0, 1_114_112, 300)
    model = NGram.fit(train, vocabulary_size=1_114_112, order=8)
    wanted = Definition(train.tolist(), 1_114_112, 8).log_probabilities(train.tolist())
    np.testing.assert_allclose(model.log_probabilities(train), wanted, rtol=0, atol=1e-12)


def test_bits_are_nats_divided_by_the_logarithm_of_two():
    model = NGram.fit(np.array([0, 1, 2, 3]), vocabulary_size=4, order=1)
    assert math.isclose(model.bits_per_character(np.array([0, 3, 2])), 2, abs_tol=1e-12)


def test_on_source_text_a_higher_order_is_better_up_to_four():
    text = inspect.getsource(argparse) + inspect.getsource(optparse)
    alphabet = Alphabet.of(text)
    ids = alphabet.encode(text)
    train, test = ids[: len(ids) * 9 // 10], ids[len(ids) * 9 // 10 :]
    models = [
        NGram.fit(train, vocabulary_size=len(alphabet), order=order) for order in (1, 2, 3, 4)
    ]
    bits = [model.bits_per_character(test) for model in models]
    assert bits == sorted(bits, reverse=True)
    assert bits[0] > 4
    assert bits[3] < 2.6


@pytest.mark.parametrize("ids", [[0, 4], [-1, 0]])
def test_symbols_outside_of_the_alphabet_are_refused(ids):
    model = NGram.fit(np.array([0, 1, 2, 3]), vocabulary_size=4, order=2)
    with pytest.raises(SymbolNumberError, match="alphabet of 4 has 0 to 3 only"):
        model.log_probabilities(np.array(ids))
    with pytest.raises(SymbolNumberError, match=f"Symbols run from {min(ids)} to {max(ids)}"):
        NGram.fit(np.array(ids), vocabulary_size=4, order=2)


def test_no_text_has_no_figure():
    model = NGram.fit(np.array([0, 1]), vocabulary_size=2, order=2)
    with pytest.raises(TextTooShortError, match="0 characters, but a probability needs at least 1"):
        model.bits_per_character(np.array([], dtype=np.uint8))
    with pytest.raises(TextTooShortError, match="but an n-gram model needs at least 1"):
        NGram.fit(np.array([], dtype=np.uint8), vocabulary_size=2, order=2)


def test_an_order_below_one_is_refused():
    with pytest.raises(ContextOrderError, match="order=0 is no order of an n-gram model"):
        NGram.fit(np.array([0, 1]), vocabulary_size=2, order=0)
