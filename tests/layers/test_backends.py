"""Which backend runs a layer: the one that was named, or the faster one that can."""

import copy
import logging

import pytest
import torch

import unrolled
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


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("lengths", [None, [6, 1, 4]], ids=["whole", "lengths"])
def test_vendor_computes_what_eager_does(kind, lengths):
    options = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    layer = getattr(unrolled, kind)(5, 7, **options, backend="vendor").double()
    x = torch.randn(3, 6, 5, dtype=torch.float64)
    output, last = layer(x, lengths=lengths)
    layer.backend = "eager"
    wanted, wanted_last = layer(x, lengths=lengths)
    torch.testing.assert_close(output, wanted, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(last, wanted_last, rtol=1e-10, atol=1e-12)


def test_the_vendors_kernel_is_explained_where_it_runs():
    asked, on_meta = LSTM(3, 4, backend="vendor"), LSTM(3, 4, device="meta")
    assert asked.explain() == "lstm runs on backend 'vendor': it was asked for"
    assert on_meta.explain().startswith("lstm runs on backend 'eager': its weights are on meta")
    on_meta._prefers_vendor = lambda device: True  # as on a GPU
    assert on_meta.explain() == "lstm runs on backend 'vendor': its weights are on meta"


def test_vendor_says_what_torch_does_not_have():
    layer, x = LSTM(3, 4, backend="vendor"), torch.zeros(2, 1, 3)
    with pytest.raises(BackendError, match="records nothing"):
        layer(x, record=("f",))
    with pytest.raises(BackendError, match="no sequence of length 0"):
        layer(x, lengths=[0])
    with pytest.raises(BackendError, match="RNN, LSTM and GRU alone"):
        Recurrent(find_cell("gru"), 3, 4, backend="vendor")(x)


def test_explain_says_which_backend_runs_and_why():
    layer = LSTM(3, 4)
    told = layer.explain()
    assert "lstm runs on backend 'c': float32 or float64 on a CPU" in told
    assert "product (W.hi, W.hf, W.hg, W.ho)" in told
    assert "made again in the backward: tanh(c)" in told
    assert "'eager': its weights are torch.bfloat16" in layer.bfloat16().explain()


def test_source_is_the_generated_c_and_nothing_else():
    assert "a_i[j] = real_sigmoid(a_i[j] + b_i[j]);" in LSTM(3, 4).source("c")
    with pytest.raises(OptionError, match="source of backend='triton'; wanted 'c'"):
        LSTM(3, 4).source("triton")
