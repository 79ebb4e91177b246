"""What stands to the right of `=`: each construct against the number that Python computes."""

import math

import pytest
import torch
from tests.lang.writing import read_body, run_step

from unrolled import Recurrent
from unrolled.errors import EquationError

X, H, C, A, R, B, P = 0.7, 1.3, -0.4, 0.9, -1.7, 0.6, 2.5
VALUES = {"x": X, "h": H, "c": C, "W.a": A, "W.R[3]": R, "b.a": B, "b.R[-1]": B, "p.g": P}
SIGNATURE = "x, h, c, *, W, b, p, k=3, s=0.5, m=dropout(0.5)"
EXPRESSIONS = {
    "h + x * c": H + X * C,
    "(h + x) * c": (H + X) * C,
    "h - x - c": H - X - C,
    "h - (x - c)": H - (X - C),
    "h / x / c": H / X / C,
    "h / (x / c)": H / (X / C),
    "h / x * c": H / X * C,
    "-h ** 2": -(H**2),
    "(-h) ** 2": H**2,
    "h ** -2": H**-2,
    "h ** 2 ** 3": H**8,
    "(h ** 2) ** 3": H**6,
    "h ** 0.5": H**0.5,
    "+h": H,
    "--h": H,
    "-+-h": H,
    "- h * x": -H * X,
    "2 ** 3 * h": 8 * H,
    "-2 ** 2 * h": -4 * H,
    "2 ** -1 * h": H / 2,
    "(7 - 2) / 2 * h": 2.5 * H,
    "1 / 3 + h": 1 / 3 + H,
    "W.a @ h": A * H,
    "W.a @ h * x": A * H * X,
    "W.a @ (h * x) + b.a": A * H * X + B,
    "W.a @ -h": -A * H,
    "-W.a @ h": None,
    "x * W.a @ h": None,
    "W.R[3] @ W.a @ h": None,
    "W.R[3] @ (W.a @ h)": R * A * H,
    "W.R[k] @ h": R * H,
    "W.R[k * 2 - 3] @ h": R * H,
    "b.R[-1] * p.g": B * P,
    "k * h + s": 3 * H + 0.5,
    "m * h": H,
    "h < x": 0.0,
    "x < h": 1.0,
    "(x < h) + (h == h) - (c >= x)": 2.0,
    "x + h < c": 0.0,
    "(h != x) * 4": 4.0,
    "1 < 2": 1.0,
    "where(h > x, c, b.a)": C,
    "where(h < x, c, 5)": 5.0,
    "where(0.5, 2, 3) * h": 2 * H,
    "minimum(h, x)": X,
    "maximum(h, 2)": 2.0,
    "minimum(1, 2) * h": H,
    "sigmoid(c)": 1 / (1 + math.exp(-C)),
    "tanh(c)": math.tanh(C),
    "relu(c) + relu(h)": H,
    "softplus(c)": math.log1p(math.exp(C)),
    "exp(c)": math.exp(C),
    "log(h)": math.log(H),
    "sqrt(h)": math.sqrt(H),
    "abs(c)": -C,
    "sin(c) + cos(c)": math.sin(C) + math.cos(C),
    "tanh(exp(0)) * h": math.tanh(1) * H,
    "silu(c)": C / (1 + math.exp(-C)),
    "gelu(c)": 0.5 * C * (1 + math.tanh(math.sqrt(2 / math.pi) * (C + 0.044715 * C**3))),
    "elu(c) + elu(h)": math.exp(C) - 1 + H,
    "softsign(c)": C / (1 - C),
    "hard_sigmoid(c)": C / 6 + 0.5,
    "square(c - h)": (C - H) ** 2,
    "mean(h) * x": H * X,
    "var(h) + x": X,
    "layer_norm(h, p.g, b.a)": B,
    "split(h, 1)[0]": H,
    "1e3 * h": 1000 * H,
    "0x10 * h": 16 * H,
    "1_000 * h": 1000 * H,
    "9007199254740992 * h": 2**53 * H,
    "tanh((((((h))))))": math.tanh(H),
}


@pytest.mark.parametrize("text", [text for text, value in EXPRESSIONS.items() if value is not None])
def test_an_expression_computes_what_python_would(text, tmp_path):
    new = run_step(read_body(tmp_path, f"return {text}, c", SIGNATURE), VALUES)
    assert new["h"].item() == pytest.approx(EXPRESSIONS[text], rel=1e-14, abs=1e-15)


@pytest.mark.parametrize("text", [text for text, value in EXPRESSIONS.items() if value is None])
def test_at_binds_as_tightly_as_times_and_from_the_left(text, tmp_path):
    with pytest.raises(EquationError, match="the left side of @ is a matrix, W.name"):
        read_body(tmp_path, f"return {text}, c", SIGNATURE)


SHAPES = {
    "concat(h, x)": [1, 2, 3, 4, 10, 20, 30, 40],
    "concat(h, 5, mean(x))": [1, 2, 3, 4, 5, 25],
    "split(h, 2)[1]": [3, 4],
    "split(concat(h, x), 4)[2]": [10, 20],
    "mean(split(h + x, 4)[0]) + h": [12, 13, 14, 15],
    "h - mean(h)": [-1.5, -0.5, 0.5, 1.5],
    "h * var(h)": [1.25, 2.5, 3.75, 5],
    "mean(split(h, 2)[0]) + h": [2.5, 3.5, 4.5, 5.5],
}


@pytest.mark.parametrize("text", SHAPES)
def test_vectors_are_joined_cut_and_averaged(text, tmp_path):
    traced = read_body(tmp_path, f"a = {text}\nreturn h + 0 * mean(a)")
    layer = Recurrent(traced, 4, 4, dtype=torch.float64, backend="eager")
    x = torch.tensor([[[10.0, 20, 30, 40]]], dtype=torch.float64)
    h = torch.tensor([[[1.0, 2, 3, 4]]], dtype=torch.float64)
    _, _, recorded = layer(x, h, record=("a",))
    assert recorded["a"].flatten().tolist() == pytest.approx(SHAPES[text])
