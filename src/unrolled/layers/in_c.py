"""One layer in one direction in C, with the masks that it draws: where a trace looks no further."""

import torch
from torch import Tensor

from unrolled.compiler.probes import is_probe
from unrolled.layers.states import draw_masks
from unrolled.runtime.compiled import run_compiled
from unrolled.runtime.eager import Weights
from unrolled.runtime.kernel import Kernel, kernel_of
from unrolled.runtime.program import Program
from unrolled.runtime.rows import turned


def run_in_c(  # noqa: PLR0913
    kernel: Kernel | str,
    backwards: bool,
    training: bool,
    x: Tensor,
    first: tuple[Tensor, ...] | None,
    stacks: tuple[Tensor, ...],
    bias: Tensor | None,
    vector: Tensor | None,
    lengths: Tensor | None,
    probes: dict[str, Tensor],
) -> tuple[Tensor, ...]:
    """Output, last states and recorded values of a compiled cell; one that is traced is a text."""
    traced = isinstance(kernel, str)
    known = kernel_of(kernel) if traced else kernel
    weights, masks = Weights(stacks, bias, vector), None
    if training and known.masks:
        masks = random_masks(known.program, x, weights)
        if backwards:
            masks = {n: turned(m, lengths) if m.dim() == 3 else m for n, m in masks.items()}
    return run_compiled(
        known, x, first, weights,
        masks=masks, probes=probes, lengths=lengths, reverse=backwards, registered=traced,
    )  # fmt: skip


def like_of(weights: Weights, x: Tensor) -> Tensor:
    """A tensor of the device and dtype in which a layer computes; x if it has no weights."""
    stored = [t for t in (*weights.stacks, weights.bias, weights.vector) if t is not None]
    if stored:
        return stored[0]
    return x if x.is_floating_point() else torch.empty(0, device=x.device)


def random_masks(program: Program, x: Tensor, weights: Weights) -> dict[str, Tensor]:
    """Fresh masks for one sequence."""
    steps, batch = x.shape[:2]
    like = like_of(weights, x)
    widths = {n: w for n, w in program.mask_widths.items() if not is_probe(n)}
    return draw_masks(program.cell, widths, steps=steps, batch=batch, like=like)
