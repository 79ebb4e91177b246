"""The measurements of a run: a file of JSON objects, one a line, each with the step it is of."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from unrolled.errors import DamagedFileError, MetricsStepError
from unrolled.training.storage.disk_faults import reported
from unrolled.training.storage.durable import replace_file, write_bytes
from unrolled.training.storage.json_text import JSON_LIMIT, write_json
from unrolled.training.storage.run_files import parse_record, plain_size

METRICS = "metrics.jsonl"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
_PIECE = 1 << 16


class MetricsLog:
    """The measurements that this process adds to a run.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / METRICS
        with reported(self._path):
            self._descriptor = os.open(self._path, _FLAGS, 0o666)
            self._size = _end_of_whole_lines(self._path)
            os.ftruncate(self._descriptor, self._size)  # a kill may have left half a line

    def append(self, values: Mapping[str, Any]) -> None:
        """Add a line; if the disk refuses, the file stays as it was.

        Args:
            values: "step" and what was measured there.

        Raises:
            MetricsStepError: There is no "step", or it is none.
        """
        step = values.get("step")
        if type(step) is not int or step < 0:
            raise MetricsStepError(step=step, keys=list(values))
        line = write_json(values, place="metrics", indent=None)
        with reported(self._path):
            try:
                write_bytes(self._descriptor, line)
            except BaseException:
                os.ftruncate(self._descriptor, self._size)
                raise
        self._size += len(line)

    def truncate(self, step: int) -> None:
        """Drop the lines of all later steps.

        Args:
            step: The step from which the run goes on.
        """
        kept = (line for line, found in _lines(self._path) if found["step"] <= step)
        with reported(self._path):
            replace_file(self._path, kept)
            before, self._descriptor = self._descriptor, os.open(self._path, _FLAGS, 0o666)
            self._size = os.fstat(self._descriptor).st_size
            os.close(before)

    def flush(self) -> None:
        """Bring every line to the disk, where a power cut cannot take it."""
        with reported(self._path):
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file; call it once."""
        os.close(self._descriptor)


def read_metrics(run: str | Path) -> Iterator[dict[str, Any]]:
    """Read the measurements of a run, which may still be running.

    Args:
        run: The run folder.

    Yields:
        One dict a line, in the order written; a last line that is half written is left out.
    """
    for _, found in _lines(Path(run) / METRICS):
        yield found


def _lines(path: Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
    if not path.exists():
        return
    plain_size(path)
    with path.open("rb") as file:
        number = 0
        while (line := file.readline(JSON_LIMIT + 1)).endswith(b"\n"):
            number += 1
            yield line, _parse(line, f"{path}, line {number},")
    if len(line) > JSON_LIMIT:
        raise DamagedFileError(path=f"{path}, line {number + 1},", damage="has no end")


def _parse(line: bytes, place: str) -> dict[str, Any]:
    found = parse_record(line, place)
    if type(found.get("step")) is not int:
        raise DamagedFileError(path=place, damage="names no step")
    return found


def _end_of_whole_lines(path: Path) -> int:
    """Find the end of the last line that has an end, from behind: the file may be long."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _PIECE)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0
