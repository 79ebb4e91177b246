"""The products of oneDNN, against torch's own."""

import pytest
import torch
from torch.nn import functional as F
from torch.profiler import profile

from unrolled.models.linear import Linear, linear

LARGE, SMALL = (512, 256), (32, 16)
ONEDNN = "mkldnn::_linear_pointwise"


def ops_of(work):
    with profile() as record:
        work()
    return {event.key for event in record.key_averages()}


def parts(sizes, *rows, dtype=torch.float32):
    torch.manual_seed(0)
    return tuple(torch.randn(*s, dtype=dtype) for s in ((*rows, sizes[1]), sizes, sizes[:1]))


@pytest.mark.parametrize("rows", [(), (1,), (0,), (1, 1), (3, 7), (2, 1, 5), (640,)])
@pytest.mark.parametrize("sizes", [LARGE, SMALL, (513, 257)])
@torch.no_grad()
def test_a_product_is_torchs(sizes, rows):
    x, weight, bias = parts(sizes, *rows)
    for added in (bias, None):
        wanted = F.linear(x.double(), weight.double(), added if added is None else added.double())
        torch.testing.assert_close(linear(x, weight, added), wanted.float(), atol=1e-4, rtol=1e-5)


@torch.no_grad()
def test_numbers_may_lie_in_any_order():
    x, weight, bias = parts(LARGE, 3, 7)
    found = linear(x.transpose(0, 1), weight, bias).transpose(0, 1)
    torch.testing.assert_close(found, linear(x, weight, bias))
    wide = weight.t().contiguous().t()
    torch.testing.assert_close(linear(x, wide, bias), linear(x, weight, bias))
    torch.testing.assert_close(
        linear(x, weight[100:400], bias[100:400]), F.linear(x, weight, bias)[..., 100:400]
    )


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch has no oneDNN")
@torch.no_grad()
def test_onednn_makes_what_is_large_in_float32():
    layer = Linear(*reversed(LARGE))
    assert ONEDNN in ops_of(lambda: layer(torch.randn(2, LARGE[1])))
    for sizes, dtype in ((SMALL, torch.float32), (LARGE, torch.float64)):
        x, weight, bias = parts(sizes, 2, dtype=dtype)
        assert ONEDNN not in ops_of(lambda: linear(x, weight, bias))  # noqa: B023


@pytest.mark.filterwarnings("ignore:TF32 acceleration:UserWarning")  # what the switch says itself
@torch.no_grad()
def test_whoever_switches_onednn_off_has_torchs_own_product():
    with torch.backends.mkldnn.flags(enabled=False):
        assert ONEDNN not in ops_of(lambda: linear(*parts(LARGE, 2)))


def test_weights_learn():
    x, weight, bias = parts(LARGE, 3)
    grown = [part.requires_grad_() for part in (x, weight, bias)]
    mine = torch.autograd.grad(linear(*grown).square().sum(), grown)
    theirs = torch.autograd.grad(F.linear(*grown).square().sum(), grown)
    torch.testing.assert_close(mine, theirs)
