"""Tracks of small programs, read off by eye, and of a large one, read otherwise."""

import io
import re
import tokenize
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from unrolled.errors import NotPythonError
from unrolled.probe.languages import c_tracks, language_of, language_tracks, python_tracks

PYTHON = r"""if a["x"] == "it's":  # so
    b = f"{a}" + r'''q"
r'''
elif (c := {1: 2}[1]): pass  # if
x = [1 if y else 2 for z in "" if z]
if x == 1 or (
    y): z = ":"
"""


def values(tracks, name, text):
    return next(track.values for track in tracks(text) if track.name == name)


def pieces(tracks, name, text):
    """The pieces of the text that a track marks."""
    marks = values(tracks, name, text)
    assert marks.dtype == np.float32
    assert len(marks) == len(text)
    grouped = groupby(zip(marks, text, strict=True), key=lambda pair: pair[0])
    return ["".join(symbol for _, symbol in group) for mark, group in grouped if mark]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("inside string", ['"x', "\"it's", '"{a}', "'q\"\nr''", '"', '":']),
        ("inside comment", ["# so", "# if"]),
        ("inside if", ['f a["x"] == "it\'s"', "f (c := {1: 2}[1])", "f x == 1 or (\n    y)"]),
    ],
)
def test_python_is_read_as_python_reads_it(name, wanted):
    assert pieces(python_tracks, name, PYTHON) == wanted


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("inside string", r"""a = "b\"c" + 'd'; e" f""", [r'"b\"c', "'d", '" f']),
        ("inside comment", 'a; // b\nc /* d\n*/ "//" /* e', ["/ b", "* d\n*/", "* e"]),
        ("inside if", "if (a && (b)) c(d); if(e) { iff(g)", ["f (a && (b)", "f(e"]),
        ("inside if", 'if ("(" /* ( */ == x) (y) ) if', ['f ("(" /* ( */ == x']),
    ],
)
def test_c_is_read_by_a_small_lexer(name, text, wanted):
    assert pieces(c_tracks, name, text) == wanted


def test_a_text_cut_anywhere_is_read_from_where_it_can_be():
    text = Path(tokenize.__file__).read_text()
    whole = values(python_tracks, "inside string", text)
    for begin in range(0, len(text) - 8000, 1009):
        found = values(python_tracks, "inside string", text[begin : begin + 8000])
        agree = found == whole[begin : begin + 8000]
        assert agree[-2000:].mean() > 0.9, begin


def test_comments_of_a_library_are_what_its_tokens_say():
    text = Path(re.__file__).read_text()
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    wanted = [t.string for t in tokens if t.type == tokenize.COMMENT]
    assert pieces(python_tracks, "inside comment", text) == wanted


@pytest.mark.parametrize("text", ["", "\n", "a", "'", '"""', "(", "if", "  x\n y\n"])
@pytest.mark.parametrize("tracks", [python_tracks, c_tracks])
def test_the_smallest_texts_have_tracks(tracks, text):
    assert all(len(track.values) == len(text) for track in tracks(text))


def test_what_is_no_python_is_refused():
    with pytest.raises(NotPythonError, match="stumbled 100 times before line .* another language"):
        python_tracks("it's not\n" * 300)


def test_a_text_is_known_by_its_lines():
    assert language_of(PYTHON * 3 + "def f(x):\n    return x\n" * 5) == "python"
    assert language_of(Path(tokenize.__file__).read_text()) == "python"
    tabs = "class A:\n" + "\tdef f(self):\n\t\tx = 1\n\t\treturn x\n" * 5
    assert language_of(tabs) == "python"
    assert language_of("#include <a.h>\nint f(int x)\n{\n    return x;\n}\n" * 5) == "c"
    prose = "It was so; and yet, if one returns,\nimport and export are words like others.\n\n"
    assert language_of(prose * 9) == "none"
    assert language_of("") == "none"
    assert [t.name for t in language_tracks("if (x) y;", "c")][-1] == "inside if"
    assert language_tracks("if (x) y;", "none") == []
