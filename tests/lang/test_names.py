"""Names: what may be called what, guesses, and texts made safe to print."""

import keyword
import time

import pytest

from unrolled.lang.names import RESERVED, hint, is_name, is_parameter, printable, shown, unused
from unrolled.lang.words import WORDS


@pytest.mark.parametrize("name", ["h", "h2", "to_i", "A", "a" * 64])
def test_plain_names_are_names(name):
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", "2h", "_h", "__h", "h-i", "h i", "h\n", "\u0445", "\uff48", "h.i", "a" * 65, None, 3, b"h"]
    + keyword.kwlist,
)
def test_nothing_else_is_a_name(name):
    assert not is_name(name)


def test_a_shorter_limit_can_be_set():
    assert is_name("a" * 40, 40)
    assert not is_name("a" * 41, 40)


@pytest.mark.parametrize("name", ["W.a", "b.R[2]", "p.i_f", "W.R[-1]", "W.R[123456]", "W.tanh"])
def test_plain_parameters_are_parameters(name):
    assert is_parameter(name)


@pytest.mark.parametrize(
    "name",
    ["W", "W.", "V.a", "W.a.b", "W._a", "W.a[1.5]", "W.a[]", "W.a[1][2]", "W.a[1234567]", "W.a\n"]
    + ["W.\u0445", "W.R[\u0661]", "W.a ", "W..a", 3, None, "W." + "a" * 65],
)
def test_nothing_else_is_a_parameter(name):
    assert not is_parameter(name)


def test_every_word_is_reserved():
    assert RESERVED == {*WORDS, "split", "range", "W", "b", "p"}


def test_a_guess_is_near_and_never_slow():
    assert hint("sigmod", WORDS, "nothing") == "did you mean sigmoid?"
    assert hint("zzz", WORDS, "nothing") == "nothing"
    many = [f"gate{number}" for number in range(100_000)]
    begin = time.perf_counter()
    assert hint("gate" * 10_000, many, "nothing") == "nothing"
    assert time.perf_counter() - begin < 2


def test_a_quoted_name_is_ascii_and_short():
    assert shown("\u0445\x1b") == r"'\u0445\x1b'"
    assert shown("a" * 100) == f"'{'a' * 60}'..."


def test_printable_text_keeps_letters_and_lines_only():
    assert printable("a\tb\x1b[1m\u202e\x00\r\nc \u00e4\u4e2d") == "a b [1m   \nc \u00e4\u4e2d"


def test_unused_names_differ_from_those_that_are_taken():
    assert unused("a", {"b"}) == "a"
    assert unused("a", {"a"}) == "a_2"
    assert unused("a", {"a", "a_7"}, 7) == "a_7_7"
