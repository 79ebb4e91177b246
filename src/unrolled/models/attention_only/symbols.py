"""What comes into the models: symbols, B x T, and how many of them each sequence has."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from unrolled.errors import ContextError, ShapeError
from unrolled.layers.sequences import open_input

Lengths = Int[Tensor, " B"] | Sequence[int] | None  # None: all of them go to the end


def open_symbols(
    symbols: Tensor, lengths: Tensor | Sequence[int] | None, model: str
) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B 1 T"] | None]:
    """Symbols with 0 past each length, and the mask of what may be attended to.

    Args:
        symbols: Whole numbers; anything may stand past a length.
        lengths: How many symbols each sequence has.
        model: Who asks.

    Returns:
        The symbols, and True where there is one; None if there is one everywhere.

    Raises:
        ShapeError: The symbols are not B x T whole numbers with T at least 1.
        LengthsError: The lengths do not fit them.
    """
    if symbols.dim() != 2 or symbols.is_floating_point():
        problem = f"wanted whole numbers B T, and they are {symbols.dtype}"
        raise ShapeError(layer=model, shape=list(symbols.shape), problem=problem)
    opened = open_input(symbols, batch_first=True, lengths=lengths, name=model)
    symbols = opened.x.transpose(0, 1)
    if opened.lengths is None:
        return symbols, None
    steps = torch.arange(symbols.shape[1], device=symbols.device)
    return symbols, (steps < opened.lengths.unsqueeze(-1)).unsqueeze(1)


def check_context(model: str, new: int, *, past: int = 0, context: int) -> None:
    """Refuse more symbols than a model has positions.

    Raises:
        ContextError: The symbols in the cache and the new ones are more than the context.
    """
    total = past + new
    if total > context:
        raise ContextError(model=model, new=new, past=past, total=total, context=context)
