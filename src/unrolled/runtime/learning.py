"""Compiled layers that learn a text in C: forward, readout, backward and update, chunk by chunk."""

import ctypes
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.runtime.eager import Weights
from unrolled.runtime.held import Held
from unrolled.runtime.kernel import Direction, Kernel
from unrolled.runtime.library import fixed_library
from unrolled.runtime.memory import Memory
from unrolled.runtime.passes import Laid, Owed, lay_backward, lay_forward
from unrolled.runtime.rows import equal_rows
from unrolled.runtime.task import Inputs


class _Parameter(ctypes.Structure):
    """As `struct parameter` of learning.c."""

    _fields_ = [
        ("numbers", ctypes.c_void_p),
        ("gradients", ctypes.c_void_p),
        ("squares", ctypes.c_void_p),
        ("count", ctypes.c_long),
    ]


class _Block(ctypes.Structure):
    """As `struct block` of learning.c."""

    _fields_ = [("numbers", ctypes.c_void_p), ("count", ctypes.c_long)]


class _Learner(ctypes.Structure):
    """As `struct learner` of learning.c."""

    _fields_ = [
        ("layers", ctypes.c_long),
        ("forward", ctypes.c_void_p),
        ("backward", ctypes.c_void_p),
        ("calls", ctypes.c_void_p),
        ("rows", ctypes.c_long),
        ("batch", ctypes.c_long),
        ("states", ctypes.c_long),
        ("first", ctypes.c_void_p),
        ("last", ctypes.c_void_p),
        ("widths", ctypes.c_void_p),
        ("blocks", ctypes.c_long),
        ("zeros", ctypes.c_void_p),
        ("parameters", ctypes.c_long),
        ("learned", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("owed", ctypes.c_void_p),
        ("weight", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("weight_gradient", ctypes.c_void_p),
        ("bias_gradient", ctypes.c_void_p),
        ("output_size", ctypes.c_long),
        ("symbols", ctypes.c_long),
        ("packed", ctypes.c_void_p),
        ("packed_back", ctypes.c_void_p),
        ("panels", ctypes.c_void_p),
        ("scores", ctypes.c_void_p),
    ]


class _Rule(ctypes.Structure):
    """As `struct rule` of learning.c."""

    _fields_ = [("rate", ctypes.c_double), ("eps", ctypes.c_double), ("clip", ctypes.c_double)]


def can_learn(kernels: Sequence[Kernel], steps: int, batch: int) -> bool:
    """Whether C alone can train these layers: no masks, nothing for torch to do, one thread."""
    if not kernels or kernels[0].program.reads_input:
        return False
    rows = equal_rows(steps, batch, reverse=False)
    return not any(k.masks or k.given or k.split(rows).slices > 1 for k in kernels)


class Learner:
    """A network of compiled layers and a readout that learns from a state of its own."""

    def __init__(
        self,
        kernels: Sequence[Kernel],
        weights: Sequence[Weights],
        state: Sequence[Tensor],
        readout: tuple[Tensor, Tensor],
        squares: dict[Tensor, Tensor],
        *,
        steps: int,
    ) -> None:
        """Copy the state, and prepare the chunks.

        Args:
            kernels: The compiled cells, the lowest first; `can_learn` must hold.
            weights: Those of each layer; they are changed in place.
            state: The first states, each L x B x width.
            readout: Weight (V x H) and bias (V), changed in place too.
            squares: For each parameter the sums of its gradients' squares.
            steps: T, of a chunk.
        """
        self._first = [[part[layer].clone() for part in state] for layer in range(len(kernels))]
        self._kernels, self._weights, self._readout = kernels, weights, readout
        self._squares = squares
        self._held = Held(kernels, weights, readout, squares)
        self._rows = equal_rows(steps, state[0].shape[1], reverse=False)
        self._learner = self._prepared()
        self.work = sum(kernel.work for kernel in kernels) + readout[0].numel()
        """Multiplications of a row's step, forward."""
        self._learn = fixed_library("learning", double=kernels[0].dtype is torch.float64).learn

    @property
    def state(self) -> list[Tensor]:
        """The states after the last chunk, each L x B x width."""
        return [torch.stack(parts) for parts in zip(*self._first, strict=True)]

    def learn(self, text: Tensor, *, rate: float, eps: float, clip: float) -> Tensor:
        """Learn from all whole chunks of a text; the summed loss of each, in nats.

        Args:
            text: Whole numbers, 1 + chunks * T x B, int64.
            rate: Of Adagrad.
            eps: Of Adagrad: what is added to the root.
            clip: The greatest size of each number of a gradient; 0 for none.
        """
        losses = torch.zeros((len(text) - 1) // self._rows.steps, dtype=torch.float64, device="cpu")
        learner, rule = ctypes.byref(self._learner), ctypes.byref(_Rule(rate, eps, clip))
        text_at, losses_at = (ctypes.c_void_p(t.data_ptr()) for t in (text, losses))
        self._learn(learner, rule, text_at, ctypes.c_long(len(losses)), losses_at)
        return losses

    def _prepared(self) -> _Learner:
        held, rows, kernels = self._held, self._rows, self._kernels
        weight, bias = self._readout
        (symbols, size), dtype, panel = weight.shape, weight.dtype, kernels[0].algebra.panel
        gradients = torch.zeros_like(weight), torch.zeros_like(bias)
        layers, output, owed = self._lay_layers()
        learned = [pair for layer in layers for pair in layer.learned]
        first, last = (
            list(chain(*parts)) for parts in (self._first, (layer.last for layer in layers))
        )
        zeros = [tensor for layer in layers for tensor in layer.zeros]
        learned += zip(self._readout, gradients, strict=True)
        return _Learner(
            layers=len(kernels),
            forward=held.addresses(kernel.forward.address for kernel in kernels),
            backward=held.addresses(kernel.backward.address for kernel in kernels),
            calls=held.addresses(address for layer in layers for address in layer.calls),
            rows=rows.total,
            batch=rows.batch,
            states=len(first),
            first=held.addresses(map(held.tensor, first)),
            last=held.addresses(map(held.tensor, last)),
            widths=held.numbers(tensor.numel() for tensor in first),
            blocks=len(zeros),
            zeros=held.row(_Block, (_Block(held.tensor(t), t.numel()) for t in zeros)),
            parameters=len(learned),
            learned=held.row(_Parameter, (self._parameter(*pair) for pair in learned)),
            output=held.tensor(output),
            owed=held.tensor(owed),
            weight=held.tensor(weight),
            bias=held.tensor(bias),
            weight_gradient=held.tensor(gradients[0]),
            bias_gradient=held.tensor(gradients[1]),
            output_size=size,
            symbols=symbols,
            packed=held.room(symbols + panel, size, dtype=dtype),
            packed_back=held.room(size + panel, symbols, dtype=dtype),
            panels=held.room(kernels[0].algebra.rows_at_once, size + panel, dtype=dtype),
            scores=held.room(rows.total, symbols, dtype=dtype),
        )

    def _parameter(self, numbers: Tensor, gradient: Tensor) -> _Parameter:
        tensors = numbers, gradient, self._squares[numbers]
        return _Parameter(*map(self._held.tensor, tensors), numbers.numel())

    def _lay_layers(self) -> tuple[list["_Layer"], Tensor, Tensor]:
        """Memory for all layers, the output of the highest, and room for its gradient."""
        shape = self._rows.steps, self._rows.batch
        x = torch.zeros(shape, dtype=torch.int64, device="cpu")
        forward: list[tuple[Inputs, Laid, int]] = []
        for kernel, weights, first in zip(self._kernels, self._weights, self._first, strict=True):
            stored = weights.stacks, weights.bias, weights.vector
            inputs = Inputs(x, tuple(first), *stored, (), ())
            memory, laid = lay_forward(kernel, self._rows, inputs)
            forward.append((inputs, laid, self._call(kernel.forward, memory)))
            x = laid.output
        owed = gradient = torch.zeros_like(x)
        layers: list[_Layer] = []
        for kernel, (inputs, laid, call) in zip(self._kernels[::-1], forward[::-1], strict=True):
            want = inputs.like([tensor is not None for tensor in inputs.flat()])
            want = want._replace(x=inputs.x.is_floating_point())
            owing = Owed((gradient,), (None,) * len(laid.last))
            made = laid.output, laid.kept
            memory, found = lay_backward(kernel, self._rows, inputs, made, owing, want)
            stored = (*inputs.stacks, inputs.bias, inputs.vector)
            pairs = zip(stored, (*found.stacks, found.bias, found.vector), strict=True)
            learned = [(numbers, flow) for numbers, flow in pairs if numbers is not None]
            calls = call, self._call(kernel.backward, memory)
            layers.insert(0, _Layer(calls, laid.last, [*found.first, *found.stacks], learned))
            gradient = found.x
        return layers, x, owed

    def _call(self, direction: Direction, memory: Memory) -> int:
        """The address of the call that makes a chunk's steps."""
        call, alive = direction.prepare(self._rows, memory)
        self._held.keep(direction, memory, call, alive)
        return ctypes.addressof(call)


class _Layer(NamedTuple):
    """A layer's memory."""

    calls: tuple[int, int]  # forward, backward
    last: list[Tensor]
    zeros: list[Tensor]
    """What must be zero before it goes backward."""
    learned: list[tuple[Tensor, Tensor]]
    """Its parameters with their gradients."""
