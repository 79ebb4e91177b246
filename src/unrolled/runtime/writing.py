"""Text written by compiled layers: steps, readout and draws in one call into C."""

import ctypes
from collections.abc import Sequence

import torch
from torch import Tensor

from unrolled.runtime.eager import Weights
from unrolled.runtime.held import Held
from unrolled.runtime.kernel import Kernel
from unrolled.runtime.library import fixed_library
from unrolled.runtime.passes import lay_forward
from unrolled.runtime.rows import equal_rows
from unrolled.runtime.task import Inputs


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
    """Whether C alone can make these layers' steps: some cells need torch beside it."""
    return bool(kernels) and not any(kernel.given for kernel in kernels)


class Writer:
    """A network of compiled layers that writes on from a state of its own."""

    def __init__(
        self,
        kernels: Sequence[Kernel],
        weights: Sequence[Weights],
        state: Sequence[Tensor],
        *,
        embedding: Tensor | None,
        readout: tuple[Tensor, Tensor | None],
    ) -> None:
        """Copy the state, and prepare the steps.

        Args:
            kernels: The compiled cells, the lowest first; `can_write` must hold.
            weights: Those of each layer, which are read anew at each call.
            state: The first states, each L x 1 x width.
            embedding: What the lowest layer reads for each symbol (V x E); None for one-hot.
            readout: Weight (V x H) and bias (V), which make scores of the highest output.
        """
        self._dtype, self._symbols = kernels[0].dtype, len(readout[0])
        self._held, self._layers = Held(embedding, readout), len(kernels)
        width = kernels[0].sizes["X"]
        self._readable = width if embedding is None else len(embedding)
        self._first, self._last = list[Tensor](), list[Tensor]()
        lowest = torch.zeros(1, 1, width, dtype=self._dtype, device="cpu")
        if embedding is None and not kernels[0].program.reads_input:
            lowest = torch.zeros(1, 1, dtype=torch.int64, device="cpu")
        output, calls = lowest, list[int]()
        for layer, (kernel, of_layer) in enumerate(zip(kernels, weights, strict=True)):
            first = [part[layer].detach().clone() for part in state]
            output, call = self._lay(kernel, of_layer, output, first)
            calls.append(call)
        self._network = self._network_of(kernels, calls, lowest, output, embedding, readout)
        self._write = fixed_library("writing", double=self._dtype is torch.float64).write_text
        self._write.restype = ctypes.c_long

    @property
    def state(self) -> Tensor | tuple[Tensor, ...]:
        """The state after the last symbol that was read, as a layer takes it."""
        count = len(self._first) // self._layers
        parts = tuple(torch.stack(self._first[number::count]) for number in range(count))
        return parts[0] if count == 1 else parts

    def reads(self, symbol: int) -> bool:
        """Whether there is such a symbol."""
        return 0 <= symbol < self._readable

    def write(
        self, symbol: int, uniform: Tensor, *, temperature: float, top_k: int, top_p: float
    ) -> list[int]:
        """The symbols that follow; fewer than wanted if the scores are no numbers any more.

        Args:
            symbol: What is read first; `reads` must hold.
            uniform: A number from [0, 1) for each symbol to draw, float64.
            temperature: Divides the scores; 0 takes the likeliest.
            top_k: Draws among so many of the likeliest; 0 among all.
            top_p: Draws among the likeliest that together have this share.
        """
        text = torch.full((len(uniform) + 1,), symbol, dtype=torch.int64, device="cpu")
        chances = torch.empty(self._symbols, dtype=torch.float64, device="cpu")
        heap = torch.empty(self._symbols, dtype=torch.int64, device="cpu")
        tensors = text, uniform, chances, heap
        writing = _Writing(len(uniform), *(tensor.data_ptr() for tensor in tensors))
        choice = _Choice(temperature, top_p, min(top_k, self._symbols))
        pointers = (ctypes.byref(part) for part in (self._network, choice, writing))
        return text[1 : 1 + self._write(*pointers)].tolist()

    def _network_of(  # noqa: PLR0913
        self,
        kernels: Sequence[Kernel],
        calls: Sequence[int],
        lowest: Tensor,
        output: Tensor,
        embedding: Tensor | None,
        readout: tuple[Tensor, Tensor | None],
    ) -> _Network:
        held, size = self._held, output.shape[-1]
        return _Network(
            layers=len(kernels),
            forward=held.addresses(kernel.forward.address for kernel in kernels),
            calls=held.addresses(calls),
            input=held.tensor(lowest) if lowest.is_floating_point() else None,
            embedding=held.tensor(embedding),
            input_size=lowest.shape[-1],
            states=len(self._first),
            first=held.addresses(map(held.tensor, self._first)),
            last=held.addresses(map(held.tensor, self._last)),
            widths=held.numbers(tensor.numel() for tensor in self._first),
            output=held.tensor(output),
            weight=held.tensor(readout[0]),
            bias=held.tensor(readout[1]),
            packed=held.room(self._symbols + kernels[0].algebra.panel, size, dtype=self._dtype),
            scores=held.room(self._symbols, dtype=self._dtype),
            output_size=size,
            symbols=self._symbols,
        )

    def _lay(
        self, kernel: Kernel, weights: Weights, x: Tensor, first: Sequence[Tensor]
    ) -> tuple[Tensor, int]:
        """Memory for a step of one row: the output, and the address of the call that makes it."""
        rows = equal_rows(1, 1, reverse=False)
        stored = weights.stacks, weights.bias, weights.vector
        memory, laid = lay_forward(kernel, rows, Inputs(x, tuple(first), *stored, (), ()))
        call, held = kernel.forward.prepare(rows, memory)
        self._held.keep(kernel, memory, call, held)
        self._first += first
        self._last += laid.last
        return laid.output, ctypes.addressof(call)
