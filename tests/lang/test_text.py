"""The cell as text: golden listings, and text that says what the graph computes."""

from itertools import product as pairs

import pytest
import torch
from tests.lang.graphs import (
    CALLS,
    INPUT,
    MATRICES,
    SIGNS,
    STATES,
    VALUES,
    VECTORS,
    meaning_of,
    operation,
    product,
    random_cell,
)
from tests.lang.python import run_lines, tensor_of
from tests.lang.writing import read_body, run_step

from unrolled import find_cell
from unrolled.cells import GALLERY
from unrolled.lang.nodes import lift
from unrolled.lang.printing import show
from unrolled.lang.text import TEXT, equations, listing

SIGNATURE = "x, h, c, *, W, b, p, m=dropout(0.5)"
SAME = {"rtol": 1e-12, "atol": 0, "equal_nan": True}
KINDS = [*SIGNS, "pow", "product", "where", "tanh", "constant"]
LEAVES = (INPUT, *STATES, *VECTORS)


def nested(outer, inner, place, leaves):
    """Every operation has leaves of its own; the inner one is an operand of the outer."""
    if outer == "constant":
        return lift(-3)
    if outer == "product":
        return product(MATRICES[place], inner)
    if outer == "pow":
        return operation("pow", inner, lift(3 - 4 * (place % 2)))
    count = CALLS.get(outer) or SIGNS[outer]
    args = list(leaves[:count])
    args[place % count] = inner
    return operation(outer, *args)


def all_nests():
    """Three operations in one another, in every order and at every place."""
    for kinds in pairs(KINDS, KINDS, KINDS[:-1]):
        for places in pairs(range(2), range(2)):
            inner = nested(kinds[2], STATES[0], 0, LEAVES[2:])
            middle = nested(kinds[1], inner, places[0], LEAVES[1:])
            yield nested(kinds[0], middle, places[1], LEAVES)


def test_three_operations_in_one_another_are_read_as_they_are_meant():
    nests = list(all_nests())
    texts = [show(node, TEXT, {}) for node in nests]
    names = run_lines([f"found = [{', '.join(texts)}]"], VALUES)
    expected = torch.stack([meaning_of(node, VALUES) for node in nests])
    found = torch.stack([tensor_of(value) for value in names["found"]])
    torch.testing.assert_close(found, expected, **SAME)
    assert len(nests) > 10_000
    assert expected.isfinite().sum() > 0.8 * len(nests)
    assert len(expected.unique()) > 1000


@pytest.mark.parametrize(
    "seed", [0, 20, *(pytest.param(n, marks=pytest.mark.slow) for n in range(40, 400, 20))]
)
def test_lines_are_what_the_graph_computes_to_python_and_to_the_tracer(seed, tmp_path):
    for number in range(seed, seed + 20):
        random = random_cell(number)
        lines = [f"{left} = {right}" for left, right, _ in equations(random)]
        computed = run_step(random, VALUES)
        by_python = run_lines(lines, VALUES)
        again = read_body(tmp_path, "\n".join([*lines, "return h, c"]), SIGNATURE)
        by_tracer = run_step(again, VALUES)
        for name, value in computed.items():
            torch.testing.assert_close(tensor_of(by_python[name])[0], value, **SAME)
            torch.testing.assert_close(by_tracer[name], value, **SAME)
        for name, node in random.named.items():
            meant = meaning_of(node, VALUES)
            torch.testing.assert_close(tensor_of(by_python[name]), meant, **SAME)


GOLDEN = {
    "lstm": """
i = sigmoid(W.xi @ x + W.hi @ h + b.i)  # input gate: write to the cell?
f = sigmoid(W.xf @ x + W.hf @ h + b.f)  # forget gate: keep the cell?
g = tanh(W.xg @ x + W.hg @ h + b.g)     # candidate: what to write
o = sigmoid(W.xo @ x + W.ho @ h + b.o)  # output gate: how much to show
c = f * c + i * g
h = o * tanh(c)
""",
    "gru": """
r = sigmoid(W.xr @ x + W.hr @ h + b.r)     # reset gate: how much of the old state to read
z = sigmoid(W.xz @ x + W.hz @ h + b.z)     # update gate: how much of the old state to keep
n = tanh(W.xn @ x + W.hn @ (r * h) + b.n)  # candidate
h = z * h + (1 - z) * n
""",
    "rhn:2": """
u = tanh(W.x @ x + W.R[1] @ h + b.R[1])
t = sigmoid(W.t @ x + W.Rt[1] @ h + b.Rt[1])  # transform gate, nearly shut at the start
s = u * t + h * (1 - t)
u = tanh(W.R[2] @ s + b.R[2])
t = sigmoid(W.Rt[2] @ s + b.Rt[2])
s = u * t + s * (1 - t)
h = s
""",
    "mut1": """
z = sigmoid(W.xz @ x + b.z)                                 # how much of the new state to take
r = sigmoid(W.xr @ x + W.hr @ h + b.r)                      # how much of the old state to read
h = tanh(W.hh @ (r * h) + tanh(x) + b.h) * z + h * (1 - z)
""",
    "layernorm_lstm": (
        "\na = (W.x @ x - mean(W.x @ x)) / sqrt(var(W.x @ x) + 1e-05) * p.gx + p.sx"
        " + ((W.h @ h - mean(W.h @ h)) / sqrt(var(W.h @ h) + 1e-05) * p.gh + p.sh) + b.a"
        """
i, f, g, o = split(a, 4)
c = sigmoid(f) * c + sigmoid(i) * tanh(g)
h = sigmoid(o) * tanh((c - mean(c)) / sqrt(var(c) + 1e-05) * p.gc + p.sc)
"""
    ),
    "lstm+zoneout:0.2": """
i = sigmoid(W.xi @ x + W.hi @ h + b.i)  # input gate: write to the cell?
f = sigmoid(W.xf @ x + W.hf @ h + b.f)  # forget gate: keep the cell?
g = tanh(W.xg @ x + W.hg @ h + b.g)     # candidate: what to write
o = sigmoid(W.xo @ x + W.ho @ h + b.o)  # output gate: how much to show
c_new = f * c + i * g
h_new = o * tanh(c_new)
h = d_h * h + (1 - d_h) * h_new         # zoned out: sometimes the old value
c = d_c * c + (1 - d_c) * c_new         # zoned out: sometimes the old value
""",
}


@pytest.mark.parametrize("name", GOLDEN)
def test_listing_is_the_equations_as_their_author_wrote_them(name):
    assert listing(find_cell(name)) == GOLDEN[name].strip("\n")


@pytest.mark.parametrize("name", GALLERY)
def test_a_listing_read_again_is_the_same_listing(name, tmp_path):
    cell = GALLERY[name].cell
    masks = "".join(f", {mask}=dropout(0.5)" for mask in cell.masks)
    signature = f"{cell.input.label}, {', '.join(cell.state_names)}, *, W, b, p{masks}"
    body = f"{listing(cell)}\nreturn {', '.join(cell.state_names)}"
    assert listing(read_body(tmp_path, body, signature)) == listing(cell)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return c, h", "old_h = h\nh = c\nc = old_h"),
        ("return tanh(c), W.a @ h", "old_h = h\nh = tanh(c)\nc = W.a @ old_h"),
        ("a = h\nreturn tanh(c), a + h", "a = h\nh = tanh(c)\nc = a + a"),
        ("old_h = x\nreturn old_h, h", "old_h = x\nold_h_1 = h\nh = old_h\nc = old_h_1"),
        ("a, f = split(c, 2)\nreturn f, a", "a, f = split(c, 2)\nh = f\nc = a"),
        ("a = split(c, 2)[1]\nreturn a, c", "a = split(c, 2)[1]\nh = a"),
        ("h, c = split(h + c, 2)\nreturn h, c", "h, c = split(h + c, 2)"),
        ("h = h\nreturn h, c", "h = h"),
        ("return h, c", ""),
        ("return 0, -1.5", "h = 0\nc = -1.5"),
        ("return square(h - c), --h", "old_h = h\nh = (h - c) * (h - c)\nc = --old_h"),
    ],
)
def test_a_value_keeps_a_name_while_it_is_still_read(body, expected, tmp_path):
    assert listing(read_body(tmp_path, body, "x, h, c, *, W, b")) == expected


BLOW_UPS = {
    "words in words": f"return {'gelu(' * 60}h{')' * 60}",
    "squares": f"return {'square(' * 190}h{')' * 190}",
    "doubling": "a = h\nfor i in range(1000):\n    a = a + a\nreturn a",
    "doubling a row mean": "a = mean(h)\nfor i in range(1000):\n    a = a + a\nreturn h * a",
    "taking turns": ("a, c = h, tanh(h)\nfor i in range(1000):\n    a, c = c + c, a + a\nreturn a"),
    "normalised again and again": (
        "a = h\nfor i in range(200):\n    a = layer_norm(layer_norm(a, p.g, p.s), p.g, p.s)\n"
        "return a"
    ),
}


@pytest.mark.parametrize("name", BLOW_UPS)
def test_what_doubles_is_written_line_by_line(name, tmp_path):
    cell = read_body(tmp_path, BLOW_UPS[name])
    lines = equations(cell)
    assert max(len(right) for _, right, _ in lines) < 4000
    assert len(lines) <= 2 * len(cell.nodes)
    text = "\n".join(f"{left} = {right}" for left, right, _ in lines)
    assert listing(read_body(tmp_path, f"{text}\nreturn h")) == text


def test_long_lines_do_not_push_comments_away(tmp_path):
    body = f"a = {' + '.join(['h'] * 50)}  # long\nc = h  # short\nreturn a * c"
    first, second, _ = listing(read_body(tmp_path, body)).splitlines()
    assert first.endswith(" + h  # long")
    assert second == f"{'c = h':88}  # short"
