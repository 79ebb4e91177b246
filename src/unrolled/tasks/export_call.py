"""How a trained model is called once it is a file: what goes in, what comes out, by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

Draw = Callable[[torch.Generator, int, int], dict[str, Any]]


@dataclass(frozen=True)
class ExportCall:
    """What a task says of its model as a file."""

    module: nn.Module
    """Takes the file's inputs by name."""
    draw: Draw
    """Inputs by chance, of so many steps (T) and so many sequences (B)."""
    outputs: Sequence[str]
    usage: str
    """Lines of Python that run the file, once it is open as `session`, and its facts as `facts`."""
    axes: Mapping[str, str] = field(default_factory=dict)
    """The free axes of inputs, where they are not "T B", or "B" of one axis."""
    codes: Mapping[str, Any] = field(default_factory=dict)
    """What the numbers stand for, as JSON values; in a list, its place is a thing's number."""


def draw_symbols(chance: torch.Generator, size: int, steps: int, batch: int) -> Int[Tensor, "T B"]:
    """Whole numbers below a size."""
    return torch.randint(size, (steps, batch), generator=chance)


def draw_lengths(chance: torch.Generator, longest: int, batch: int) -> Int[Tensor, " B"]:
    """How long sequences are, from 1 on; the first is the longest that there can be."""
    lengths = torch.randint(1, longest + 1, (batch,), generator=chance)
    lengths[0] = longest
    return lengths
