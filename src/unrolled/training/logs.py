"""Measurements as they are made: metrics.jsonl always, TensorBoard on request."""

import contextlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from unrolled.errors import MissingExtraError, SaveFailedError
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.followed_run import FollowedRun
from unrolled.training.storage.run_folder import RunFolder


class Logs:
    """Writes each measurement to all logs; use it in a `with` block."""

    def __init__(self, run: RunFolder | FollowedRun, settings: TrainSettings) -> None:
        self.run = run
        self.board: Any = None
        if settings.tensorboard:
            self.board = tensorboard_writer()(str(run.path / "tensorboard"))

    def write(self, kind: str, step: int, **values: Any) -> None:
        """Add one line: which kind ("train", "validation", "lens"), the step, what was measured.

        A value is a number, or numbers in mappings and lists; TensorBoard gets no lists. A disk
        that refuses a line loses that line, not the training.
        """
        with contextlib.suppress(SaveFailedError):
            self.run.append_metrics({"step": step, "kind": kind, **values})
        if self.board is not None:
            with contextlib.suppress(OSError):
                for name, value in _scalars(kind, values):
                    self.board.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.board is not None:
            with contextlib.suppress(OSError):
                self.board.close()


def _scalars(name: str, value: Any) -> Iterator[tuple[str, float]]:
    """Each number of a nesting, under the path that leads to it."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _scalars(f"{name}/{key}", inner)
    elif isinstance(value, int | float):
        yield name, value


def tensorboard_writer() -> Any:
    """The class that writes TensorBoard's files.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise MissingExtraError(
            what="TensorBoard's files", package="tensorboard", extra="tensorboard"
        ) from error
    return SummaryWriter
