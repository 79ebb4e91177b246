"""Settings of `unrolled.fit`: what a program does not give as a model, a loader or a loss."""

from dataclasses import dataclass, field
from pathlib import Path

from unrolled.training.settings import TrainSettings


@dataclass(frozen=True)
class OwnSettings:
    """Train a model of one's own."""

    model: str
    """The name of its class."""

    out: Path | None = None
    """The run folder. Default: runs/fit-MODEL, with a number if that is taken."""

    training: TrainSettings = field(default_factory=TrainSettings)
    """Budget, optimizer, clipping, evaluation, saving."""
