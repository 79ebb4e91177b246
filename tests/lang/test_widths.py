"""Widths: the gallery's by table, what follows from the equations, and what cannot be."""

import time

import pytest
from tests.lang.writing import read_body

from unrolled import find_cell
from unrolled.cells import GALLERY
from unrolled.errors import FreeWidthError, OpenWidthError, SizeError, WidthError
from unrolled.lang.forms import show_form
from unrolled.lang.widths import infer

SIGNATURE = "x, h, c, *, W, b, p, m=dropout(0.5)"
SQUARE = ("mut1", "mut2")
OWN = {
    "lstm_projected": {"h": "R", "c": "H", "o": "H", "W.hr": "R x H", "W.hi": "H x R", "b.i": "H"},
    "layernorm_lstm": {"a": "4H", "i": "H", "c": "H", "W.x": "4H x X", "W.h": "4H x H"}
    | {"b.a": "4H", "p.gx": "4H", "p.sh": "4H", "p.gc": "H"},
    "layernorm_gru": {"a": "2H", "r": "H", "z": "H", "W.x": "2H x X", "W.xn": "H x X", "b.a": "2H"}
    | {"p.gx": "2H", "p.gxn": "H", "b.n": "H"},
}


def widths_by_name(cell):
    """The width of every equation and parameter as text."""
    widths = infer(cell)
    found = {name: show_form(widths.of[node]) for name, node in cell.named.items()}
    found |= {node.label: show_form(widths.of[node]) for node in cell.leaves("vector")}
    found |= {node.label: show_form(widths.of[node]) for node in cell.leaves("mask")}
    for name, (rows, columns) in widths.matrices.items():
        found[name] = f"{show_form(rows)} x {show_form(columns)}"
    return found


@pytest.mark.parametrize("name", GALLERY)
def test_the_gallerys_widths(name):
    cell = GALLERY[name].cell
    labels = {node.label for node in cell.leaves("matrix")}
    reads_x = {label for label in labels if label.startswith("W.x") or label == "W.t"}
    expected = {found: "H" for found in widths_by_name(cell)}
    expected |= dict.fromkeys(labels, "H x H")
    expected |= dict.fromkeys(reads_x, "H x X")
    expected |= {"m_x": "X"} if "m_x" in cell.masks else {}
    if name in SQUARE:  # the equations say X = H, and either letter may stand for it
        found = {key: text.replace("X", "H") for key, text in widths_by_name(cell).items()}
        assert found == {key: text.replace("X", "H") for key, text in expected.items()}
    elif name in OWN:
        found = widths_by_name(cell)
        assert {key: found[key] for key in OWN[name]} == OWN[name]
    else:
        assert widths_by_name(cell) == expected
    constraints = {frozenset(constraint.sides()) for constraint in infer(cell).constraints}
    assert constraints == ({frozenset("XH")} if name in SQUARE else set())


@pytest.mark.parametrize(
    ("body", "expected", "decorator"),
    [
        ("a = W.a @ x\nreturn h + a, c", {"a": "H", "W.a": "H x X"}, "@cell"),
        ("a = concat(x, h)\nreturn W.a @ a, c", {"a": "H + X", "W.a": "H x H + X"}, "@cell"),
        ("a = concat(h, 1, mean(x))\nreturn W.a @ a, c", {"a": "2 + H"}, "@cell"),
        ("a, d = split(h, 2)\nreturn concat(d, a), c", {"a": "H/2", "d": "H/2"}, "@cell"),
        ("a = split(concat(x, h), 3)[0]\nreturn h + mean(a), c", {"a": "H/3 + X/3"}, "@cell"),
        ("a = mean(h)\nreturn h * a, c", {"a": "1"}, "@cell"),
        ("return h + b.a * mean(x), c", {"b.a": "H"}, "@cell"),
        ("a = W.a @ x\nd, e, f = split(a, 3)\nreturn d + e * f + h, c", {"a": "3H"}, "@cell"),
        ("a = W.a @ x\nd = W.b @ a\nreturn d, c", {"a": "H", "d": "H", "W.b": "H x H"}, "@cell"),
        (
            "a = W.a @ x\nd = W.b @ a\nreturn d, c",
            {"a": "K", "W.a": "K x X", "W.b": "H x K"},
            "@cell(widths={'a': 'K'})",
        ),
        (
            "a = b.a + b.c + p.g\nreturn h * mean(a), c",
            {"b.a": "X", "b.c": "X", "p.g": "X"},
            "@cell(widths={'a': 'X'})",
        ),
        ("return W.a @ c, W.b @ h", {"W.a": "R x H", "W.b": "H x R"}, "@cell(widths={'h': 'R'})"),
        ("return concat(W.a @ x, x), c", {"W.a": "2H - X x X"}, "@cell(widths={'h': '2H'})"),
        ("return m * h, c", {"m": "H"}, "@cell"),
        ("return h, b.c", {"b.c": "2X + R"}, "@cell(widths={'c': 'R + 2X'})"),
    ],
)
def test_widths_follow_from_the_equations(body, expected, decorator, tmp_path):
    found = widths_by_name(read_body(tmp_path, body, SIGNATURE, decorator))
    expected = {name: width.replace("2X + R", "R + 2X") for name, width in expected.items()}
    assert {name: found[name] for name in expected} == expected


IMPOSSIBLE = {
    "half a state": ("return h + split(h, 2)[0], c", "differ in width: H is not H/2", "@cell"),
    "state and itself twice": (
        "return h + concat(h, h), c",
        "differ in width: H is not 2H",
        "@cell",
    ),
    "one more": ("return h + concat(h, 1), c", "differ in width: H is not 1 \\+ H", "@cell"),
    "nothing left": ("return concat(h, b.a), c", "its width can only be 0", "@cell"),
    "less than nothing": ("return concat(h, h, b.a), c", "its width can only be -H", "@cell"),
    "declared otherwise": ("a = h\nreturn a, c", "H is not 4H", "@cell(widths={'a': '4H'})"),
    "declared a row mean": ("return h * mean(h), c", "", "@cell"),
    "matrix @ a computed number": ("return h + W.a @ exp(1), c", "and this is a number", "@cell"),
    "split of a row mean": ("return h + split(mean(h), 2)[0], c", "one number a row", "@cell"),
    "split of a number": ("return h + split(exp(1), 2)[0], c", "one number a row", "@cell"),
    "two sides of a matrix": (
        "return W.a @ h + W.a @ concat(h, h), c",
        "differ in width: H is not 2H",
        "@cell",
    ),
    "double width for ever": (
        "a = h\nfor l in range(40):\n    a = concat(a, a)\nreturn h * mean(a), c",
        "this is wider, or narrower, than any cell needs",
        "@cell",
    ),
    "half width for ever": (
        "a = h\nfor l in range(40):\n    a = split(a, 2)[1]\nreturn h * mean(a), c",
        "this is wider, or narrower, than any cell needs",
        "@cell",
    ),
    "too many widths": (
        "a = h\nfor l in range(70):\n    a = concat(a, b.R[l])\nreturn h * mean(a), c",
        "this is wider, or narrower, than any cell needs",
        "@cell",
    ),
}


@pytest.mark.parametrize("name", [name for name, row in IMPOSSIBLE.items() if row[1]])
def test_impossible_widths_are_refused_with_their_line(name, tmp_path):
    body, says, decorator = IMPOSSIBLE[name]
    with pytest.raises(WidthError, match=rf"cell mine: .*{says}") as caught:
        infer(read_body(tmp_path, body, SIGNATURE, decorator))
    place = str(caught.value).splitlines()[1:]
    assert place == [] or place[0].startswith(f"{tmp_path / 'cells.py'}:")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("return h * mean(b.a), c", "b.a"),
        ("return h * mean(m), c", "m"),
        ("a = b.a + p.g\nreturn h * mean(a), c", "b.a"),
        ("return h + W.a @ b.a, c", "b.a"),
        ("return h * mean(concat(h, b.a)), c", "b.a"),
        ("return h * mean(split(p.g, 2)[0]), c", "p.g"),
    ],
)
def test_a_width_that_nothing_says_is_refused_by_name(body, name, tmp_path):
    says = rf"cell mine: no equation says how wide {name} is\. Use it beside"
    with pytest.raises(FreeWidthError, match=says):
        infer(read_body(tmp_path, body, SIGNATURE))


def test_a_free_width_can_be_declared(tmp_path):
    body = "a = b.a\nreturn h * mean(a), c"
    cell = read_body(tmp_path, body, SIGNATURE, "@cell(widths={'a': '3X'})")
    assert show_form(infer(cell).of[cell.named["a"]]) == "3X"


def test_sizes_give_every_node_its_number():
    cell = find_cell("lstm_projected")
    widths = infer(cell)
    assert widths.symbols == ("X", "H", "R")
    numbers = widths.resolve({"X": 3, "H": 5, "R": 2})
    assert (numbers[cell.named["h"]], numbers[cell.named["c"]]) == (2, 5)
    assert widths.shape("W.hr", {"X": 3, "H": 5, "R": 2}) == (2, 5)
    assert widths.shape("W.xi", {"X": 3, "H": 5, "R": 2}) == (5, 3)
    with pytest.raises(OpenWidthError, match=r'width R follows .* sizes=\{"R": ...\}'):
        widths.resolve({"X": 3, "H": 5})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "return h + x, c",
            r"needs H = X, got H=4, X=3\.\n.*cells.py:3:12\n    return h \+ x, c\n",
        ),
        ("return concat(mean(h), 1, x) + h, c", r"needs 2 \+ X = H, got H=4, X=3\."),
        ("return h + mean(split(x, 2)[0]), c", r"needs X/2 = a whole number from 1, got X=3\.\n"),
        ("return concat(x, b.a, b.a), c", r"needs H/2 - X/2 = a whole number from 1, got H=4, X=3"),
        ("return h * mean(concat(x, h) + concat(x, x)), c", r"needs H = X, got H=4, X=3"),
    ],
)
def test_sizes_that_break_the_equations_are_refused_with_the_line(body, says, tmp_path):
    with pytest.raises(SizeError, match=says):
        infer(read_body(tmp_path, body, SIGNATURE)).resolve({"X": 3, "H": 4})


def test_no_width_is_below_one(tmp_path):
    widths = infer(read_body(tmp_path, "return concat(x, b.a), c", SIGNATURE))
    assert sorted(set(widths.resolve({"X": 3, "H": 5}).values())) == [2, 3, 5]
    for hidden in (1, 2, 3):
        with pytest.raises(SizeError, match=f"H - X = a whole number from 1, got H={hidden}, X=3"):
            widths.resolve({"X": 3, "H": hidden})


LARGE = {
    "chain": "".join(f"a = b.v{n} + b.v{n + 1}\n" for n in range(2000)),
    "chain backwards": "".join(f"a = b.v{n + 1} + b.v{n}\n" for n in range(2000, 0, -1)),
    "chain inside out": "".join(
        f"a = b.v{7 * n % 2001} + b.v{7 * (n + 1) % 2001}\n" for n in range(2000)
    ),
    "products": "a = h\n" + "".join(f"a = W.v{n} @ a + b.v{n}\n" for n in range(2000)),
    "row means": "a = mean(h)\n" + "a = a + a\n" * 5000,
    "sums": "a = b.v\n" + "a = a + b.v * x\n" * 4000,
}


@pytest.mark.parametrize("name", LARGE)
def test_large_cells_are_solved_in_time(name, tmp_path):
    cell = read_body(tmp_path, f"{LARGE[name]}a = a * x\nreturn h + mean(a), c", SIGNATURE)
    begin = time.perf_counter()
    widths = infer(cell)
    assert time.perf_counter() - begin < 8
    assert show_form(widths.of[cell.named["a"]]) == "X"
