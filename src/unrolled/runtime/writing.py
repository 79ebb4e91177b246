"""Text written by compiled layers: steps, readout and draws in one call into C."""

import ctypes
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.runtime.eager import Weights
from unrolled.runtime.given import given_values
from unrolled.runtime.kernel import Call, Kernel
from unrolled.runtime.library import HEADERS, headers
from unrolled.runtime.library_cache import load_library
from unrolled.runtime.passes import memory_of
from unrolled.runtime.rows import rows_for
from unrolled.runtime.task import Inputs


class Readout(NamedTuple):
    """What turns the highest layer's output into a score for each symbol."""

    weight: Tensor  # V H
    bias: Tensor | None  # V


class _Network(ctypes.Structure):
    """As `struct network` of writing.c."""

    _fields_ = [
        ("layers", ctypes.c_long),
        ("forward", ctypes.c_void_p),
        ("calls", ctypes.c_void_p),
        ("input", ctypes.c_void_p),
        ("embedding", ctypes.c_void_p),
        ("input_size", ctypes.c_long),
        ("states", ctypes.c_long),
        ("first", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("widths", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("packed", ctypes.c_void_p),
        ("scores", ctypes.c_void_p),
        ("output_size", ctypes.c_long),
        ("symbols", ctypes.c_long),
    ]


class _Choice(ctypes.Structure):
    """As `struct choice` of writing.c."""

    _fields_ = [
        ("temperature", ctypes.c_double),
        ("top_p", ctypes.c_double),
        ("top_k", ctypes.c_long),
    ]


class _Writing(ctypes.Structure):
    """As `struct writing` of writing.c."""

    _fields_ = [
        ("count", ctypes.c_long),
        ("text", ctypes.c_void_p),
        ("uniform", ctypes.c_void_p),
        ("chances", ctypes.c_void_p),
        ("heap", ctypes.c_void_p),
    ]


def can_write(kernels: Sequence[Kernel]) -> bool:
    """Whether C alone can make these layers' steps: some cells need torch at each."""
    return bool(kernels) and all(settled for kernel in kernels for _, settled in kernel.given)


class Writer:
    """A network of compiled layers that writes on from a state of its own."""

    def __init__(
        self,
        kernels: Sequence[Kernel],
        weights: Sequence[Weights],
        state: Sequence[Tensor],
        *,
        embedding: Tensor | None,
        readout: Readout,
    ) -> None:
        """Copy the state, and prepare the steps.

        Args:
            kernels: The compiled cells, the lowest first; `can_write` must hold.
            weights: Those of each layer, which are read anew at each call.
            state: The first states, each L x 1 x width.
            embedding: What the lowest layer reads for each symbol (V x E); None for one-hot.
            readout: What makes scores of the highest output.
        """
        dtype, self._symbols = kernels[0].dtype, len(readout.weight)
        width = self._symbols if embedding is None else embedding.shape[1]
        reads_place = embedding is None and not kernels[0].program.reads_input
        self._held: list[Any] = [embedding, readout]
        self._first, self._last = list[Tensor](), list[Tensor]()
        place, whole = torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, width, dtype=dtype)
        lowest = output = place if reads_place else whole
        calls: list[Call] = []
        for layer, (kernel, of_layer) in enumerate(zip(kernels, weights, strict=True)):
            first = [part[layer].detach().clone() for part in state]
            output, call = self._lay(kernel, of_layer, output, first)
            calls.append(call)
        self._network = _Network(
            layers=len(kernels),
            forward=self._addresses(kernel.forward.address for kernel in kernels),
            calls=self._addresses(map(ctypes.addressof, calls)),
            input=None if reads_place else lowest.data_ptr(),
            embedding=None if embedding is None else embedding.data_ptr(),
            input_size=width,
            states=len(self._first),
            first=self._addresses(tensor.data_ptr() for tensor in self._first),
            last=self._addresses(tensor.data_ptr() for tensor in self._last),
            widths=self._numbers([tensor.numel() for tensor in self._first]),
            output=output.data_ptr(),
            weight=readout.weight.data_ptr(),
            bias=None if readout.bias is None else readout.bias.data_ptr(),
            packed=self._room(self._symbols + kernels[0].panel, output.shape[-1], dtype=dtype),
            scores=self._room(self._symbols, dtype=dtype),
            output_size=output.shape[-1],
            symbols=self._symbols,
        )
        self._write = _library(double=dtype is torch.float64).write_text

    def write(
        self, symbol: int, uniform: Tensor, *, temperature: float, top_k: int, top_p: float
    ) -> list[int]:
        """The symbols that follow; fewer than wanted if the scores are no numbers any more.

        Args:
            symbol: What is read first.
            uniform: A number from [0, 1) for each symbol to draw, float64.
            temperature: Divides the scores; 0 takes the likeliest.
            top_k: Draws among so many of the likeliest; 0 among all.
            top_p: Draws among the likeliest that together have this share.
        """
        text = torch.full((len(uniform) + 1,), symbol)
        chances = torch.empty(self._symbols, dtype=torch.float64)
        heap = torch.empty(self._symbols, dtype=torch.int64)
        tensors = text, uniform, chances, heap
        writing = _Writing(len(uniform), *(tensor.data_ptr() for tensor in tensors))
        choice = _Choice(temperature, top_p, top_k)
        pointers = (ctypes.byref(part) for part in (self._network, choice, writing))
        return text[1 : 1 + self._write(*pointers)].tolist()

    def _lay(
        self, kernel: Kernel, weights: Weights, x: Tensor, first: Sequence[Tensor]
    ) -> tuple[Tensor, Call]:
        """Memory for a step of one row: the output, and the call that makes it."""
        rows, step = rows_for(x, None, reverse=False), kernel.plan.step
        given = given_values(step, kernel.program, x, weights, {}, {}) if step.given else ()
        stored = weights.stacks, weights.bias, weights.vector
        memory = memory_of(kernel, rows, Inputs(x, tuple(first), *stored, (), given))
        last = [torch.zeros_like(part) for part in first]
        for label, part in zip(kernel.states, last, strict=True):
            memory.put(part, "last", label)
        width = kernel.forward.widths[kernel.output]
        output = memory.put(torch.zeros(1, 1, width, dtype=kernel.dtype), *kernel.output)
        call, held = kernel.forward.prepare(rows, memory)
        self._held += [kernel, memory, call, held]
        self._first += first
        self._last += last
        return output, call

    def _room(self, *shape: int, dtype: torch.dtype) -> int:
        """The address of memory for so many numbers."""
        self._held.append(torch.empty(shape, dtype=dtype, device="cpu"))
        return self._held[-1].data_ptr()

    def _addresses(self, values: Iterable[int | None]) -> int:
        """The address of a row of addresses."""
        found = [*values]
        self._held.append((ctypes.c_void_p * len(found))(*found))
        return ctypes.addressof(self._held[-1])

    def _numbers(self, values: Sequence[int]) -> int:
        """The address of a row of whole numbers."""
        self._held.append((ctypes.c_long * len(values))(*values))
        return ctypes.addressof(self._held[-1])


@lru_cache(maxsize=2)
def _library(*, double: bool) -> ctypes.CDLL:
    """The C that writes, which is the same for every cell."""
    source = (HEADERS / "writing.c").read_text()
    library = load_library(source, name="writing", headers=headers(), double=double)
    library.write_text.restype = ctypes.c_long
    return library
