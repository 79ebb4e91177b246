"""Draws go on after a resume as if there had been none."""

import pytest
import torch

from unrolled.errors import ForeignStateError
from unrolled.training.storage.random_state import pack_rng, unpack_rng


def test_torch_and_given_generators_draw_on_as_they_were():
    shuffle = torch.Generator().manual_seed(5)
    torch.manual_seed(4)
    torch.randn(7)
    torch.rand(3, generator=shuffle)
    states = pack_rng(shuffle=shuffle)
    wanted = [torch.randn(100), torch.randperm(50, generator=shuffle)]
    torch.randn(3)
    other = torch.Generator()
    unpack_rng(states, shuffle=other)
    assert torch.equal(torch.randn(100), wanted[0])
    assert torch.equal(torch.randperm(50, generator=other), wanted[1])
    assert {state.dtype for state in states.values()} == {torch.uint8}
    assert set(states) == {"rng.cpu", "rng.generator.shuffle"}


def test_a_missing_state_is_named():
    with pytest.raises(ForeignStateError, match=r"lacks the random state 'rng\.cpu'\. Resume with"):
        unpack_rng({})
    with pytest.raises(ForeignStateError, match=r"lacks the random state 'rng\.generator\.data'"):
        unpack_rng(pack_rng(), data=torch.Generator())


@pytest.mark.parametrize("state", [torch.zeros(5, dtype=torch.uint8), torch.zeros(5056)])
def test_what_is_no_state_is_refused(state: torch.Tensor):
    with pytest.raises(
        ForeignStateError, match="holds under 'rng.cpu' no state of such a generator"
    ):
        unpack_rng({"rng.cpu": state})


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs no GPU; runs in the default lane")
def test_a_gpu_that_is_not_here_is_told():
    with pytest.warns(UserWarning, match=r"random state of 1 GPU\(s\) of the saved run has no GPU"):
        unpack_rng(pack_rng() | {"rng.cuda.0": torch.zeros(16, dtype=torch.uint8)})


@pytest.mark.gpu
def test_a_gpu_draws_on_as_it_did():
    torch.randn(3, device="cuda")
    states = pack_rng()
    wanted = torch.randn(100, device="cuda")
    unpack_rng(states)
    assert torch.equal(torch.randn(100, device="cuda"), wanted)
