"""Hostile cells: refused at their line, or harmless: nothing of them is run or gets into the C."""

import json
import linecache
import re
import time
from collections import Counter
from functools import cache

import pytest
import torch
from tests.lang.hostile import (
    FULLWIDTH,
    IN_C,
    LINES,
    NESTED,
    NO_NAMES,
    NUMBERS,
    PLACES,
    SMALL,
    STATEMENTS,
    SYMBOLS,
    TEXTS,
    WORDS,
    hostile_graphs,
)
from tests.lang.writing import read_body, read_source, source_of

from unrolled import cell, find_cell
from unrolled.cells import GALLERY
from unrolled.compiler.c_words import RESERVED, as_comment, identifier, symbol_name
from unrolled.compiler.emit_c import emit
from unrolled.compiler.plan import plan_of
from unrolled.errors import (
    CellFileError,
    CellSourceError,
    DecoratorError,
    EquationError,
    OtherDecoratorError,
    StoredCellError,
)
from unrolled.lang.stored import from_json, to_json
from unrolled.lang.text import listing
from unrolled.layers.recurrent import Recurrent

MOST_SECONDS = 8  # for what takes one or two on a quiet machine
DIRECTIVE = r'#include "(real|loop|algebra)\.h"|#pragma omp simd( reduction\(\+ : [\w, ]+\))?'
AT_ITS_LINE = r"(?s)^cell \w+: .*\n.*cells\.py:\d+:\d+\n"
BODY = "a = W.a @ x + b.a\nreturn tanh(a) * h"
GRAPHS = hostile_graphs(json.loads(json.dumps(to_json(find_cell("rnn")))))


def code_of(cell, *, masks=False):
    """The C of a cell without its comments, each of which is one plain line."""
    text = emit(plan_of(cell, masks=masks))
    assert text.isascii()
    assert "\\" not in text
    for comment in re.findall(r"(?s)/\*(.*?)\*/", text):
        assert comment.isprintable()
        assert "/*" not in comment
    code = re.sub(r"/\*.*?\*/", " ", text)
    directives = [line.strip() for line in code.splitlines() if "#" in line or '"' in line]
    assert [line for line in directives if not re.fullmatch(DIRECTIVE, line)] == []
    assert re.search(r"[^\w\s.,;:?&|!<>=+*/%(){}\[\]\"#-]|\*/|//", code) is None
    return code


@cache
def plain_code(place, folder):
    """The C of a place's cell with a name that means nothing to anybody."""
    body, signature = (text.format("zq") for text in PLACES[place])
    return code_of(read_body(folder, body, signature), masks=place == "mask")


def assert_renamed(code, plain):
    """The same C but for names, and no name that C or our headers have."""
    tokens, wanted = (re.findall(r"\w+|\S", text) for text in (code, plain))
    assert len(tokens) == len(wanted)
    for token, other in zip(tokens, wanted, strict=True):
        assert token == other or re.fullmatch(r"[a-z][a-z0-9_]*|[A-Z][A-Za-z]+_", token), token
        assert token == other or not {token, other} & RESERVED, token


@pytest.fixture(scope="module")
def plain_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("plain")


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_c_is_a_name_like_any_other(word, tmp_path, plain_folder):
    for place in IN_C:
        made = read_body(tmp_path, *(text.format(word) for text in PLACES[place]))
        assert_renamed(code_of(made, masks=place == "mask"), plain_code(place, plain_folder))


def test_names_that_the_c_calls_are_nobodys():
    for name in GALLERY:
        code = re.sub(r"#.*", "", code_of(find_cell(name)))
        called = re.findall(r"(?<!->)\b([a-z]\w*)\s?\(", code)
        called += ["algebra", "unix", "linux", "math_errhandling"]
        assert [word for word in called if identifier(word) == word] == []


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_word_of_c_is_a_width_like_any_other(symbol, tmp_path):
    body = "a = tanh(W.a @ x)\nc = W.c @ a\nreturn W.h @ c + mean(a)"
    codes = []
    for name in (symbol, "Zq"):
        decorator = f"@cell(widths={{'a': '2{name}', 'c': '{name}'}})"
        code = code_of(read_body(tmp_path, body, decorator=decorator))
        assert len(name) == 1 or re.search(rf"\b{name}\b", code) is None
        code = re.sub(rf"\b{symbol_name(name)}\b", "?", code)
        codes.append(Counter(re.findall(r"[^\W\d]\w*|[^\w\s]", code)))
    assert codes[0] == codes[1]
    assert codes[0]["?"] > 10


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_plain_name_is_refused_at_its_line(name, tmp_path):
    for body, signature in PLACES.values():
        source = source_of(body.format(NO_NAMES[name]), signature.format(NO_NAMES[name]))
        with pytest.raises(EquationError, match=AT_ITS_LINE) as caught:
            read_source(tmp_path, source)
        assert len(str(caught.value)) < 1500


def test_letters_that_python_reads_as_plain_ones_are_plain(tmp_path):
    assert listing(read_body(tmp_path, f"return {FULLWIDTH}(h)")) == "h = tanh(h)"
    assert listing(read_body(tmp_path, "\u00aa = x\nreturn \u00aa * h")) == "a = x\nh = a * h"


def spoken(text):
    """Cells that say a text in their documentation and beside an equation, from JSON."""
    stored = to_json(find_cell("rnn"))
    stored["doc"] = stored["equations"][0][2] = text
    return from_json(stored)


@pytest.mark.parametrize("name", [*TEXTS, *LINES])
def test_what_an_author_says_stays_in_comments(name, tmp_path):
    text = {**TEXTS, **LINES}[name]
    assert code_of(spoken(text)) == code_of(find_cell("rnn"))
    for room in (10, 40, 74, 88):
        assert re.fullmatch(r"/\* ((?!\*/|/\*)[ -\[\]-~])* ?\*/", as_comment(text, room))
    doc = f"{text!r}\n" if text.isprintable() else ""
    said = text if name in TEXTS else "plain"
    body = f"{doc}a = W.a @ x + b.a  # {said}\nreturn tanh(a) * h  # {said}"
    assert code_of(read_body(tmp_path, body)) == code_of(read_body(tmp_path, BODY))


@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_finite_number_is_refused_at_its_line(name, tmp_path):
    with pytest.raises((EquationError, CellFileError), match=r"cells\.py:( line)? ?\d+:"):
        read_body(tmp_path, f"a = h * ({NUMBERS[name]})\nreturn a")
    says = r"cells\.py:( line)? ?\d+:"
    with pytest.raises((EquationError, DecoratorError, CellFileError), match=says):
        read_body(tmp_path, "return h * k", f"x, h, *, k={NUMBERS[name]}")


@pytest.mark.parametrize("number", SMALL)
def test_a_number_is_written_as_c_reads_it(number, tmp_path):
    made = read_body(tmp_path, f"k = {number}\nreturn W.a @ x + h * sin(h + k)")
    assert f"+ {SMALL[number]})" in code_of(made)


@pytest.fixture
def canary():
    """The calls that a cell has made."""
    return []


def define(source, canary, name="<hostile>"):
    """What a notebook does with a text: keep it, and execute it."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    names = {"cell": cell, "canary": canary, "T": lambda value=2: canary.append(1) or value}
    exec(compile(source, name, "exec"), names)
    return names


@pytest.mark.parametrize("name", STATEMENTS)
def test_code_in_a_cell_is_refused_at_its_line_and_never_run(name, tmp_path, canary):
    mark = tmp_path / "mark"
    body = STATEMENTS[name].replace("T", "T()")
    source = source_of(f"{body}\nreturn h", "x, h, *, W, b, p")
    with pytest.raises(EquationError, match=r"^cell mine: .*\n<hostile>:\d+:\d+\n"):
        define(source, canary)
    header = f"def T():\n    open({str(mark)!r}, 'w').close()\nT()\n"
    with pytest.raises(EquationError, match=AT_ITS_LINE):
        read_source(tmp_path, header + source)
    assert canary == []
    assert not mark.exists()


def test_the_canary_sings_when_code_is_run(canary):
    assert define("T()\n", canary)["T"](3) == 3
    assert canary == [1, 1]


def test_python_alone_runs_a_default_and_once(canary):
    made = define(source_of("return h * k", "x, h, *, k=T()"), canary)["mine"]
    code_of(made)
    code_of(made(k=3))
    assert (canary, dict(made.parameters)) == ([1], {"k": 2})


def test_a_decorator_is_python_s_and_one_below_cell_is_refused(canary, tmp_path):
    wraps = "from functools import wraps\ndef spy(f):\n    return wraps(f)(lambda *a: T())\n"
    source = wraps + source_of("return h", decorator="@cell\n@spy")
    with pytest.raises(OtherDecoratorError, match=r"another decorator .*\n<hostile>:\d+:\d+\n"):
        define(source, canary)
    with pytest.raises(OtherDecoratorError, match=r"another decorator .*\n.*cells\.py:\d+:\d+\n"):
        read_source(tmp_path, source)
    assert canary == []


@pytest.mark.parametrize("name", NESTED)
def test_ten_thousand_levels_are_refused_in_time(name, tmp_path):
    begin = time.perf_counter()
    with pytest.raises((CellFileError, EquationError), match=r"cells\.py:"):
        read_body(tmp_path, f"return {NESTED[name]}")
    assert time.perf_counter() - begin < MOST_SECONDS


NO_TEXT = "no text of a plain `def mine` can be found"


def kept_otherwise(text):
    """Define a cell of whose file Python then finds this text."""
    names = {"cell": lambda function: function}
    exec(compile("\n" + source_of("return h"), "<changed>", "exec"), names)
    linecache.cache["<changed>"] = (len(text), None, text.splitlines(keepends=True), "<changed>")
    return names["mine"]


@pytest.mark.parametrize(
    "text",
    [
        "\n@cell\ndef mine(x, h):\n    return h\0\n",
        "# lambda x\n# lambda x\n# lambda x\n",
        f"\n@cell\ndef mine(x, h):\n    return h{' + h' * 2985}\n",
        f"\n@cell\ndef mine(x, h):\n    return {'-' * 5000}h\n",
        f"\n@cell\ndef mine(x, h):\n    return {'(' * 5000}h{')' * 5000}\n",
        "\n@cell\ndef mine(x, h):\n    return '\n",
        "",
    ],
    ids=["null", "comments", "sum", "signs", "brackets", "quote", "nothing"],
)
def test_a_live_cell_whose_text_is_none_is_refused(text):
    with pytest.raises(CellSourceError, match=NO_TEXT):
        cell(kept_otherwise(text))


def test_a_function_that_wraps_itself_is_refused():
    def mine(x, h):
        return h

    mine.__wrapped__ = mine
    with pytest.raises(CellSourceError, match=NO_TEXT):
        cell(mine)


def test_a_decorator_of_many_parts_is_refused(tmp_path):
    parts = " | ".join(["{}"] * 2900)
    with pytest.raises((DecoratorError, CellFileError), match=r"cells\.py:"):
        read_body(tmp_path, "return h", decorator=f"@cell(init={parts} | {{'b.a': print}})")


@pytest.mark.parametrize("name", GRAPHS)
def test_a_stored_graph_that_is_none_is_refused(name):
    with pytest.raises(StoredCellError, match="the stored cell cannot be read: ") as caught:
        from_json(GRAPHS[name])
    assert len(str(caught.value)) < 400
    assert str(caught.value).isascii()


def chain(op, count, *, twice=False):
    """A stored cell whose only equation is this operation, so many times."""
    nodes = [["input", [], "x"], ["state", [], "h"]]
    nodes += [[op, [last] * (1 + twice), None] for last in range(1, count + 1)]
    ends = {"states": [1], "results": [count + 1], "equations": [["h", count + 1, ""]]}
    return from_json({**to_json(find_cell("rnn")), "nodes": nodes, "input": 0, **ends})


LARGE = {  # each took hours, or ended in a RecursionError
    "deep": lambda read: chain("neg", 3000),
    "doubling": lambda read: chain("mul", 100, twice=True),
    "words": lambda read: read(f"return {'hard_sigmoid(' * 190}h{')' * 190}"),
    "doubling words": lambda read: read(f"return {'elu(' * 60}h{')' * 60}"),
    "doubling operand": lambda read: read(f"return W.a @ {'square(' * 150}h{')' * 150}"),
    "loop": lambda read: read("a = h\nfor i in range(999):\n    a = a + x\nreturn a"),
    "vectors": lambda read: read("a = h\nfor i in range(400):\n    a = a + b.R[i]\nreturn a"),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_large_or_deep_becomes_c_in_time(name, tmp_path):
    begin = time.perf_counter()
    code = code_of(LARGE[name](lambda body: read_body(tmp_path, body)))
    assert time.perf_counter() - begin < MOST_SECONDS
    depths = [line.count("(") for line in code.split(";")]
    assert max(depths) < 250  # clang reads 256 brackets inside each other


C_AND_EAGER = {
    "words of C": (
        "linux = W.int @ x + W.product @ real + b.main\n"
        "unix = tanh(linux) * p.call\n"
        "algebra = unix + before * 0.5\n"
        "return sigmoid(algebra), tanh(unix + real) + W.r @ before",
        "x, before, real, *, W, b, p",
        "@cell",
    ),
    "widths that are macros": (
        "a = tanh(W.a @ x + b.a)\nc = W.c @ concat(a, h)\nreturn W.h @ c + mean(a) * h",
        "x, h, *, W, b",
        "@cell(widths={'a': '2NULL', 'c': 'LINE + LIBM'})",
    ),
    "comments": (
        "a = W.a @ x + b.a  # *\\ for (;;) {} /* \nreturn tanh(a) * h  # *\\*\\ #error evil",
        "x, h, *, W, b",
        "@cell",
    ),
    "deep": (
        "a = W.a @ x\nfor i in range(300):\n    a = a * 0.5 + h\nreturn a",
        "x, h, *, W",
        "@cell",
    ),
    "numbers": (
        "return W.a @ x * -0.0 + h * 5e-324 + tanh(h - -0.5) * -(-2)",
        "x, h, *, W",
        "@cell",
    ),
}


def run(made, backend):
    """Output and gradients, always of the same weights."""
    torch.manual_seed(0)
    sizes = {"NULL": 3, "LINE": 2, "LIBM": 4}
    own = {name: size for name, size in sizes.items() if name in " ".join(made.widths.values())}
    layer = Recurrent(made, 3, 5, sizes=own, backend=backend, dtype=torch.float64)
    x = torch.randn(4, 2, 3, dtype=torch.float64, requires_grad=True)
    layer(x)[0].square().sum().backward()
    return [layer(x)[0].detach(), x.grad, *(p.grad for p in layer.parameters())]


@pytest.mark.parametrize("name", C_AND_EAGER)
def test_an_accepted_cell_compiles_to_what_it_means(name, tmp_path):
    made = read_body(tmp_path, *C_AND_EAGER[name])
    code_of(made)
    found, wanted = run(made, "c"), run(made, "eager")
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_a_backslash_may_end_a_cell(tmp_path):
    source = "@cell\ndef mine(x, h):\n    return h  + 1 \\\n\n"
    assert listing(read_source(tmp_path, source)) == "h = h + 1"


def test_there_are_enough_hostile_cells():
    tables = (WORDS, SYMBOLS, NO_NAMES, TEXTS, LINES, NUMBERS, STATEMENTS, NESTED, GRAPHS)
    assert sum(map(len, tables)) > 300
