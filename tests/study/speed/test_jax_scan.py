"""Jax's scan computes what the eager meaning computes, for every cell and every operation."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from unrolled.cells import find_cell
from unrolled.lang.ops import OPS
from unrolled.lang.trace import cell
from unrolled.lang.words import (
    concat,
    cos,
    detach,
    exp,
    layer_norm,
    log,
    maximum,
    mean,
    minimum,
    relu,
    sigmoid,
    sin,
    softplus,
    split,
    sqrt,
    tanh,
    var,
    where,
)
from unrolled.runtime.meaning import MEANING
from unrolled.study.speed import jax_scan
from unrolled.study.speed.case import make_case
from unrolled.study.speed.jax_meaning import meaning_in_jax
from unrolled.study.speed.peers import PEERS
from unrolled.study.speed.points import Point
from unrolled.study.speed.trial import difference

pytestmark = pytest.mark.skipif(
    find_spec("jax") is None, reason="jax is not installed: runs where 'unrolled[bench]' is"
)
CELLS = ("gru", "lstm_projected", "layernorm_gru", "zoneout_lstm")


@pytest.mark.parametrize("name", CELLS)
def test_a_scan_of_a_cell_gives_our_output_and_gradient(name, case_of, answer):
    found, truth = answer(PEERS["jax"].build, case_of(name))
    assert difference(found, truth) == ""


def test_float64_stays_float64_and_float32_float32(case_of, answer):
    for dtype in (torch.float64, torch.float32):
        found, truth = answer(PEERS["jax"].build, case_of("gru_torch", dtype=dtype), backward=False)
        assert found.output.dtype == dtype
        assert float((found.output - truth.output).abs().max()) < 1e4 * torch.finfo(dtype).eps


def test_the_table_has_the_keys_of_the_operations():
    assert set(meaning_in_jax()) == set(OPS)


@cell(widths={"a": "H"})
def every_word(x, h, *, W, b, p):
    """Every operation at once; the product of `tanh(h)` and of `h` lie in one cell."""
    a = W.xa @ x + W.ha @ h + W.ta @ tanh(h) + b.a
    left, right = split(concat(a, a), 2)
    smooth = softplus(left) + exp(-abs(right)) * log(1 + exp(-abs(left))) / sqrt(1 + left * left)
    bent = where(left > 0, sin(left), cos(right)) + relu(right) - minimum(left, 0.5) * p.s
    steps = (left < 0) + (left <= 0) + (left >= 1) + (left == right) + (left != 2)
    norm = layer_norm(a, p.g, b.n) + mean(a) * var(right) + maximum(right, b.m) ** 2
    return sigmoid(smooth + bent + norm) * h + (1 - detach(h)) * tanh(steps + a)


def test_a_cell_of_every_operation_gives_our_output_and_gradient(answer):
    case = make_case(every_word, Point(2, 5), steps=4, dtype=torch.float64)
    used = {node.op for node in every_word.nodes}
    assert set(OPS) - used <= {"mask", "gt"}
    found, truth = answer(PEERS["jax"].build, case)
    assert float((found.output - truth.output).abs().max()) < 1e-12
    assert float((found.x_gradient - truth.x_gradient).abs().max()) < 1e-12


@pytest.mark.parametrize("op", ["lt", "le", "gt", "ge", "eq", "ne", "minimum", "maximum"])
def test_comparisons_give_numbers_as_ours_do(op):
    a, b = [0.0, 1.0, 2.0, -1.0], [0.0, 2.0, 1.0, 1.0]
    ours = MEANING[op](torch.tensor(a), torch.tensor(b))
    theirs = meaning_in_jax()[op](np.float32(a), np.float32(b))
    assert np.asarray(theirs).tolist() == ours.tolist()


def test_jax_takes_no_part_at_another_number_of_threads(case_of, monkeypatch):
    _, threads = jax_scan.start_jax()
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads + 1)
    reason = PEERS["jax"].why_not(case_of("lstm"))
    assert reason.startswith(f"it keeps the {threads} thread(s) it began with: run bench once for")


def test_jax_takes_no_lengths(case_of):
    assert PEERS["jax"].why_not(case_of("lstm", with_lengths=True)) == "takes no lengths"
    assert find_cell("lstm").name == "lstm"
