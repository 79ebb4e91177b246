"""What every recurrent layer shares: options, forms of input and state, one run of the stack."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unrolled.cells import GALLERY
from unrolled.compiler.emit_c import emit
from unrolled.compiler.explanation import explain
from unrolled.compiler.layout import layout_of
from unrolled.compiler.plan import plan_of
from unrolled.errors import (
    DeviceError,
    DtypeError,
    OptionError,
    ShapeError,
    SizeError,
    UnknownNameError,
)
from unrolled.lang.cell import Cell
from unrolled.layers.backends import Choice, choose, obstacle_of, obstacle_to_c
from unrolled.layers.in_c import like_of
from unrolled.layers.options import Options, check_whole, wrong_type
from unrolled.layers.recording import NOTHING, Recording
from unrolled.layers.sequences import Opened, close_output, open_input
from unrolled.layers.stack import Plan, run_stack
from unrolled.layers.states import close_state, open_state, state_type, zero_states
from unrolled.runtime import team
from unrolled.runtime.building import probed_program, program_for
from unrolled.runtime.eager import Weights
from unrolled.runtime.kernel import Kernel, kernel_for
from unrolled.runtime.program import Program


class Layer(nn.Module, ABC):
    """A cell over sequences; its subclasses say how their parameters are named and stored."""

    cell: Cell

    def __init__(self, cell: Cell, options: Options, sizes: Mapping[str, int]) -> None:
        super().__init__()
        options.check(type(self).__name__)
        if not isinstance(cell, Cell):
            wanted = 'a cell: a function under @cell, or find_cell("lstm")'
            raise wrong_type(type(self).__name__, "cell", cell, wanted)
        self.cell = cell
        self.input_size = options.input_size
        self.hidden_size = options.hidden_size
        self.num_layers = options.num_layers
        self.batch_first = options.batch_first
        self.dropout = float(options.dropout)
        self.bidirectional = options.bidirectional
        self.backend = options.backend
        self.sizes = dict(sizes)
        self._check_sizes()
        sizes = {"X": self.input_size, "H": self.hidden_size, **self.sizes}
        self._sizes = self._sizes_above = tuple(sizes.items())
        self._state_widths = tuple(self.program(0).state_widths)
        above = {**sizes, "X": self._state_widths[0] * self.directions}
        self._sizes_above = tuple(above.items())
        self._check_widths()
        self._stored_shapes = [
            shape
            for layer in range(self.num_layers)
            for _ in range(self.directions)
            for shape in layout_of(cell).shapes(dict(self.layer_sizes(layer))).values()
        ]
        state_type(cell.state_names)  # so that torch.compile need not trace its making

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        state_type(self.cell.state_names)

    @abstractmethod
    def weights(self, layer: int, direction: int) -> Weights:
        """The stored tensors of one layer and direction, in the order of the cell's layout."""

    def stored(self, name: str) -> Tensor:
        """A stored tensor; one under a parametrization is no parameter of the layer itself."""
        found = self._parameters.get(name)
        return getattr(self, name) if found is None else found

    @property
    def directions(self) -> int:
        """1, or 2 for a layer that also runs backwards in time."""
        return 2 if self.bidirectional else 1

    def layer_sizes(self, layer: int) -> tuple[tuple[str, int], ...]:
        """The size of each width symbol in one layer; above the first, X is what lies below."""
        return self._sizes_above if layer else self._sizes

    def program(self, layer: int, watch: tuple[str, ...] = ()) -> Program:
        """The program of one layer, for the layer's present mode.

        Args:
            layer: Counted from 0, the lowest.
            watch: Names of the equations to which a probe is added.

        Raises:
            SizeError: The layer's sizes break an equation of its cell.
        """
        try:
            if watch:
                return probed_program(self.cell, self.layer_sizes(layer), watch)
            return program_for(self.cell, self.layer_sizes(layer), training=self.training)
        except SizeError as error:
            projected = f"{self.cell.name}_projected"
            hint = f" Use {projected}, which takes any width." if projected in GALLERY else ""
            raise SizeError(**{**error.facts, "hint": hint}) from None

    def state_shapes(self, batch: int = 1) -> list[tuple[int, int, int]]:
        """The shape of each state: layers*directions, batch, width."""
        rows = self.num_layers * self.directions
        return [(rows, batch, width) for width in self._state_widths]

    def _check_widths(self) -> None:
        """Refuse states that are not equally wide in all layers."""
        above = self.program(self.num_layers - 1).state_widths
        if tuple(above) != self._state_widths:
            facts = {"left": "its states' widths in layer 0", "right": "those in layer 1"}
            got = f"{list(self._state_widths)} and {list(above)}"
            raise SizeError(cell=self.cell.name, **facts, sizes=got, hint="", place="")

    def step(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """One time step: x is B x X (or X, or whole numbers B), the output B x H.

        Masks that last a sequence are drawn anew at each call in training.

        Raises:
            OptionError: The layer also runs backwards, which needs the whole sequence.
            ShapeError: The input has the wrong shape.
            StateError: The state has the wrong shape.
        """
        if self.bidirectional:
            name, wanted = type(self).__name__, "False to step through time"
            raise OptionError(layer=name, option="bidirectional", got=True, wanted=wanted)
        axis = 1 if self.batch_first and x.dim() - int(x.is_floating_point()) == 1 else 0
        output, state = self.run(x.unsqueeze(axis), state)
        assert isinstance(output, Tensor)
        return output.squeeze(axis), state

    def run(
        self,
        x: Tensor | PackedSequence,
        state: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        record: str | Sequence[str] = (),
        record_gradients: str | Sequence[str] = (),
    ) -> Any:
        """Run the layer; see `Recurrent.forward` for the forms of input and result."""
        name = type(self).__name__
        recording = Recording.of(record, record_gradients)
        recording.check(self.cell, layer=name)
        opened = open_input(x, batch_first=self.batch_first, lengths=lengths, name=name)
        weights = self._all_weights()
        like = like_of(weights[0], opened.x)
        self._check(opened.x, like)
        batched = opened.form.batched
        first = None
        if state is not None:
            shapes = self.state_shapes(opened.x.shape[1])
            first = open_state(state, shapes, cell=self.cell, batched=batched)
            for label, part in zip(self.cell.state_names, first, strict=True):
                self._check_device(label, part, like)
                self._check_dtype(label, part, like)
        kernels = self._kernels_for([opened.x, *(first or ())], weights, like, recording)
        if first is None and len(kernels) == 0:
            first = zero_states(self.state_shapes(opened.x.shape[1]), like)
        watch = recording.gradients
        programs = [] if len(kernels) else [self.program(i, watch) for i in range(self.num_layers)]
        plan = Plan(
            programs, kernels, self.num_layers, self.directions, self.dropout, recording.values
        )
        probes = self._probes(recording, opened, like)
        made = run_stack(
            plan,
            opened.x,
            first,
            weights,
            lengths=opened.lengths,
            training=self.training,
            probes=probes if batched else {n: p.unsqueeze(2) for n, p in probes.items()},
        )
        result = (
            close_output(made.output, opened.form),
            close_state(made.last, cell=self.cell, batched=batched),
        )
        recorded = [_close_recorded(made.recorded, opened)] if recording.values else []
        return (*result, *recorded, *([probes] if probes else []))

    def _probes(self, recording: Recording, opened: Opened, like: Tensor) -> dict[str, Tensor]:
        """Zeros that get the gradients of values, as the caller gets them."""
        if not recording.gradients:
            return {}
        sizes = [dict(self.layer_sizes(layer)) for layer in range(self.num_layers)]
        steps, batch = opened.x.shape[:2]
        shape = [self.num_layers * self.directions, steps, *([batch] * opened.form.batched)]
        return recording.probes(self.cell, sizes, shape, like)

    def _kernels_for(
        self,
        read: Sequence[Tensor],
        weights: Sequence[Weights],
        like: Tensor,
        recording: Recording,
    ) -> Sequence[Kernel | str]:
        """The compiled cells for a run, or none; as text where torch traces it."""
        if torch.compiler.is_compiling():
            # Here, not above: it loads torch's compiler, which would double the time to start.
            from unrolled.layers.traced import kernel_texts  # noqa: PLC0415

            values = recording.values
            return kernel_texts(self, like.device, like.dtype, self._draws_masks(), values)
        return self._choice(read, weights, like, recording).kernels

    def _choice(
        self,
        read: Sequence[Tensor],
        weights: Sequence[Weights],
        like: Tensor,
        recording: Recording,
    ) -> Choice:
        """The backend for a run."""
        kernels = self._compiling(like.dtype, self._draws_masks(), recording)
        stored = (part for own in weights for part in (*own.stacks, own.bias, own.vector))
        plain = [part for part in stored if part is not None]
        obstacle = obstacle_to_c(read, like, plain, self._stored_shapes)
        return choose(self.backend, obstacle, kernels, layer=type(self).__name__)

    def kernel_texts(
        self, device: torch.device, dtype: torch.dtype, masks: bool, record: tuple[str, ...]
    ) -> tuple[str, ...]:
        """What the compiled cells tell of themselves, for a trace; none if it takes no C."""
        kernels = self._compiling(dtype, masks, Recording(record, ()))
        name = type(self).__name__
        choice = choose(self.backend, obstacle_of(device, dtype), kernels, layer=name)
        return tuple(kernel.text for kernel in choice.kernels)

    def _compiling(
        self, dtype: torch.dtype, masks: bool, recording: Recording
    ) -> Callable[[], tuple[Kernel, ...]]:
        """What compiles the cell for each layer, when it is called."""
        record, watch = recording.values, tuple(sorted(recording.gradients))
        return lambda: tuple(
            kernel_for(
                self.cell, self.layer_sizes(i), dtype, masks=masks, record=record, watch=watch
            )
            for i in range(self.num_layers)
        )

    def _draws_masks(self) -> bool:
        return self.training and bool(self.cell.masks)

    def _choice_now(self) -> Choice:
        """The backend for the layer as it is now, whatever it reads."""
        weights = self._all_weights()
        return self._choice([], weights, like_of(weights[0], torch.empty(0)), NOTHING)

    def _all_weights(self) -> list[Weights]:
        rows = range(self.num_layers * self.directions)
        return [self.weights(*divmod(row, self.directions)) for row in rows]

    def kernels(self) -> tuple[Kernel, ...]:
        """The compiled cells that run the layer as it is now, the lowest first; none if eager."""
        return self._choice_now().kernels

    def explain(self) -> str:
        """Which backend runs the layer as it is now, why, and what it does at each step."""
        choice, plan = self._choice_now(), plan_of(self.cell, masks=self._draws_masks())
        lines = [f"{self.cell.name} runs on backend {choice.backend!r}: {choice.reason}"]
        if choice.backend == "c":
            lines.append(f"threads: {team.size()}, {team.whose()}")
        return "\n".join([*lines, explain(plan)])

    def source(self, backend: str = "c") -> str:
        """The code generated for the layer's cell in its present mode.

        Args:
            backend: "c".

        Raises:
            OptionError: There is no such generated code.
        """
        if backend != "c":
            name = type(self).__name__
            raise OptionError(layer=name, option="source of backend", got=backend, wanted="'c'")
        return emit(plan_of(self.cell, masks=self._draws_masks()))

    def _check(self, x: Tensor, like: Tensor) -> None:
        """Refuse an input that does not fit the weights."""
        name = type(self).__name__
        self._check_device("x", x, like)
        if not x.is_floating_point():
            self._check_symbols(x, like)
            return
        self._check_dtype("x", x, like)
        if x.shape[-1] != self.input_size:
            steps, batch, width = x.shape
            problem = (
                f"read as T={steps} B={batch} X={width}, but input_size={self.input_size}. "
                f"Build {name} with input_size={width}, or project x first"
            )
            raise ShapeError(layer=name, shape=[steps, batch, width], problem=problem)

    def _check_device(self, tensor: str, given: Tensor, like: Tensor) -> None:
        if given.device != like.device:
            got, wanted = str(given.device), str(like.device)
            raise DeviceError(layer=type(self).__name__, tensor=tensor, got=got, wanted=wanted)

    def _check_dtype(self, tensor: str, given: Tensor, like: Tensor) -> None:
        if given.dtype != like.dtype and not torch.is_autocast_enabled(given.device.type):
            got, wanted = given.dtype, like.dtype
            raise DtypeError(layer=type(self).__name__, tensor=tensor, got=got, wanted=wanted)

    def _check_symbols(self, x: Tensor, like: Tensor) -> None:
        name = type(self).__name__
        if x.dtype not in (torch.int32, torch.int64):
            raise DtypeError(layer=name, tensor="x", got=x.dtype, wanted=like.dtype)
        if torch.compiler.is_compiling():
            return  # a trace has no values: the operator looks, when it runs
        if x.numel() and not (0 <= int(x.min()) and int(x.max()) < self.input_size):
            problem = (
                f"it holds the whole numbers {int(x.min())} to {int(x.max())}, which pick one of "
                f"input_size={self.input_size} inputs. Give 0 to {self.input_size - 1}"
            )
            raise ShapeError(layer=name, shape=list(x.shape), problem=problem)

    def _check_sizes(self) -> None:
        own = layout_of(self.cell).widths.symbols[2:]  # after X and H
        for symbol, size in self.sizes.items():
            if symbol not in own:
                known = ", ".join(own) or "none of its own"
                raise UnknownNameError(cell=self.cell.name, kind="width", name=symbol, known=known)
            check_whole(type(self).__name__, f"sizes[{symbol!r}]", size, least=1)

    def start_uniform(self) -> None:
        """Set every parameter as torch's recurrent layers start: uniform within 1/sqrt(H)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)


def _close_recorded(recorded: Mapping[str, Tensor], opened: Opened) -> dict[str, Tensor]:
    """Recorded values as the caller gets them: L*D x T x B x width, no B if none came."""
    if opened.form.batched:
        return dict(recorded)
    return {name: values.squeeze(2) for name, values in recorded.items()}
