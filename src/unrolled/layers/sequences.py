"""The forms in which a sequence comes in: time or batch first, unbatched, with lengths, packed.

Inside, time is first and the batch second.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from unrolled.errors import LengthsError, ShapeError
from unrolled.runtime.rows import zero_past


class Form(NamedTuple):
    """How the input came, so that the output can go back the same way."""

    batched: bool
    batch_first: bool
    packed: PackedSequence | None


class Opened(NamedTuple):
    """An input in the inner form: T x B x X, or T x B whole numbers, anything past a length."""

    x: Tensor
    lengths: Tensor | None  # B
    form: Form


def open_input(
    x: Tensor | PackedSequence,
    *,
    batch_first: bool,
    lengths: Tensor | Sequence[int] | None,
    name: str,
) -> Opened:
    """Bring an input into the inner form.

    Raises:
        ShapeError: The input has the wrong number of axes, or no time step.
        LengthsError: The lengths do not fit it.
    """
    if isinstance(x, PackedSequence):
        if lengths is not None:
            raise LengthsError(layer=name, got="lengths beside a PackedSequence, which has its own")
        padded, packed_lengths = pad_packed_sequence(x)
        form = Form(batched=True, batch_first=False, packed=x)
        return Opened(padded, _if_some_end(packed_lengths.to(padded.device), padded), form)
    features = int(x.is_floating_point())
    if x.dim() - features not in (1, 2):
        raise ShapeError(layer=name, shape=list(x.shape), problem=_AXES[bool(features)])
    form = Form(batched=x.dim() - features == 2, batch_first=batch_first, packed=None)
    x = _time_first(x, form)
    if x.shape[0] == 0:
        problem = "there is no time step in it. Give at least one"
        raise ShapeError(layer=name, shape=list(x.shape), problem=problem)
    if lengths is None:
        return Opened(x, None, form)
    checked = _if_some_end(_checked_lengths(lengths, x, name), x)
    if checked is not None and not features:
        x = zero_past(x, checked)
    return Opened(x, checked, form)


def close_output(output: Tensor, form: Form) -> Tensor | PackedSequence:
    """Bring an output (T x B x H) back into the form in which the input came."""
    if form.packed is not None:
        return _pack_like(output, form.packed)
    if not form.batched:
        return output.squeeze(1)
    return output.transpose(0, 1) if form.batch_first else output


_AXES = {
    True: "the layer takes T B X (B T X with batch_first), or T X for one sequence",
    False: "whole numbers stand for one-hot vectors and come as T B (B T with batch_first), or T",
}


def _time_first(x: Tensor, form: Form) -> Tensor:
    if not form.batched:
        return x.unsqueeze(1)
    return x.transpose(0, 1) if form.batch_first else x


def _checked_lengths(lengths: Tensor | Sequence[int], x: Tensor, name: str) -> Tensor:
    try:
        given = torch.as_tensor(lengths, device=x.device)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise LengthsError(layer=name, got=f"lengths={lengths!r}") from error
    steps, batch = x.shape[:2]
    given = given if given.numel() else given.long()  # torch takes [] for floats
    if given.is_floating_point() or given.dtype == torch.bool or given.shape != (batch,):
        got = f"lengths of shape {list(given.shape)} and {given.dtype}"
        raise LengthsError(layer=name, got=f"{got} for B={batch}")
    if torch.compiler.is_compiling():
        return given.long()  # a trace has no values: the operator looks, when it runs
    if batch and not (0 <= int(given.min()) and int(given.max()) <= steps):
        got = f"lengths from {int(given.min())} to {int(given.max())}"
        raise LengthsError(layer=name, got=f"{got} for T={steps}")
    return given.long()


def _if_some_end(lengths: Tensor, x: Tensor) -> Tensor | None:
    """The lengths, or None if no sequence ends before the others: then nothing need be packed."""
    traced = torch.compiler.is_compiling()  # and a trace has no values
    full = not traced and lengths.numel() > 0 and int(lengths.min()) == x.shape[0]
    return None if full else lengths


def _pack_like(output: Tensor, packed: PackedSequence) -> PackedSequence:
    """The output packed as the input was, so that the two can be laid side by side."""
    counts = packed.batch_sizes
    lengths = (counts.unsqueeze(-1) > torch.arange(int(counts[0]))).sum(0)
    if packed.sorted_indices is not None:
        output = output.index_select(1, packed.sorted_indices)
    data = pack_padded_sequence(output, lengths).data
    return PackedSequence(data, counts, packed.sorted_indices, packed.unsorted_indices)
