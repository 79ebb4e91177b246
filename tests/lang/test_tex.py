"""The cell as LaTeX: golden formulas, and structure that LaTeX accepts for any cell."""

import re

import pytest
from tests.lang.graphs import random_cell
from tests.lang.test_text import all_nests
from tests.lang.writing import read_body

from unrolled import find_cell
from unrolled.cells import GALLERY
from unrolled.lang.printing import show
from unrolled.lang.tex import TEX, lines, tex

GOLDEN = {
    "lstm": r"""
i_{t} &= \sigma\left(W_{xi}\,x_{t} + W_{hi}\,h_{t-1} + b_{i}\right)
f_{t} &= \sigma\left(W_{xf}\,x_{t} + W_{hf}\,h_{t-1} + b_{f}\right)
g_{t} &= \tanh\left(W_{xg}\,x_{t} + W_{hg}\,h_{t-1} + b_{g}\right)
o_{t} &= \sigma\left(W_{xo}\,x_{t} + W_{ho}\,h_{t-1} + b_{o}\right)
c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot g_{t}
h_{t} &= o_{t} \odot \tanh\left(c_{t}\right)
""",
    "gru": r"""
r_{t} &= \sigma\left(W_{xr}\,x_{t} + W_{hr}\,h_{t-1} + b_{r}\right)
z_{t} &= \sigma\left(W_{xz}\,x_{t} + W_{hz}\,h_{t-1} + b_{z}\right)
n_{t} &= \tanh\left(W_{xn}\,x_{t} + W_{hn}\,\left(r_{t} \odot h_{t-1}\right) + b_{n}\right)
h_{t} &= z_{t} \odot h_{t-1} + \left(1 - z_{t}\right) \odot n_{t}
""",
    "rhn:2": r"""
u_{t}^{(1)} &= \tanh\left(W_{x}\,x_{t} + W_{R}^{(1)}\,h_{t-1} + b_{R}^{(1)}\right)
t_{t}^{(1)} &= \sigma\left(W_{t}\,x_{t} + W_{Rt}^{(1)}\,h_{t-1} + b_{Rt}^{(1)}\right)
s_{t}^{(1)} &= u_{t}^{(1)} \odot t_{t}^{(1)} + h_{t-1} \odot \left(1 - t_{t}^{(1)}\right)
u_{t}^{(2)} &= \tanh\left(W_{R}^{(2)}\,s_{t}^{(1)} + b_{R}^{(2)}\right)
t_{t}^{(2)} &= \sigma\left(W_{Rt}^{(2)}\,s_{t}^{(1)} + b_{Rt}^{(2)}\right)
s_{t}^{(2)} &= u_{t}^{(2)} \odot t_{t}^{(2)} + s_{t}^{(1)} \odot \left(1 - t_{t}^{(2)}\right)
h_{t} &= s_{t}^{(2)}
""",
    "mut1": (
        r"""
z_{t} &= \sigma\left(W_{xz}\,x_{t} + b_{z}\right)
r_{t} &= \sigma\left(W_{xr}\,x_{t} + W_{hr}\,h_{t-1} + b_{r}\right)
h_{t} &= \tanh\left(W_{hh}\,\left(r_{t} \odot h_{t-1}\right) + \tanh\left(x_{t}\right) """
        r"""+ b_{h}\right) \odot z_{t} + h_{t-1} \odot \left(1 - z_{t}\right)
"""
    ),
    "layernorm_lstm": (
        r"""
a_{t} &= \frac{W_{x}\,x_{t} - \operatorname{mean}\left(W_{x}\,x_{t}\right)}"""
        r"""{\sqrt{\operatorname{var}\left(W_{x}\,x_{t}\right) + 10^{-5}}} \odot p_{gx} + p_{sx} """
        r"""+ \left(\frac{W_{h}\,h_{t-1} - \operatorname{mean}\left(W_{h}\,h_{t-1}\right)}"""
        r"""{\sqrt{\operatorname{var}\left(W_{h}\,h_{t-1}\right) + 10^{-5}}} \odot p_{gh} """
        r"""+ p_{sh}\right) + b_{a}
i_{t} &= {a_{t}}^{[0/4]}
f_{t} &= {a_{t}}^{[1/4]}
g_{t} &= {a_{t}}^{[2/4]}
o_{t} &= {a_{t}}^{[3/4]}
c_{t} &= \sigma\left(f_{t}\right) \odot c_{t-1} + \sigma\left(i_{t}\right) """
        r"""\odot \tanh\left(g_{t}\right)
h_{t} &= \sigma\left(o_{t}\right) \odot \tanh\left(\frac{c_{t} """
        r"""- \operatorname{mean}\left(c_{t}\right)}{\sqrt{\operatorname{var}\left(c_{t}\right) """
        r"""+ 10^{-5}}} \odot p_{gc} + p_{sc}\right)
"""
    ),
}
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
PAIRS = {"{": "}", r"\left": r"\right", r"\begin": r"\end"}


def check_structure(text):
    """Brackets close in order; nothing has two superscripts or two subscripts."""
    opened, scripts, script = [], [set()], None
    for token in TOKEN.findall(text):
        if token in "^_":
            assert token not in scripts[-1], f"two {token} in {text}"
            scripts[-1].add(token)
            script = token
            continue
        if token in PAIRS:
            opened.append((PAIRS[token], script))
            scripts.append(set())
        elif token in PAIRS.values():
            closes, was_script = opened.pop()
            assert token == closes, text
            scripts.pop()
            scripts[-1] = scripts[-1] if was_script else set()
        elif script is None and not token.isspace():
            scripts[-1] = set()
        script = None
    assert opened == []


@pytest.mark.parametrize(
    "wrong", ["{a", "a}", r"\left(a", r"{\left(a}\right)", "a^{b}^{c}", "a_b_c"]
)
def test_the_check_finds_what_latex_refuses(wrong):
    with pytest.raises((AssertionError, IndexError)):
        check_structure(wrong)


def test_the_check_lets_pass_what_latex_accepts():
    check_structure(r"{a^{b}}^{c} + d_{e_{f}}^{g}_ + \frac{a^{b}}{c}^{d} x^2y^2".replace("_ ", " "))


@pytest.mark.parametrize("name", GOLDEN)
def test_formulas_are_the_equations(name):
    assert lines(find_cell(name)) == GOLDEN[name].strip("\n").split("\n")


@pytest.mark.parametrize("name", GALLERY)
def test_the_gallerys_formulas_are_sound(name):
    check_structure(tex(GALLERY[name].cell))


def test_random_formulas_are_sound():
    for seed in range(300):
        check_structure(tex(random_cell(seed)))


def test_formulas_of_three_operations_in_one_another_are_sound_and_distinct():
    texts = [show(node, TEX, {}) for node in all_nests()]
    for text in texts[::3]:
        check_structure(text)
    assert len(set(texts)) > 0.99 * len({repr_of(node) for node in all_nests()})


def repr_of(node):
    return (node.op, node.attribute, *map(repr_of, node.args))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return -(h + x) * 2", r"h_{t} &= \left(-\left(h_{t-1} + x_{t}\right)\right) \odot 2"),
        ("return h - (x - b.a)", r"h_{t} &= h_{t-1} - \left(x_{t} - b_{a}\right)"),
        ("return (-h) ** 2", r"h_{t} &= {\left(-h_{t-1}\right)}^{2}"),
        ("return b.R[2] ** 2", r"h_{t} &= {b_{R}^{(2)}}^{2}"),
        ("return W.a @ (h / x)", r"h_{t} &= W_{a}\,\frac{h_{t-1}}{x_{t}}"),
        ("x = tanh(x)\nreturn h * x", r"h_{t} &= h_{t-1} \odot x_{t}^{(1)}"),
        ("alpha = h\nreturn alpha", r"h_{t} &= \alpha_{t}"),
        ("s2 = h\nreturn s2", r"h_{t} &= s_{2,t}"),
        ("to_x = h\nreturn to_x", r"h_{t} &= \mathrm{to\_x}_{t}"),
        ("return W.to_x @ x", r"h_{t} &= W_{to\_x}\,x_{t}"),
        ("return 1e-05 * h + 2.5e-07", r"h_{t} &= 10^{-5} \odot h_{t-1} + 2.5 \cdot 10^{-7}"),
        ("return abs(h)", r"h_{t} &= \left|h_{t-1}\right|"),
        ("return sqrt(h)", r"h_{t} &= \sqrt{h_{t-1}}"),
        ("return minimum(h, x)", r"h_{t} &= \min\left(h_{t-1}, x_{t}\right)"),
        (
            "return mean(concat(h, x)) * h",
            r"\left(\left[h_{t-1}, x_{t}\right]\right) \odot h_{t-1}",
        ),
        (
            "return 1 + where(h > 0, h, x)",
            r"h_{t} &= 1 + \left(\begin{cases}h_{t-1} & h_{t-1} > 0\\ "
            r"x_{t} & \text{otherwise}\end{cases}\right)",
        ),
    ],
)
def test_a_formula_is_written_as_papers_write_it(body, expected, tmp_path):
    assert lines(read_body(tmp_path, body))[-1].endswith(expected)


def test_the_block_is_aligned():
    assert tex(find_cell("rnn")) == (
        "\\begin{aligned}\n"
        "  h_{t} &= \\tanh\\left(W_{xh}\\,x_{t} + W_{hh}\\,h_{t-1} + b_{h}\\right)\n"
        "\\end{aligned}"
    )
    assert tex(find_cell("gru")).count(" \\\\\n") == 3
