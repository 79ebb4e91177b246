"""What closes what, by hand and by a grammar; bins by sums of their own."""

import math
import re

import numpy as np
import pytest

from unrolled.errors import LengthsDifferError
from unrolled.probe.distances import bracket_pairs, closing, quote_pairs


def marked(text, pairs):
    """A text whose pairs are numbered as they close, the rest as dots."""
    shown = ["·"] * len(text)
    for number, places in enumerate(pairs, start=1):
        for place in places:
            shown[place] = str(number)
    return "".join(shown)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("f(a[1], {b})", "·3·1·1··2·23"),
        ("a) (b)", "···1·1"),
        ("(a (b) c", "···1·1··"),
        ("{ :) (b) }", "·····1·1··"),  # a stray sign, and the brace around it is forgotten
        ("{ ( } ()", "······11"),
        ("([)] ()", "·····11"),
        ("(a\n\nb) (c)", "·······1·1"),  # an empty line ends what is round
        ("{a (\n\n[b]\n\n}", "2·····1·1··2"),  # but not what is curled
        ("(a {b\n\nc})", "2··1····12"),  # nor what is around that
        ("{a\n \n(\n)}", "2····1·12"),
        ("", ""),
    ],
)
def test_brackets_are_closed_by_their_own(text, wanted):
    assert marked(text, bracket_pairs(text)) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('a "bc" ""', "··1··1·22"),
        ('"a\nb" "', "1···1··"),
        ('"a\n\n"b"', "····1·1"),  # one stray sign does not turn the rest inside out
        ("“a “b” c”", "2··1·1··2"),
        ("“a\n\n“b”", "····1·1"),  # a speech that goes on opens each paragraph anew
        ('“a "b" c” "', "2··1·1··2··"),
        ('“a "b” “c”', "·······1·1"),
        ("a” “b”", "···1·1"),
        ("it's (a)", "········"),
    ],
)
def test_quotes_are_closed_by_their_own(text, wanted):
    assert marked(text, quote_pairs(text)) == wanted


PAIR = re.compile(
    r"""  [(] (?: (?!\n\n) [^][(){}] )* [)]    # no empty line inside
    |   \[ (?: (?!\n\n) [^][(){}] )* \]
    |   \{ (?: [^])}{]* \n\n )? [^][(){}]* \}  # what is round may be open before an empty line
    """,
    re.VERBOSE,
)


def rewritten(text):
    """The pairs of brackets of a text, found from the innermost ones on; those become letters."""
    pairs = []
    while match := PAIR.search(text):
        pairs.append((match.start(), match.end() - 1))
        text = text[: match.start()] + "a" * len(match[0]) + text[match.end() :]
    return sorted(pairs, key=lambda pair: pair[1])


@pytest.mark.parametrize("seed", range(20))
def test_brackets_of_random_texts_are_those_of_a_grammar(seed):
    pieces = [*"({{{}}})", "[]", "(\n)", "(a {", "})", "\n", "\n\n", *"aaaaa"]
    text = "".join(np.random.default_rng(seed).choice(pieces, size=600))
    wanted = rewritten(text)
    assert [tuple(pair) for pair in bracket_pairs(text)] == wanted
    assert len(wanted) > 60
    assert sum(end - start > 8 for start, end in wanted) > 2


def test_each_distance_is_in_its_bin():
    text = "".join(f"({'a' * (distance - 1)})" for distance in range(1, 40))
    likelihood, hit = np.full(len(text), -1.0, dtype=np.float32), np.zeros(len(text), dtype=bool)
    brackets, quotes = closing(text, likelihood, hit)
    assert [(b.first, b.last, b.count) for b in brackets.bins] == [
        (1, 1, 1), (2, 3, 2), (4, 7, 4), (8, 15, 8), (16, 31, 16), (32, 63, 8)
    ]  # fmt: skip
    assert (brackets.name, quotes.name, quotes.bins) == ("brackets", "quotes", ())


def test_figures_are_means_of_the_closing_signs_and_their_errors():
    random = np.random.default_rng(0)
    text = "".join(random.choice([*'([)]"ab \n'], size=3000))
    likelihood = np.log(random.uniform(size=len(text))).astype(np.float32)
    hit = random.uniform(size=len(text)) < 0.3
    kinds = closing(text, likelihood, hit)
    for kind, pairs in zip(kinds, (bracket_pairs(text), quote_pairs(text)), strict=True):
        for found in kind.bins:
            at = [end for start, end in pairs if found.first <= end - start <= found.last]
            given = [math.exp(likelihood[place]) for place in at]
            share, mean = sum(hit[place] for place in at) / len(at), sum(given) / len(at)
            assert found.count == len(at)
            assert found.accuracy == pytest.approx(share)
            assert found.probability == pytest.approx(mean, rel=1e-6)
            if len(at) > 1:
                error = math.sqrt(share * (1 - share) / (len(at) - 1))
                assert found.accuracy_error == pytest.approx(error)
                variance = sum((p - mean) ** 2 for p in given) / (len(at) - 1)
                wanted = math.sqrt(variance / len(at))
                assert found.probability_error == pytest.approx(wanted, rel=1e-6)
        assert sum(found.count for found in kind.bins) == len(pairs) > 50


def test_one_sign_alone_has_no_error():
    likelihood = np.log(np.array([np.nan, 0.5, 0.25], dtype=np.float32))
    (found,) = closing("(a)", likelihood, np.array([False, False, True]))[0].bins
    assert (found.first, found.last, found.count, found.accuracy) == (2, 3, 1, 1)
    assert found.probability == pytest.approx(0.25)
    assert math.isnan(found.accuracy_error)
    assert math.isnan(found.probability_error)


@pytest.mark.parametrize(
    ("likelihoods", "marks", "name"), [(2, 3, "log_likelihood"), (3, 2, "hit")]
)
def test_numbers_of_another_text_are_refused(likelihoods, marks, name):
    with pytest.raises(LengthsDifferError, match=f"3 characters, but {name} has 2 numbers"):
        closing("(a)", np.zeros(likelihoods), np.zeros(marks, dtype=bool))
