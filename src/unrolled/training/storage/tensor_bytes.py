"""Named tensors as the bytes of a safetensors file, and back: every bit, and nothing unpickled."""

from collections.abc import Mapping

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from unrolled.errors import UnstorableTensorError

# Narrower than what `save` takes: it also writes types that `load` then does not know.
_STORABLE = {
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64),
    *(torch.float8_e4m3fn, torch.float8_e5m2),
}


def write_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Write tensors of any device as one safetensors file.

    Args:
        tensors: The tensors; two that share memory are both written out.

    Returns:
        The file's bytes.

    Raises:
        UnstorableTensorError: A tensor is sparse, has no data, or is of an unusual number type.
    """
    copies = {name: _plain_copy(name, tensor) for name, tensor in tensors.items()}
    return save(copies)


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file, on the CPU.

    Args:
        data: Bytes from anywhere.

    Returns:
        The tensors by name.

    Raises:
        ValueError: The bytes are no safetensors file, or one of number types that torch lacks.
    """
    try:
        return load(data)
    except SafetensorError as error:
        raise ValueError(f"safetensors refuses it: {error}") from error
    except (KeyError, TypeError, RuntimeError, AssertionError) as error:
        raise ValueError(f"it holds a tensor that torch has no place for: {error}") from error


def _plain_copy(name: str, tensor: Tensor) -> Tensor:
    # A copy with memory of its own: safetensors refuses views of shared memory.
    obstacle = _obstacle(name, tensor)
    if obstacle is not None:
        raise UnstorableTensorError(name=name, kind=tensor.dtype, obstacle=obstacle)
    copy = torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu")
    return copy.copy_(tensor.detach())


def _obstacle(name: str, tensor: Tensor) -> str | None:
    if name == "__metadata__":
        return "safetensors keeps this name for itself"
    if tensor.layout is not torch.strided:
        return f"its layout is {tensor.layout}, and only dense tensors can be saved"
    if tensor.is_meta:
        return "it is on the meta device and has no data"
    if tensor.dtype not in _STORABLE:
        return "safetensors has no such number type"
    return None
