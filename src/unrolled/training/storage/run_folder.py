"""A run: its settings, its measurements, its checkpoints, and the lock of the one who writes it.

`create_run` and `open_run` are for the process that trains. Who only looks takes no lock and never
finds anything half written: `read_config`, `read_metrics`, `load_checkpoint`, `load_weights`.
"""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, final

from unrolled.errors import (
    DamagedFileError,
    NotARunError,
    RunClosedError,
    RunExistsError,
)
from unrolled.training.storage.checkpoint import load_checkpoint, save_checkpoint
from unrolled.training.storage.checkpoint_folder import Checkpoint
from unrolled.training.storage.checkpoint_names import CHECKPOINTS
from unrolled.training.storage.disk_faults import reported
from unrolled.training.storage.durable import UNFINISHED, flush_folder, replace_file, sweep
from unrolled.training.storage.json_text import JSON_LIMIT, write_json
from unrolled.training.storage.metrics_log import MetricsLog
from unrolled.training.storage.run_files import (
    CONFIG,
    FORMAT,
    check_format,
    package_version,
    parse_record,
    read_file,
)
from unrolled.training.storage.run_lock import LOCK, RunLock


@final
class RunFolder:
    """A run that this process writes; use it in a `with` block, or call `close`.

    Args:
        path: The run folder.
        lock: Its lock, held.

    Attributes:
        path: The run folder.
        config: The dict given to `create_run`.
    """

    def __init__(self, path: Path, lock: RunLock) -> None:
        self.path = path
        self.config = read_config(path)
        self._lock = lock
        self._metrics = MetricsLog(path)

    def append_metrics(self, values: Mapping[str, Any]) -> None:
        """Add a line of measurements; if the disk refuses, the file stays as it was.

        Args:
            values: "step" (a whole number) and what was measured there.
        """
        self._check_open()
        self._metrics.append(values)

    def truncate_metrics(self, step: int) -> None:
        """Drop the measurements of later steps, before the run goes on from an earlier one.

        Args:
            step: The step of the checkpoint that was loaded.
        """
        self._check_open()
        self._metrics.truncate(step)

    def save(self, checkpoint: Checkpoint, *, best: bool = False, keep: int = 2) -> None:
        """Add a checkpoint; see `save_checkpoint`.

        Args:
            checkpoint: What to save.
            best: Let `BEST` point to it as well.
            keep: How many steps keep their checkpoint, besides the best one.
        """
        self._check_open()
        self._metrics.flush()
        save_checkpoint(self.path, checkpoint, best=best, keep=keep)

    def load(self, which: str | int = "last") -> Checkpoint:
        """Load a checkpoint; see `load_checkpoint`."""
        return load_checkpoint(self.path, which)

    def close(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._lock.held:
            self._metrics.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _check_open(self) -> None:
        if not self._lock.held:
            raise RunClosedError(path=self.path)


def create_run(path: str | Path, config: Mapping[str, Any]) -> RunFolder:
    """Make a run in a folder that is new or empty.

    Args:
        path: The folder; folders above it are made as needed.
        config: Every setting of the run, as JSON holds it.

    Returns:
        The run, locked for this process.

    Raises:
        RunExistsError: The folder holds something already.
        RunLockedError: Another process is making a run there.
        SaveFailedError: The disk refuses.
        NotJsonError: The settings hold a value that JSON cannot.
    """
    path = Path(path).absolute()
    text = _config_text(config)
    with reported(path):
        path.mkdir(parents=True, exist_ok=True)
        lock = RunLock(path)
    try:
        _refuse_if_used(path)
        with reported(path):
            sweep(path)
            (path / CHECKPOINTS).mkdir(exist_ok=True)
            replace_file(path / CONFIG, [text])  # last: it makes the folder a run
            flush_folder(path.parent)
        return RunFolder(path, lock)
    except BaseException:
        lock.release()
        raise


def open_run(path: str | Path) -> RunFolder:
    """Open a run to go on with it, and clear away what a killed process has left there.

    Args:
        path: The run folder.

    Returns:
        The run, locked for this process.

    Raises:
        NotARunError: The folder holds no run.
        RunLockedError: Another process writes the run; the message says which.
        SaveFailedError: The disk refuses.
    """
    path = Path(path).absolute()
    read_config(path)
    with reported(path):
        lock = RunLock(path)
    try:
        with reported(path):
            (path / CHECKPOINTS).mkdir(exist_ok=True)
            sweep(path)
            sweep(path / CHECKPOINTS)
        return RunFolder(path, lock)
    except BaseException:
        lock.release()
        raise


def read_config(path: str | Path) -> dict[str, Any]:
    """Read the settings of a run.

    Args:
        path: The run folder.

    Returns:
        The dict given to `create_run`.

    Raises:
        NotARunError: The folder holds no run.
        DamagedFileError: Its config.json was damaged, or written by something else.
        NewerFormatError: A later version wrote it.
    """
    file = Path(path) / CONFIG
    if not file.exists():
        raise NotARunError(path=path)
    record = parse_record(read_file(file, limit=JSON_LIMIT), file)
    check_format(record, file)
    match record:
        case {"config": dict(config)}:
            return config
    raise DamagedFileError(path=file, damage='has no "config" with the settings of the run')


def _config_text(config: Mapping[str, Any]) -> bytes:
    record = {"format": FORMAT, "version": package_version(), "config": config}
    return write_json(record, place="config.json")


def _refuse_if_used(path: Path) -> None:
    # What a create_run that was killed leaves behind does not count.
    for found in sorted(path.iterdir()):
        empty = found.name == CHECKPOINTS and found.is_dir() and not any(found.iterdir())
        if not (empty or found.name == LOCK or found.name.startswith(UNFINISHED)):
            remedy = "resume the run in this one"
            raise RunExistsError(path=path, found=found.name, remedy=remedy)
