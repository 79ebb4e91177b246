"""Which backend runs a layer: the one that was named, or the faster one that can."""

import copy
import logging

import pytest
import torch

from unrolled import LSTM, Recurrent, find_cell
from unrolled.errors import BackendError, NoCompilerError, OptionError
from unrolled.layers import backends


def test_c_equals_eager_on_the_same_weights():
    compiled = LSTM(5, 7, 2, bidirectional=True, backend="c").double()
    eager = copy.deepcopy(compiled)
    eager.backend = "eager"
    x = torch.randn(6, 3, 5, dtype=torch.float64)
    for ours, theirs in zip(compiled(x)[1], eager(x)[1], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: LSTM(3, 4, backend="c").bfloat16(), "its weights are torch.bfloat16"),
        (lambda: LSTM(3, 4, backend="c", device="meta"), "its weights are on meta"),
    ],
)
def test_c_that_cannot_run_says_why(make, reason):
    layer = make()
    x = torch.zeros(2, 1, 3, dtype=layer.weight_ih_l0.dtype, device=layer.weight_ih_l0.device)
    with pytest.raises(BackendError, match=f"backend='c' cannot run LSTM: {reason}"):
        layer(x)


def test_c_inside_a_function_transform_says_why():
    layer = Recurrent(find_cell("gru"), 3, 4, backend="c")
    with pytest.raises(BackendError, match="function transform"):
        torch.func.vmap(layer)(torch.zeros(5, 2, 1, 3))


def test_a_backend_is_one_of_four():
    with pytest.raises(OptionError, match="wanted one of auto, eager, c, vendor"):
        LSTM(3, 4, backend="fast")


def test_auto_without_a_compiler_runs_eagerly_and_says_so_once(monkeypatch, caplog):
    def no_compiler(*_, **__):
        raise NoCompilerError(looked="cc, gcc, clang, the package ziglang")

    monkeypatch.setattr("unrolled.layers.layer.kernel_for", no_compiler)
    monkeypatch.setattr(backends, "_told", set())
    layer = LSTM(3, 4)
    wanted = copy.deepcopy(layer)
    wanted.backend = "eager"
    x = torch.randn(2, 1, 3)
    with caplog.at_level(logging.WARNING, logger="unrolled"):
        for _ in range(3):
            assert torch.equal(layer(x)[0], wanted(x)[0])
    assert [record.getMessage()[:29] for record in caplog.records] == [
        "layers run eagerly, since the"
    ]
    layer.backend = "c"
    with pytest.raises(NoCompilerError, match="No C compiler: looked for cc"):
        layer(x)
