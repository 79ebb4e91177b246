"""What a run records beside its results: values of the equations, and gradients of the loss."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from unrolled.compiler.layout import layout_of
from unrolled.compiler.probes import can_be_probed
from unrolled.errors import NoGradientError, OptionError, RecordError, UnknownNameError
from unrolled.lang.cell import Cell


class Recording(NamedTuple):
    """The names of what is recorded, each once."""

    values: tuple[str, ...]
    gradients: tuple[str, ...]

    @classmethod
    def of(cls, values: str | Iterable[str], gradients: str | Iterable[str]) -> "Recording":
        """What a call asks for; a text is one name."""
        return cls(_each_once(values), _each_once(gradients))

    def check(self, cell: Cell, *, layer: str) -> None:
        """Refuse what cannot be recorded.

        Raises:
            UnknownNameError: No equation has such a name.
            NoGradientError: Nothing flows back to a value whose gradient is wanted.
            OptionError: Gradients are wanted where torch traces or transforms the layer.
        """
        for name in (*self.values, *self.gradients):
            if name not in cell.named:
                known = ", ".join(cell.named)
                raise UnknownNameError(cell=cell.name, kind="equation", name=name, known=known)
        traced = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
        if self.gradients and traced:
            got, wanted = list(self.gradients), "none under torch.compile, export, grad, vmap, jvp"
            raise OptionError(layer=layer, option="record_gradients", got=got, wanted=wanted)
        for name in self.gradients:
            if not can_be_probed(cell, name):
                raise NoGradientError(cell=cell.name, name=name)

    def probes(
        self, cell: Cell, sizes: Sequence[Mapping[str, int]], shape: Sequence[int], like: Tensor
    ) -> dict[str, Tensor]:
        """Zeros whose `.grad` becomes the gradient of a value, each of a shape and its width.

        Args:
            cell: The equations.
            sizes: The size of each width symbol, layer by layer.
            shape: All axes but the last.
            like: A tensor of the dtype and device.

        Raises:
            RecordError: A value is not equally wide in all layers.
        """
        zero = like.new_zeros(())
        return {
            name: zero.expand(*shape, _width(cell, name, sizes)).requires_grad_()
            for name in self.gradients
        }


NOTHING = Recording((), ())


def _each_once(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def _width(cell: Cell, name: str, sizes: Sequence[Mapping[str, int]]) -> int:
    forms = layout_of(cell).widths
    widths = [forms.resolve(dict(of_layer))[cell.named[name]] for of_layer in sizes]
    if len(set(widths)) > 1:
        raise RecordError(name=name, widths=widths)
    return widths[0]
