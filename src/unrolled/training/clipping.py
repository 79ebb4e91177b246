"""Gradient clipping, by norm and by value."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from unrolled.training.settings import TrainSettings


def gradients_of(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """The gradients there are."""
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def total_norm(gradients: Sequence[Tensor]) -> float:
    """The norm over all gradients together: sqrt of the sum of all squares."""
    return float(nn.utils.get_total_norm(gradients))


def clip(gradients: Sequence[Tensor], settings: TrainSettings) -> tuple[float, bool]:
    """Clip as the settings say, first by value.

    Args:
        gradients: All of them, changed in place.
        settings: The thresholds.

    Returns:
        Their norm before, and whether anything had to be changed.
    """
    before = norm = total_norm(gradients)
    clipped = False
    if settings.clip_value:
        clipped = clip_by_value(gradients, settings.clip_value)
        norm = total_norm(gradients)
    if settings.clip_norm:
        clipped |= clip_by_norm(gradients, settings.clip_norm, norm)
    return before, clipped


@torch.no_grad()
def clip_by_norm(gradients: Sequence[Tensor], threshold: float, norm: float) -> bool:
    """Scale all gradients by threshold/norm where the norm is above it (Pascanu et al. 2013).

    Args:
        gradients: All of them, changed in place.
        threshold: The greatest norm.
        norm: Their present norm, as `total_norm` gives it.

    Returns:
        Whether they had to be scaled.
    """
    if norm > threshold:
        for gradient in gradients:
            gradient.mul_(threshold / norm)
    return norm > threshold


@torch.no_grad()
def clip_by_value(gradients: Sequence[Tensor], threshold: float) -> bool:
    """Bring each number of each gradient into [-threshold, threshold], as min-char-rnn does.

    Args:
        gradients: All of them, changed in place.
        threshold: The greatest size of a number.

    Returns:
        Whether a number had to be changed.
    """
    above = bool(nn.utils.get_total_norm(gradients, math.inf) > threshold)
    for gradient in gradients if above else ():
        gradient.clamp_(-threshold, threshold)
    return above
