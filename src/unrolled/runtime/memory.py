"""Where the tensors of a run lie, as its C finds them."""

import ctypes
import mmap
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

LARGE = 2**22  # bytes


class Part(NamedTuple):
    """A block among others that lie end to end: the width of those before it, and its own."""

    begin: int
    width: int

    def of(self, tensor: Tensor, rows: int) -> Tensor:
        """The block, rows x width."""
        return tensor[self.begin * rows : (self.begin + self.width) * rows].view(rows, self.width)


class Memory:
    """Addresses by role in the generated code; it keeps the tensors alive."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.at: dict[tuple[str, ...], int] = {}
        self.symbols = 0
        """The address of the places of ones, if the input is one-hot."""
        self._held: list[Tensor] = []

    def put(self, tensor: Tensor, *role: str) -> Tensor:
        """Let a tensor be what lies there."""
        assert tensor.dtype is self.dtype and tensor.is_contiguous(), role
        self.at[role] = tensor.data_ptr()
        self._held.append(tensor)
        return tensor

    def put_parts(self, tensor: Tensor, parts: Mapping[tuple[str, ...], Part], rows: int) -> None:
        """Let blocks of a tensor, each of so many rows, be what lies in some places."""
        address, size = tensor.data_ptr(), tensor.element_size() * rows
        for role, part in parts.items():
            self.at[role] = address + part.begin * size
        self._held.append(tensor)

    def put_nothing(self, *role: str) -> None:
        """Say that what lies there is not wanted."""
        self.at[role] = 0

    def put_symbols(self, symbols: Tensor) -> None:
        """Let the input be one-hot, with the ones in these places."""
        assert symbols.dtype is torch.int64 and symbols.is_contiguous()
        self.symbols = symbols.data_ptr()
        self._held.append(symbols)


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Memory for numbers, in large pages if there are many of them.

    A block that malloc maps anew comes in small pages, each of which costs a fault when it is first
    written to: measured, up to a tenth of a run.
    """
    made = torch.empty(shape, dtype=dtype, device="cpu")
    if made.nbytes >= LARGE and (advise := _madvise()) is not None:
        begin, end = made.data_ptr(), made.data_ptr() + made.nbytes
        begin = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
        advise(begin, end - begin, mmap.MADV_HUGEPAGE)
    return made


@lru_cache(maxsize=1)
def _madvise() -> Callable[[int, int, int], int] | None:
    """The C library's function, where large pages can be asked for."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return None
    found = ctypes.CDLL(None).madvise
    found.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    return found


_zeros: dict[torch.dtype, Tensor] = {}


def zeros(numbers: int, dtype: torch.dtype) -> Tensor:
    """So many zeros at least, the same ones each time: to read, never to write."""
    known = _zeros.get(dtype)
    if known is None or known.numel() < numbers:
        known = _zeros[dtype] = torch.zeros(numbers, dtype=dtype, device="cpu")
    return known
