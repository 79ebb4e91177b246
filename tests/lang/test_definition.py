"""A cell's text: found wherever Python keeps it, quoted where it stands, never executed."""

import functools
import linecache
import os
import sys
import textwrap

import pytest
from tests.lang.writing import read_source, source_of

from unrolled import cell, tanh
from unrolled.errors import (
    CellFileError,
    CellNotInFileError,
    CellSourceError,
    DecoratorError,
    EquationError,
    MaskRateError,
    OtherDecoratorError,
)
from unrolled.lang.definition import LARGEST_FILE
from unrolled.lang.text import listing
from unrolled.lang.trace import read_cell

# fmt: off
if True:
    class Outer:
        @cell(
            init={
                "b.a": 2,
            },
        )
        # a comment
        def inside(x, h, *,
                   W, b):
            """Doc that
is less indented than its function.
            """  # noqa: D205, D207
# a comment in the first column
            a = W.a @ x + b.a  # first
            return (
                tanh(a)
            )  # last
# fmt: on


def test_a_function_inside_a_class_over_several_lines_is_read():
    inside = Outer.inside
    assert listing(inside) == "a = W.a @ x + b.a  # first\nh = tanh(a)        # last"
    assert dict(inside.init) == {"b.a": 2.0}
    assert inside.doc.strip() == "Doc that\nis less indented than its function."


def test_a_function_inside_a_function_is_read():
    def factory():
        @cell
        def mine(x, h, *, W):
            return tanh(W.a @ x)  # here

        return mine

    assert listing(factory()) == "h = tanh(W.a @ x)  # here"


def test_a_plain_call_reads_an_undecorated_function():
    def mine(x, h, *, W):
        return tanh(W.a @ x)

    assert listing(cell(mine)) == "h = tanh(W.a @ x)"
    assert dict(cell(init={"W.a": 0.5})(mine).init) == {"W.a": 0.5}


def compiled(source, name, *, kept):
    """The functions of a text that Python keeps (as a notebook does) or forgets (as exec does)."""
    if kept:
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    names = {"cell": cell}
    exec(compile(source, name, "exec"), names)
    return names


def test_a_notebooks_cell_is_read():
    source = "k = 3\n\n@cell\ndef mine(x, h, *, W):\n    return tanh(W.a @ x)  # noted\n"
    mine = compiled(source, "<ipython-input-7-abc>", kept=True)["mine"]
    assert listing(mine) == "h = tanh(W.a @ x)  # noted"
    broken = source.replace("tanh", "tahn")
    with pytest.raises(EquationError, match=r"<ipython-input-8-abc>:5:12\n    return tahn"):
        compiled(broken, "<ipython-input-8-abc>", kept=True)


NO_TEXT = "no text of a plain `def {}` can be found, and @cell reads text"


def test_a_function_without_a_text_is_refused():
    source = "@cell\ndef mine(x, h, *, W):\n    return h\n"
    with pytest.raises(CellSourceError, match=NO_TEXT.format("mine")):
        compiled(source, "<string>", kept=False)


def test_what_is_no_plain_function_is_refused():
    async def later(x, h):
        return h

    class Mine:
        def __init__(self, x, h):
            return

    for given, name in ((later, "later"), (Mine, "Mine"), (len, "len"), (3, "int")):
        with pytest.raises(CellSourceError, match=NO_TEXT.format(name)):
            cell(given)
    with pytest.raises(CellSourceError, match=NO_TEXT.format("<lambda>")):
        cell(
            lambda x, h: h,
        )
    with pytest.raises(CellSourceError, match=NO_TEXT.format("partial")):
        cell(functools.partial(later, 1))


def test_a_text_that_is_another_functions_is_refused():
    def mine(x, h):
        return h

    mine.__name__ = "other"
    with pytest.raises(CellSourceError, match=NO_TEXT.format("other")):
        cell(mine)


def doubled(function):
    @functools.wraps(function)
    def wrapper(*args):
        return 2 * function(*args)

    return wrapper


BETWEEN = "cell mine: @cell reads what is written under `def`, so another decorator between"


def test_a_decorator_under_cell_is_refused_live():
    with pytest.raises(OtherDecoratorError, match=BETWEEN) as caught:

        @cell
        @doubled
        def mine(x, h):
            return h

    assert "test_definition.py:" in str(caught.value)
    assert "def mine(x, h):" in str(caught.value)


def test_a_decorator_under_cell_is_refused_in_a_file(tmp_path):
    source = source_of("return h", decorator="@cell\n@doubled")
    with pytest.raises(OtherDecoratorError, match=BETWEEN):
        read_source(tmp_path, source)


def test_a_decorator_over_cell_gets_the_cell(tmp_path):
    kept = []

    @kept.append
    @cell
    def mine(x, h):
        return h

    assert [made.name for made in kept] == ["mine"]
    source = source_of("return h", decorator="@kept.append\n@unrolled.cell()")
    assert read_source(tmp_path, source).name == "mine"


TRAPS = {
    "at import": "{trap}\n@cell\ndef mine(x, h, *, W):\n    return h\n",
    "in a docstring's neighbour": "'''{trap}'''\n@cell\ndef mine(x, h):\n    return h\n",
    "in an annotation": "@cell\ndef mine(x: {trap}, h) -> {trap}:\n    return h\n",
    "in another function": "def f(k={trap}):\n    {trap}\n@cell\ndef mine(x, h):\n    return h\n",
    "in a decorator over cell": "@({trap})\n@cell\ndef mine(x, h):\n    return h\n",
    "in a class": "class A:\n    {trap}\n@cell\ndef mine(x, h):\n    return h\n",
    "in __del__ of a constant": "x = [{trap}]\n@cell\ndef mine(x, h):\n    return h\n",
}
REFUSED_TRAPS = {
    "in the body": "@cell\ndef mine(x, h):\n    {trap}\n    return h\n",
    "on the right": "@cell\ndef mine(x, h):\n    a = {trap}\n    return h\n",
    "in an operand": "@cell\ndef mine(x, h):\n    return tanh({trap})\n",
    "in an index": "@cell\ndef mine(x, h, *, W):\n    return W.a[{trap}] @ h\n",
    "in a range": "@cell\ndef mine(x, h):\n  for l in range({trap}):\n    a = h\n  return h",
    "in a result": "@cell\ndef mine(x, h):\n    return {trap}\n",
    "in an argument of cell": "@cell({trap})\ndef mine(x, h):\n    return h\n",
    "in an initial value": "@cell(init={{'W.a': {trap}}})\ndef mine(x, h, *, W):\n    return h",
    "in keywords of cell": "@cell(**{trap})\ndef mine(x, h):\n    return h\n",
    "in another keyword of cell": "@cell(other={trap})\ndef mine(x, h):\n    return h\n",
    "in a default": "@cell\ndef mine(x, h, *, k={trap}):\n    return h\n",
    "in a mask": "@cell\ndef mine(x, h, *, m=dropout({trap})):\n    return h\n",
    "in a mask's keywords": "@cell\ndef mine(x, h, *, m=dropout(0.5, **{trap})):\n    return h\n",
    "in a mask's arguments": "@cell\ndef mine(x, h, *, m=dropout(*{trap})):\n    return h\n",
    "in place of a mask": "@cell\ndef mine(x, h, *, m={trap} or dropout(0.5)):\n    return h\n",
}
TRAP = "__import__('pathlib').Path({!r}).write_text('sprung')"


def sprung(folder, source):
    """The trap file, and the source whose execution would write it."""
    trap = folder / "sprung"
    return trap, source.format(trap=TRAP.format(str(trap)))


@pytest.mark.parametrize("name", TRAPS)
def test_reading_a_file_executes_nothing_of_it(name, tmp_path):
    trap, source = sprung(tmp_path, TRAPS[name])
    assert listing(read_source(tmp_path, source)) == ""
    assert not trap.exists()


@pytest.mark.parametrize("name", REFUSED_TRAPS)
def test_code_in_a_cell_is_refused_and_not_executed(name, tmp_path):
    trap, source = sprung(tmp_path, REFUSED_TRAPS[name])
    with pytest.raises((EquationError, DecoratorError), match=r"cells\.py:\d+:\d+\n"):
        read_source(tmp_path, source)
    assert not trap.exists()


def test_a_traps_text_does_work(tmp_path):
    trap, source = sprung(tmp_path, TRAPS["at import"])
    exec(source.partition("@cell")[0])
    assert trap.read_text() == "sprung"


@pytest.mark.parametrize(
    ("decorator", "signature"),
    [
        ("@cell(1)", "x, h"),
        ("@cell(init=1)", "x, h"),
        ("@cell(init={**{}})", "x, h"),
        ("@cell(init={[]: 1})", "x, h"),
        ("@cell(name='a')", "x, h"),
        ("@cell", "x, h, *, m=dropout()"),
        ("@cell", "x, h, *, m=dropout(0.5, every='step')"),
        ("@cell", "x, h, *, m=dropout(0.5, 'sequence')"),
        ("@cell", "x, h, *, m=Mask('dropout', 0.5, 'step')"),
        ("@cell", "x, h, *, k=2**3"),
        ("@cell", "x, h, *, k=K"),
    ],
)
def test_declarations_in_a_file_are_plain_data(decorator, signature, tmp_path):
    with pytest.raises(DecoratorError, match=r"are plain numbers, texts, dropout\(0.2\) or zone"):
        read_source(tmp_path, source_of("return h", signature, decorator))


def test_declarations_in_a_file_equal_the_live_ones(tmp_path):
    decorator = "@cell(init={'b.a': 1} | {'b.c': -2}, widths={'a': '2H'})"
    signature = "x, h, *, W, b, k=-3, m=dropout(0.5, per='sequence')"
    read = read_source(
        tmp_path, source_of("a = W.a @ h\nreturn W.b @ a + b.a + b.c * k * m", signature, decorator)
    )
    assert dict(read.init) == {"b.a": 1.0, "b.c": -2.0}
    assert dict(read.widths) == {"a": "2H"}
    assert dict(read.parameters) == {"k": -3}
    assert (read.masks["m"].rate, read.masks["m"].per) == (0.5, "sequence")


@pytest.mark.parametrize("rate", ["2", "1", "-0.5", "'half'", "True", "None", "0.5, per='year'"])
def test_an_impossible_mask_is_refused(rate, tmp_path):
    with pytest.raises(MaskRateError, match=r"a mask got rate=.*; wanted 0 <= rate < 1"):
        read_source(tmp_path, source_of("return h", f"x, h, *, m=dropout({rate})"))


def test_the_last_of_two_functions_of_one_name_counts(tmp_path):
    source = source_of("return h + 1") + source_of("return h + 2")
    assert listing(read_source(tmp_path, source)) == "h = h + 2"


@pytest.mark.parametrize("name", ["other", "Class", "later", "plain", "inner", ""])
def test_a_cell_that_is_not_there_is_answered_with_those_that_are(name, tmp_path):
    source = textwrap.dedent("""
        def plain(x, h):
            @cell
            def inner(x, h):
                return h
        @cell
        class Class: pass
        @cell
        async def later(x, h): return h
        @cell
        def one(x, h): return h
        @cell
        def two(x, h): return h
    """)
    with pytest.raises(CellNotInFileError, match=f"has no cell '{name}'; .* are: one, two"):
        read_source(tmp_path, source, name)


BAD_FILES = {
    "syntax": (b"def mine(x, h:\n    return h\n", "line 1: "),
    "null bytes": (b"@cell\ndef mine(x, h):\n    return h\0\n", "null byte"),
    "other encoding": (b"@cell\ndef mine(x, h):\n    return '\xff'\n", "it is no Python source"),
    "lone surrogate": (b"a = '\xed\xa0\x80'", "it is no Python source"),
    "parentheses": (b"a = " + b"(" * 10_000 + b")" * 10_000, "too many nested parentheses"),
    "signs": (b"a = " + b"-" * 10_000 + b"b", "it is no Python source"),
    "a long sum": (b"a = b" + b" + b" * 20_000, "it is no Python source"),
    "dots": (b"a = b" + b".b" * 20_000, "it is no Python source"),
    "indentation": (b"".join(b" " * n + b"if a:\n" for n in range(200)), "line "),
    "a huge number": (b"a = " + b"9" * 10_000, "line 1: "),
    "too large": (b"#" * (LARGEST_FILE + 1), f"it is larger than {LARGEST_FILE} bytes"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_python_is_refused(name, tmp_path):
    content, says = BAD_FILES[name]
    with pytest.raises(CellFileError, match=says) as caught:
        read_source(tmp_path, content)
    assert "Wanted: a Python file; FILE.py:name." in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    paths = (tmp_path, tmp_path / "pipe.py", "/dev/zero", tmp_path / "none.py", "null\0.py", "")
    for path in paths:
        with pytest.raises(CellFileError, match="there is no such file"):
            read_cell(f"{path}:mine")
    with pytest.raises(CellFileError, match="File name too long"):
        read_cell(f"{'x' * 5000}:mine")


@pytest.mark.skipif(
    os.geteuid() == 0, reason="root may read every file; runs in CI, as another user"
)
def test_a_file_that_must_not_be_read_is_refused(tmp_path):
    path = tmp_path / "cells.py"
    path.write_text(source_of("return h"))
    path.chmod(0)
    with pytest.raises(CellFileError, match="Permission denied"):
        read_cell(f"{path}:mine")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_byte_order_mark_and_line_endings_change_nothing(ending, tmp_path):
    source = source_of("a = h  # one@page, line\nreturn a + gaet").replace("\n", ending)
    content = b"\xef\xbb\xbf" + source.replace("@p", "\f\u2028p").encode()
    with pytest.raises(EquationError, match=r"cells\.py:4:16\n    return a \+ gaet\n {15}\^"):
        read_source(tmp_path, content)
    found = read_source(tmp_path, content.replace(b" + gaet", b""))
    assert found.equations[0].comment == "one  page, line"


def test_columns_count_letters_and_tabs_stay_aligned(tmp_path):
    source = "@cell\ndef mine(x, h):\n\ta = h + gaet  # \u00e4\u00f6\n\treturn a\n"
    with pytest.raises(EquationError, match=r"cells\.py:3:10\n    a = h \+ gaet  # .*\n {12}\^"):
        read_source(tmp_path, source)
    source = "@cell\ndef mine(x, h):\n    '\u00e4\u00f6'; a = gaet\n    return a\n"
    with pytest.raises(EquationError, match=r"cells\.py:3:15\n    '..'; a = gaet\n {14}\^"):
        read_source(tmp_path, source)


def test_the_gallerys_files_read_as_they_import():
    from unrolled.cells import GALLERY, elman, gru, highway, lstm, mutants, normalized, odyssey

    modules = (elman, gru, highway, lstm, mutants, normalized, odyssey)
    read = 0
    for row in GALLERY.values():
        for module in modules:
            if getattr(module, row.cell.name, None) is row.cell:
                again = read_cell(f"{sys.modules[module.__name__].__file__}:{row.cell.name}")
                assert listing(again) == listing(row.cell)
                assert (again.init, again.widths) == (row.cell.init, row.cell.widths)
                read += 1
    assert read == 24
