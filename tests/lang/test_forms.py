"""Widths as linear forms: what people write, and arithmetic."""

from fractions import Fraction

import pytest

from unrolled.lang.forms import add, parse_form, show_form, substituted, symbol, value_of


@pytest.mark.parametrize(
    ("text", "form", "again"),
    [
        ("H", {"H": 1}, "H"),
        ("4H", {"H": 4}, "4H"),
        ("4*H", {"H": 4}, "4H"),
        (" X + 2H ", {"X": 1, "H": 2}, "2H + X"),
        ("H+H", {"H": 2}, "2H"),
        ("R", {"R": 1}, "R"),
        ("Width", {"Width": 1}, "Width"),
    ],
)
def test_a_width_is_multiples_of_symbols(text, form, again):
    assert parse_form(text) == form
    assert show_form(parse_form(text)) == again


@pytest.mark.parametrize(
    "text",
    ["", "+", "H+", "4", "h", "-H", "H-X", "H/2", "2.5H", "0H", "99999H", "H H", "H\nX", "\u0397"]
    + ["A" * 17, "H+" * 100 + "H", None, 4, ["H"], b"H"],
)
def test_anything_else_is_no_width(text):
    assert parse_form(text) == {}


def test_forms_are_shown_as_people_write_them():
    assert show_form({"H": Fraction(1, 2)}) == "H/2"
    assert show_form({"H": Fraction(3, 2), "X": Fraction(-1)}) == "3H/2 - X"
    assert show_form({"X": Fraction(-2), "": Fraction(1)}) == "1 - 2X"
    assert show_form({}) == "0"


def test_sums_have_no_zeros():
    assert add(symbol("H", 2), symbol("X"), 3) == {"H": 2, "X": 3}
    assert add(symbol("H", 2), symbol("H"), -2) == {}


def test_a_symbol_gives_way_to_a_form():
    form = {"a": Fraction(2), "H": Fraction(1)}
    assert substituted(form, "a", {"X": Fraction(1, 2), "H": Fraction(1)}) == {"X": 1, "H": 3}


def test_a_form_has_a_value_at_sizes():
    assert value_of({"H": Fraction(1, 2), "X": Fraction(2), "": Fraction(1)}, {"H": 3, "X": 5}) == (
        Fraction(25, 2)
    )
