"""Tracks of small texts, read off by eye."""

import numpy as np
import pytest

from unrolled.probe.tracks import text_tracks


def values(text, name):
    """One track as a row of digits."""
    found = next(track for track in text_tracks(text) if track.name == name)
    assert found.values.dtype == np.float32
    assert len(found.values) == len(text)
    return "".join(f"{value:.0f}" for value in found.values)


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("inside quotes", 'a "bc" d', "00111000"),
        ("inside quotes", '"ab\ncd" e', "111111000"),
        ("inside quotes", '"ab\n\ncd', "1111000"),  # forgotten at the end of the paragraph
        ("inside quotes", "“ab” c", "111000"),
        ("position in line", "abc\nde\n\nf", "123012001"),
        ("line about to end", "abcdefghij\nabcdefghij", "001111111100011111111"),
        ("line about to end", "abcdefghij\n\nabcdefghi\na", "00111111111001111111111"),
        ("line about to end", "a\nabcdefghijkl", "10000011111111"),  # the end of the text is one
        ("bracket depth", "f(a[1], {b}) )x", "011221112210000"),
        ("bracket depth", ")(a", "011"),
        ("bracket depth", "((\n\n)(a)\n\n)))(\n)", "1220011000000110"),
        ("indentation", "  ab\n c\nd \n", "12220110000"),
        ("indentation", "a  b\n   \n c", "00000123011"),
        ("indentation", "\ta\tb\n  \tc \n \t d\n\t", "88880128880189908"),
        ("word start", "ab c1 d", "1001001"),
        ("word end", "ab c1 d", "0101001"),
        ("digit", "a12 3", "01101"),
        ("capitals", "AbCDE F", "0001100"),
        ("capitals", "ÄÖü", "010"),
    ],
)
def test_a_track_is_what_the_text_does(name, text, wanted):
    assert values(text, name) == wanted


def test_indentation_is_what_expanding_tabs_makes_of_it():
    random = np.random.default_rng(0)
    text = "".join(random.choice(list(" \t\ta\n"), 2_000))
    (found,) = [track.values for track in text_tracks(text) if track.name == "indentation"]
    wanted = []
    for line in text.split("\n"):
        leading = len(line) - len(line.lstrip())
        read = (line[: min(place + 1, leading)] for place in range(len(line)))
        wanted += [0, *(len(piece.expandtabs(8)) for piece in read)]
    np.testing.assert_array_equal(found, wanted[1:])


def test_numbers_and_marks_are_told_apart():
    text = "one (two [three]) 4\n" * 3
    numbers = {track.name for track in text_tracks(text) if track.is_number}
    assert numbers == {"position in line", "bracket depth"}


@pytest.mark.parametrize("text", ["", "\n", "\n\n", "a", '"'])
def test_the_smallest_texts_have_tracks(text):
    assert all(len(track.values) == len(text) for track in text_tracks(text))
