"""Characters and numbers: there and back, and what is refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data.alphabet import Alphabet, printable
from unrolled.errors import AlphabetError, SymbolNumberError, UnknownCharactersError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(TEXTS)
def test_decoding_undoes_encoding(text):
    alphabet = Alphabet.of(text)
    assert alphabet.decode(alphabet.encode(text)) == text
    assert Alphabet().decode(Alphabet().encode(text)) == text


@settings(max_examples=100, deadline=None, derandomize=True)
@given(TEXTS)
def test_numbers_are_places_in_the_order_of_code_points(text):
    alphabet = Alphabet.of(text)
    assert alphabet.symbols == tuple(sorted(set(text)))
    assert alphabet.encode(text).tolist() == [alphabet.symbols.index(symbol) for symbol in text]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(TEXTS)
def test_json_gives_the_same_alphabet_back(text):
    for alphabet in (Alphabet.of(text), Alphabet()):
        assert Alphabet.from_json(json.loads(json.dumps(alphabet.to_json()))) == alphabet


@settings(max_examples=100, deadline=None, derandomize=True)
@given(TEXTS)
def test_bytes_decoded_one_by_one_give_the_same_text(text):
    decoder = Alphabet().decoder()
    pieces = [decoder.decode([number]) for number in Alphabet().encode(text).tolist()]
    assert "".join(pieces) == text
    assert decoder.decode([], final=True) == ""


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.recursive(st.none() | st.floats() | st.text(), st.lists))
def test_untrusted_json_is_an_alphabet_or_an_error(value):
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        value = [item[:1] for item in value]
    if value == "bytes" or _is_alphabet(value):
        assert Alphabet.from_json(value).to_json() == value
    else:
        with pytest.raises(AlphabetError, match="No alphabet"):
            Alphabet.from_json(value)


def _is_alphabet(value):
    return (
        isinstance(value, list)
        and len(value) > 0
        and all(isinstance(item, str) and len(item) == 1 for item in value)
        and value == sorted(set(value))
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "it is a NoneType"),
        ({"symbols": ["a"]}, "it is a dict"),
        ("abc", "it is a str"),
        ([], "it is empty"),
        (["a", 7], "symbol 1 is a int and not a string"),
        (["a", ""], "symbol 1 is 0 characters long: ''"),
        (["a", "bc\x1b"], r"symbol 1 is 3 characters long: 'bc\\x1b'"),
        (["a", "a"], "symbol 1 comes twice: 'a'"),
        (["b", "a"], "symbol 1 is out of order: 'a' after 'b'"),
        (["a", "\ud800"], r"symbol 1 is a lone surrogate: '\\ud800'"),
        (["a"] * 1_114_113, "1114113 symbols are more than there are characters"),
    ],
)
def test_json_that_is_no_alphabet_says_why(value, problem):
    with pytest.raises(AlphabetError, match=problem):
        Alphabet.from_json(value)


def test_the_smallest_type_that_fits_is_taken():
    points = [chr(0x4E00 + place) for place in range(70_000 - 0x4E00 + 0x4E00)]
    symbols = tuple(symbol for symbol in points if not "\ud800" <= symbol <= "\udfff")
    sizes = {256: np.uint8, 257: np.uint16, 65_536: np.uint16, 65_537: np.int32}
    for size, dtype in sizes.items():
        alphabet = Alphabet(symbols[:size])
        assert len(alphabet) == size
        assert alphabet.encode(symbols[size - 1]).tolist() == [size - 1]
        assert alphabet.encode(symbols[0]).dtype == dtype


def test_unknown_characters_are_listed_escaped_with_their_counts():
    with pytest.raises(UnknownCharactersError) as caught:
        Alphabet(("a", "b")).encode("abc\x1bdc\x1bc")
    assert str(caught.value) == (
        "6 characters of the text are not among the 2 of the alphabet: "
        "'c' (3 times), '\\x1b' (2 times), 'd' (1 times). "
        "Replace them, or train on a text that has them."
    )


def test_at_most_twenty_unknown_characters_are_listed():
    with pytest.raises(UnknownCharactersError, match="'t' .1 times. and 6 more"):
        Alphabet(("!",)).encode("abcdefghijklmnopqrstuvwxyz")


def test_a_lone_surrogate_has_no_bytes():
    with pytest.raises(UnknownCharactersError, match=r"among the 256 .*'\\udc80' .1 times."):
        Alphabet().encode("a\udc80")


def test_bytes_that_are_no_character_become_the_replacement():
    decoder = Alphabet().decoder()
    assert decoder.decode([0xE2, 0x82]) == ""
    assert decoder.decode([0xAC]) == "€"
    assert decoder.decode([0xE2]) == ""
    assert decoder.decode([], final=True) == "\ufffd"
    assert Alphabet().decode(np.array([97, 255, 98])) == "a\ufffdb"


@pytest.mark.parametrize("alphabet", [Alphabet(("a", "b")), Alphabet()])
def test_numbers_outside_of_the_alphabet_are_refused(alphabet):
    for numbers in ([0, len(alphabet)], [-1, 0]):
        with pytest.raises(SymbolNumberError, match=f"alphabet of {len(alphabet)} has 0 to"):
            alphabet.decode(np.array(numbers))


def test_the_empty_text_has_no_numbers():
    for alphabet in (Alphabet(("a", "b")), Alphabet()):
        assert alphabet.encode("").tolist() == []
        assert alphabet.decode(np.array([], dtype=np.uint8)) == ""


def test_what_a_terminal_would_obey_is_escaped():
    assert printable("tab\t esc\x1b[2J é 字 \u202e \udcff") == (
        "tab\\t esc\\x1b[2J é 字 \\u202e \\udcff"
    )
