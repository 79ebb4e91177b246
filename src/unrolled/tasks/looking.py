"""Look inside the models of runs, all at the same text."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unrolled.errors import NoTextError
from unrolled.probe.looking import look_at
from unrolled.probe.subject import Looking, Progress, Subject
from unrolled.tasks.api import open_run

if TYPE_CHECKING:
    from unrolled.probe.report.page import Report


def look_at_runs(
    paths: Sequence[Path | str],
    data: str | Path | None = None,
    encoding: str = "utf-8",
    *,
    how: Looking | None = None,
    progress: Progress | None = None,
) -> "Report":
    """Examine the best models of runs.

    Args:
        paths: Their folders.
        data: A text; None: the test part of the first run's own, for all of them. Each model reads
            it in its own way, as characters or as bytes.
        encoding: How the characters of a file are written as bytes.
        how: How closely to look; None: in the usual way.
        progress: Is told what is being done, and the share of it all that is done.

    Raises:
        NotARunError: A folder holds no run.
        NoTextError: A run is of a task that reads no text.
        UnknownCharactersError: A model never saw some characters of the text.
        UnrolledError: Many other kinds; see `examine`.
    """
    runs = [open_run(path) for path in paths]
    for path, run in zip(paths, runs, strict=True):
        if not run.writes:
            raise NoTextError(path=path, task=run.config.get("task"))
    first: Subject = runs[0].subject(data, encoding=encoding)
    others = [run.subject(text=first.text) for run in runs[1:]]
    return look_at([first, *others], how, progress=progress)
