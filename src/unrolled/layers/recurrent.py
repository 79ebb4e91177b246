"""A layer of any cell."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from unrolled.errors import UnknownNameError
from unrolled.lang.cell import Cell
from unrolled.layers.layer import Layer
from unrolled.layers.options import Options
from unrolled.runtime.eager import Weights


class Recurrent(Layer):
    """Any cell as a torch layer: stacked, one or both directions, with lengths.

    Parameters are stored stacked, one matrix for each vector that the equations multiply:
    `weight_x_l0`, `weight_h_l0`, `bias_l0`; `parameter("W.xi")` is the part that an equation names.

    Example:
        >>> layer = Recurrent(gru, input_size=64, hidden_size=128, num_layers=2)
        >>> output, state = layer(torch.randn(35, 8, 64))  # T B X
        >>> output.shape
        torch.Size([35, 8, 128])
    """

    def __init__(  # noqa: PLR0913
        self,
        cell: Cell,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        sizes: Mapping[str, int] | None = None,
        init: Mapping[str, float] | None = None,
        backend: str = "auto",
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        """Make the layer, its parameters uniform within 1/sqrt(hidden_size) as torch's.

        Args:
            cell: The equations.
            input_size: X, the width of the input.
            hidden_size: H, the width of the state.
            num_layers: L; each layer reads the outputs of the one below.
            batch_first: Inputs and outputs are B x T x ... instead of T x B x ...
            dropout: Probability of dropping an output between layers, in training.
            bidirectional: Run each layer backwards in time too, outputs side by side.
            sizes: Sizes of the cell's own width symbols, such as `{"R": 64}`.
            init: Initial values by parameter name, over the cell's own, such as `{"b.f": 2.0}`.
            backend: "eager", the meaning of the cell; "c", its generated C; "auto", the faster that
                can run.
            device: Where the parameters are made.
            dtype: What they are made of.

        Raises:
            OptionError: An option has an impossible value.
            OptionTypeError: An option has the wrong type.
            SizeError: The sizes break an equation of the cell.
            UnknownNameError: `init` names a parameter that the cell does not have.
        """
        options = Options(
            input_size, hidden_size, num_layers, batch_first, dropout, bidirectional, backend
        )
        super().__init__(cell, options, sizes or {})
        rows = range(num_layers * self.directions)
        self._names = [self._stored_names(*divmod(row, self.directions)) for row in rows]
        self.init = {**cell.init, **(init or {})}
        self._make_parameters(device, dtype)
        self._check_init()
        self.reset_parameters()

    def forward(
        self,
        x: Tensor | PackedSequence,
        state: Any = None,
        *,
        lengths: Tensor | Sequence[int] | None = None,
        record: str | Sequence[str] = (),
        record_gradients: str | Sequence[str] = (),
    ) -> Any:
        """Run the layer over a sequence.

        Args:
            x: T x B x X (B x T x X with batch_first), T x X for one sequence, a PackedSequence,
                or whole numbers T x B (or T) that stand for one-hot vectors.
            state: The first state: L*D x B x width for a one-state cell, else a tuple of those in
                the cell's order. None starts from zeros.
            lengths: Steps of each sequence (B). States stop there, outputs beyond are zero.
            record: Names of the equations whose values to return for all steps, or one name.
            record_gradients: Names of the equations for whose values the gradient of the loss is
                wanted, for all steps, or one name.

        Returns:
            The output in the form of the input, and the last state in the form of a first state;
            with `record` also a dict of name to L*D x T x B x width; with `record_gradients` then
            one of leaves of such shapes. They are zeros: it is their `.grad` that holds, after a
            backward, the gradient of the loss with respect to a value, by way of later steps too;
            None if there was no way. Backwards add up; equal expressions are one value.

        Raises:
            ShapeError: The input has the wrong shape.
            LengthsError: The lengths do not fit it.
            StateError: The state does not fit.
            DtypeError: Input and weights differ in dtype.
            DeviceError: Input and weights are on different devices.
            UnknownNameError: A name to record is none of the equations'.
            RecordError: A value to record is not equally wide in all layers.
            NoGradientError: A value whose gradient is wanted has none.
        """
        return self.run(x, state, lengths=lengths, record=record, record_gradients=record_gradients)

    def weights(self, layer: int, direction: int) -> Weights:
        """The stored tensors of one layer and direction."""
        stacks, bias, vector = self._names[layer * self.directions + direction]
        return Weights(
            tuple(map(self.stored, stacks)),
            None if bias is None else self.stored(bias),
            None if vector is None else self.stored(vector),
        )

    def parameter(self, name: str, *, layer: int = 0, reverse: bool = False) -> Tensor:
        """The part of the stored parameters that an equation names; a view.

        Args:
            name: As in the equations, such as "W.xi" or "b.f".
            layer: Counted from 0, the lowest.
            reverse: The direction backwards in time.

        Raises:
            UnknownNameError: The cell has no such parameter, or the layer no such part.
        """
        stored, rows = self._part(name, layer, reverse)
        return stored[rows]

    def gradient(self, name: str, *, layer: int = 0, reverse: bool = False) -> Tensor | None:
        """The gradient of that part, None before the first backward.

        Args:
            name: As in the equations, such as "W.xi" or "b.f".
            layer: Counted from 0, the lowest.
            reverse: The direction backwards in time.

        Raises:
            UnknownNameError: The cell has no such parameter, or the layer no such part.
        """
        stored, rows = self._part(name, layer, reverse)
        return None if stored.grad is None else stored.grad[rows]

    def reset_parameters(self) -> None:
        """Draw all parameters anew, then set those whose initial value is declared."""
        self.start_uniform()
        with torch.no_grad():
            for layer in range(self.num_layers):
                for name in self.program(layer).blocks:
                    value = self.init.get(name, self.init.get(name.partition("[")[0]))
                    for reverse in (False, True)[: self.directions if value is not None else 0]:
                        self.parameter(name, layer=layer, reverse=reverse).fill_(value or 0.0)

    def extra_repr(self) -> str:
        """The options that differ from their defaults, as nn.Module prints them."""
        shown = [self.cell.name, str(self.input_size), str(self.hidden_size)]
        defaults = {"num_layers": 1, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        shown += [f"{k}={getattr(self, k)}" for k, v in defaults.items() if getattr(self, k) != v]
        return ", ".join(shown + [f"sizes={self.sizes}"] * bool(self.sizes))

    def _part(self, name: str, layer: int, reverse: bool) -> tuple[Tensor, slice]:
        """The stored tensor that holds a parameter of the equations, and its rows in it."""
        blocks = self.program(layer).blocks
        if name not in blocks:
            known = ", ".join(blocks)
            raise UnknownNameError(cell=self.cell.name, kind="parameter", name=name, known=known)
        block = blocks[name]
        kind = f"{block.kind}_{block.key}" if block.key else block.kind
        stored = getattr(self, _stored(kind, layer, int(reverse)), None)
        if stored is None:
            known = f"layers 0 to {self.num_layers - 1}, {self.directions} direction(s)"
            where = f"{name} in layer {layer}{' reversed' * reverse}"
            raise UnknownNameError(cell=self.cell.name, kind="parameter", name=where, known=known)
        return stored, slice(block.start, block.stop)

    def _stored_names(
        self, layer: int, direction: int
    ) -> tuple[tuple[str, ...], str | None, str | None]:
        """What the stored tensors of a layer and direction are called: stacks, bias, vector."""
        layout = self.program(layer).layout
        kinds = layout.shapes(dict(self.layer_sizes(layer)))
        bias, vector = (
            _stored(kind, layer, direction) if kind in kinds else None
            for kind in ("bias", "vector")
        )
        keys = (stack.key for stack in layout.stacks)
        return tuple(_stored(f"weight_{key}", layer, direction) for key in keys), bias, vector

    def _make_parameters(
        self, device: torch.device | str | None, dtype: torch.dtype | None
    ) -> None:
        for layer in range(self.num_layers):
            shapes = self.program(layer).layout.shapes(dict(self.layer_sizes(layer)))
            for direction in range(self.directions):
                for name, shape in shapes.items():
                    empty = torch.empty(shape, device=device, dtype=dtype)
                    self.register_parameter(_stored(name, layer, direction), nn.Parameter(empty))

    def _check_init(self) -> None:
        blocks = self.program(0).blocks
        known = {*blocks, *(name.partition("[")[0] for name in blocks)}
        for name in self.init:
            if name not in known:
                names = ", ".join(blocks)
                raise UnknownNameError(
                    cell=self.cell.name, kind="parameter", name=name, known=names
                )


def _stored(name: str, layer: int, direction: int) -> str:
    """The name of a stored tensor in the state dict."""
    return f"{name}_l{layer}{'_reverse' * direction}"
