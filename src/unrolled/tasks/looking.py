"""Look at runs: several side by side that read one text, or one that answers texts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.data.sets import SETS
from unrolled.errors import NotLookableError, SettingError
from unrolled.probe.looking import look_at
from unrolled.probe.subject import Looking, Progress, Subject
from unrolled.tasks.api import open_run
from unrolled.tasks.texts.run import TextRun

if TYPE_CHECKING:
    from unrolled.probe.report.page import Report
    from unrolled.probe.report.shown import Shown


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
        NotLookableError: A run's model has no recurrent layers that predict a text.
        UnknownCharactersError: A model never saw some characters of the text.
        UnrolledError: Many other kinds; see `examine`.
    """
    runs = [open_run(path) for path in paths]
    first: Subject = runs[0].subject(data, encoding=encoding)
    others = [run.subject(text=first.text) for run in runs[1:]]
    return look_at([first, *others], how, progress=progress)


def look_as_typed(
    run: Any,
    more: Sequence[str] = (),
    *,
    encoding: str = "utf-8",
    how: Looking | None = None,
    progress: Progress | None = None,
) -> "Shown":
    """Look at a run and at what was typed after it.

    Args:
        run: The first run, open.
        more: Of one that reads a text: other runs, and last, perhaps, the text. Of one that answers
            texts: these, and perhaps a file or a named set of examples.
        encoding: How the characters of files are written as bytes.
        how: How closely to look at units; None: in the usual way.
        progress: Is told what is being done, and the share of it all that is done.

    Raises:
        NotLookableError: A run is of another kind.
        UnrolledError: Many other kinds; see `look_at_runs`, and `look` of the run.
    """
    given = {"encoding": encoding, "progress": progress}
    if isinstance(run, TextRun):
        texts, data = _texts_and_data(more)
        return run.look(texts, data=data, **given)
    others, data = (more, None) if not more or _is_run(more[-1]) else (more[:-1], more[-1])
    return look_at_runs([run.path, *map(Path, others)], data, how=how, **given)


def _texts_and_data(typed: Sequence[str]) -> tuple[list[str], str | None]:
    """The texts among what was typed, and the file, the folder or the named set."""
    for each in typed:
        if _is_run(each):
            raise NotLookableError(path=each, kind=str(open_run(each).config.get("task")))
    data = [each for each in typed if _names_data(each)]
    if len(data) > 1:
        wanted = "one file, folder or named set; texts as many as you like"
        raise SettingError(name="DATA", got=", ".join(data), wanted=wanted)
    texts = [each for each in typed if each not in data]
    whole = [text.encode("utf-8", "backslashreplace").decode() for text in texts]  # bytes are shown
    return whole, data[0] if data else None


def _is_run(typed: str) -> bool:
    return _is_there(Path(typed, "config.json")) if typed else False


def _names_data(typed: str) -> bool:
    """Whether this is a named set, is there, or looks like the name of a file that is not."""
    path = Path(typed)
    like_a_file = path.suffix[1:].isalpha() and len(typed.split()) == 1
    return typed in SETS or like_a_file or (typed != "" and _is_there(path))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # nothing can have such a name: it is too long, or has a NUL
        return False
