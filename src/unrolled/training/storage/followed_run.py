"""A run that another process writes, for one that trains with it."""

from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.checkpoint_folder import Checkpoint
from unrolled.training.storage.run_folder import read_config


@final
class FollowedRun:
    """Reads what a `RunFolder` reads; what is to be written, the other one writes.

    Args:
        path: The run folder.

    Attributes:
        path: The run folder.
        config: The dict given to `create_run`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self.config = read_config(path)

    def append_metrics(self, values: Any) -> None:
        """Nothing."""

    def truncate_metrics(self, step: int) -> None:
        """Nothing."""

    def save(self, checkpoint: Checkpoint, *, best: bool = False, keep: int = 2) -> None:
        """Nothing."""

    def load(self, which: str | int = "last") -> Checkpoint:
        """Load a checkpoint; see `load_checkpoint`."""
        return load_checkpoint(self.path, which)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing."""
