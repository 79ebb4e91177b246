"""Threads that share the rows of a run, each with a part of the units: the same results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.layers.cases import assert_close, assert_same_bits, few_by_default, flat
from tests.runtime.company import company
from tests.runtime.test_compiled_gallery import NAMES, Case, assert_equal_in_float64, fitted

from unrolled import Recurrent, find_cell
from unrolled.runtime.kernel import kernel_for
from unrolled.runtime.rows import Rows, equal_rows

ROOT = Path(__file__).parents[2]
THREADS = 3
CASES = (  # some parts of widths are empty, some end within a panel
    Case(5, 1, 33, 70, "whole", both=False, layers=1, symbols=False),
    Case(4, 3, 17, 41, "whole", both=True, layers=1, symbols=True),
)
OTHERS = (
    Case(3, 1, 2, 3, "mixed", both=True, layers=1, symbols=False),
    Case(3, 1, 2, 3, "empty", both=True, layers=1, symbols=False),
    Case(1, 2, 40, 9, "whole", both=False, layers=2, symbols=False),
)


@pytest.fixture
def in_company(monkeypatch):
    with company(monkeypatch, THREADS):
        yield


def kernel_at(name, size):
    """A compiled cell as wide as its input."""
    sizes = {"X": size, "H": size}
    return kernel_for(find_cell(name), tuple(sizes.items()), torch.float32, masks=False)


@pytest.mark.parametrize("name", few_by_default(NAMES))
def test_every_cell_means_the_same_to_threads_that_share_its_rows(in_company, name):
    for case in fitted(name, CASES):
        assert_equal_in_float64(name, case)


@pytest.mark.parametrize("name", ["lstm", "layernorm_gru", "lstm_fgr"])
@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_threads_share_rows_of_any_length(in_company, name, case):
    assert_equal_in_float64(name, case)


def run(layer, x, states):
    output, last = layer(x, states)
    results = [output, *flat(last)]
    sum((result * result).sum() for result in results).backward()
    gradients = [x.grad, *(parameter.grad for parameter in layer.parameters())]
    layer.zero_grad()
    x.grad = None
    return [*results, *gradients]


@pytest.mark.parametrize("name", ["lstm", "layernorm_gru", "rhn:3"])
def test_what_threads_share_has_the_same_bits_each_time(in_company, name):
    torch.manual_seed(0)
    layer = Recurrent(find_cell(name), 70, 70, backend="c")
    x, states = torch.randn(50, 1, 70, requires_grad=True), None
    found = run(layer, x, states)
    for _ in range(20):
        assert_same_bits(run(layer, x, states), found)
    torch.set_num_threads(1)
    assert_close(run(layer, x, states), found)


@pytest.mark.parametrize(
    ("name", "size", "steps", "batch", "threads", "wanted"),
    [
        ("lstm", 128, 100, 1, 2, (2, True)),
        ("lstm", 128, 100, 2, 2, (2, True)),
        ("lstm", 128, 100, 3, 2, (2, False)),  # more rows than threads
        ("lstm", 128, 100, 1, 1, (1, False)),
        ("lstm", 128, 1, 1, 2, (1, False)),  # too short
        ("rnn", 64, 1000, 1, 2, (1, False)),  # too small
        ("rnn", 128, 1000, 1, 8, (2, True)),  # too small for eight
    ],
)
def test_threads_share_few_rows_where_it_pays(
    monkeypatch, name, size, steps, batch, threads, wanted
):
    monkeypatch.setattr("unrolled.runtime.team.size", lambda: threads)
    assert kernel_at(name, size).split(equal_rows(steps, batch, reverse=False)) == wanted


def test_rows_of_several_lengths_are_never_shared(in_company):
    def split(lengths):
        rows = Rows(5, len(lengths), False, torch.tensor(lengths))
        return kernel_at("lstm", 8).split(rows)

    assert split([5, 3]) == (2, False)
    assert split([3]) == (THREADS, True)


def tell_difference():
    """Run where fewer threads come than are called, and say how far that is off."""
    with company(pytest.MonkeyPatch(), THREADS):
        torch.manual_seed(0)
        cell, x = find_cell("layernorm_lstm"), torch.randn(6, 1, 70, dtype=torch.float64)
        layer = Recurrent(cell, 70, 70, backend="c", dtype=torch.float64)
        eager = Recurrent(cell, 70, 70, backend="eager", dtype=torch.float64)
        eager.load_state_dict(layer.state_dict())
        got, wanted = (run(each, x.clone().requires_grad_(), None) for each in (layer, eager))
        print(max(float((g - w).abs().max()) for g, w in zip(got, wanted, strict=True)))


@pytest.mark.parametrize("limit", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_threads_that_do_not_come_are_not_waited_for(limit):
    code = f"from {__name__} import tell_difference; tell_difference()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | {"OMP_THREAD_LIMIT": limit},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1e-10
