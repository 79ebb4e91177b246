"""What cannot be read back is not written."""

import pytest
import torch

from unrolled.errors import UnstorableTensorError
from unrolled.training.storage.tensor_bytes import write_tensors


@pytest.mark.parametrize(
    ("name", "tensor", "message"),
    [
        (
            "w",
            torch.eye(3).to_sparse(),
            r"'w' \(torch.float32\) cannot be saved: its layout is torch",
        ),
        (
            "w",
            torch.empty(3, device="meta"),
            "it is on the meta device and has no data. Give it as",
        ),
        (
            "w",
            torch.zeros(3, dtype=torch.complex128),
            "safetensors has no such number type. Give it",
        ),
        ("w", torch.zeros(3, dtype=torch.float8_e8m0fnu), "safetensors has no such number type"),
        ("__metadata__", torch.zeros(3), "safetensors keeps this name for itself. Give it"),
    ],
)
def test_a_tensor_that_could_not_be_read_back_is_refused(
    name: str, tensor: torch.Tensor, message: str
):
    with pytest.raises(UnstorableTensorError, match=message):
        write_tensors({name: tensor})


def test_the_bytes_depend_on_the_tensors_alone():
    forth = {name: torch.full((3,), float(ord(name))) for name in "abcdefgh"}
    back = {name: forth[name].expand(2, 3)[1] for name in reversed(forth)}
    assert write_tensors(forth) == write_tensors(back)
