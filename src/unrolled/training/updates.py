"""How large a model's parameters are, and how far the last update moved them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.errors import ForeignStateError


def copies(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that are trained, as they are now, by name."""
    learning = ((name, p) for name, p in model.named_parameters() if p.requires_grad)
    return {name: parameter.detach().clone() for name, parameter in learning}


@torch.no_grad()
def distances(model: nn.Module, before: Mapping[str, Tensor]) -> dict[str, float]:
    """The Euclidean distance of each parameter from what it was before."""
    now = dict(model.named_parameters())
    return {name: float((now[name] - old).norm()) for name, old in before.items()}


@torch.no_grad()
def sizes(model: nn.Module, updates: Mapping[str, float]) -> dict[str, dict[str, float | None]]:
    """Each parameter's norm, and the norm of its last update as a share of it.

    Args:
        model: As it is after the update.
        updates: The norm of the last update; a parameter that is not among them has no share.
    """
    found: dict[str, dict[str, float | None]] = {}
    for name, parameter in model.named_parameters():
        norm = float(parameter.norm())
        known = name in updates and norm > 0
        found[name] = {"norm": norm, "update": updates[name] / norm if known else None}
    return found


def updates_from_json(stored: Any) -> dict[str, float]:
    """The norms of updates that a checkpoint holds.

    Raises:
        ForeignStateError: They are none.
    """
    known = isinstance(stored, Mapping) and all(type(norm) is float for norm in stored.values())
    if not known:
        raise ForeignStateError(problem=f"holds {str(stored)[:80]!r} for the norms of updates")
    return dict(stored)
