"""Structures that C reads, and what must live as long as they."""

import ctypes
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor


class Held:
    """Keeps alive what it gives the addresses of."""

    def __init__(self, *values: object) -> None:
        self.values: list[object] = [*values]

    def keep(self, *values: object) -> None:
        """Keep these too."""
        self.values += values

    def room(self, *shape: int, dtype: torch.dtype) -> int:
        """The address of memory for so many numbers."""
        return self.tensor(torch.empty(shape, dtype=dtype, device="cpu"))

    def tensor(self, tensor: Tensor | None) -> int:
        """The address of a tensor's numbers, which must lie one after the other; 0 for None."""
        self.keep(tensor)
        assert tensor is None or tensor.is_contiguous()
        return 0 if tensor is None else tensor.data_ptr()

    def addresses(self, values: Iterable[int | None]) -> int:
        """The address of a row of addresses."""
        return self.row(ctypes.c_void_p, values)

    def numbers(self, values: Iterable[int]) -> int:
        """The address of a row of whole numbers."""
        return self.row(ctypes.c_long, values)

    def row(self, kind: Any, values: Iterable[Any]) -> int:
        """The address of some values of a C type, one after the other."""
        found = [*values]
        made = (kind * len(found))(*found)
        self.keep(made)
        return ctypes.addressof(made)
