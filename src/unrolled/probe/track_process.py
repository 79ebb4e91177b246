"""The process in which a track of the user's own is made; `own_tracks` starts it and can end it.

It reads a line of JSON, which says what is wanted, and then the text. It answers with a line of
JSON and the numbers as they lie in memory, so nothing that it says is ever run.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from traceback import walk_tb
from types import FunctionType, ModuleType
from typing import Any, BinaryIO

import numpy as np

from unrolled.data.alphabet import printable
from unrolled.data.text_files import did_you_mean
from unrolled.errors import (
    TrackFileError,
    TrackFunctionError,
    TrackGroupError,
    TrackNameError,
    TrackPatternError,
    TrackValuesError,
    UnrolledError,
)

LATER = 1.0  # seconds after its time when the process ends itself, should its parent be gone
_NUMBERS = "buif"  # numpy's letters for booleans, whole numbers and floats
_LONGEST, _MOST_NAMES = 200, 20  # of what a message quotes


def main() -> None:
    """Answer the one request that comes in."""
    answers = _answers()
    request = json.loads(sys.stdin.buffer.readline())
    _end_by_itself(request.pop("seconds"))
    text = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    try:
        about, values = KINDS[request.pop("kind")](text, **request)
        head = {"about": about}
    except UnrolledError as error:
        head = {"error": type(error).__name__, "facts": error.facts}
        values = np.zeros(0, dtype=np.float32)
    with answers:
        answers.write(json.dumps(head).encode() + b"\n")
        answers.write(values.data)


def _answers() -> BinaryIO:
    """Where the answer goes; whatever else is printed here goes where errors go."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # for C code, and for what the function starts
    sys.stdout = sys.stderr  # line by line, so that a function that is ended has said all it could
    return answers


def _end_by_itself(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds + LATER)


def mark_matches(text: str, *, name: str, pattern: str) -> tuple[str, np.ndarray]:
    """What the track is, and 1 at every character of every match, or of its first group.

    Args:
        text: N characters.
        name: What the track is called.
        pattern: A regular expression, whose ^ and $ are the ends of lines.

    Raises:
        TrackPatternError: It is none.
        TrackGroupError: It matches, but its first group never takes a character.
    """
    expression = _compiled(name, pattern)
    group = min(expression.groups, 1)
    values = np.zeros(len(text), dtype=np.float32)
    count = 0
    for match in expression.finditer(text):
        begin, end = match.span(group)
        values[begin:end] = 1  # a group that took no part is at -1 to -1, which is nothing
        count += 1
    if group and count and not values.any():
        raise TrackGroupError(name=name, count=count)
    return ("the first group of " if group else "matches of ") + quoted(pattern), values


def _compiled(name: str, pattern: str) -> re.Pattern[str]:
    place = ""
    try:
        return re.compile(pattern, re.MULTILINE)
    except re.error as error:
        reason = error.msg
        if error.pos is not None:
            rest = quoted(pattern[error.pos :], longest=20) or "its end"
            place = f" at character {error.pos + 1}: {rest}"
    except (OverflowError, RecursionError) as error:
        reason = str(error)
    raise TrackPatternError(name=name, reason=quoted(reason), place=place) from None


def call_function(text: str, *, name: str, path: str) -> tuple[str, np.ndarray]:
    """What the track is, and what the user's own function returns for the text.

    Args:
        text: N characters.
        name: What the function is called.
        path: The Python file that it is in, which is run.

    Raises:
        TrackFileError: The file cannot be read.
        TrackNameError: The file has no such function.
        TrackFunctionError: The file or the function raised something.
        TrackValuesError: The function returned something else than N finite numbers.
    """
    module = _module(name, path)
    function = vars(module).get(name)
    if not callable(function):
        raise _no_function(module, name, path)
    with _running(f"{name}(text)", name, path):
        returned = function(text)
        lines = str(function.__doc__ or "").strip().splitlines()
    about = quoted(lines[0]) if lines else f"{name}() of {quoted(path)}"
    return about, _numbers(returned, len(text), name)


def _module(name: str, path: str) -> ModuleType:
    """The file, run as a module; beside it lies what it may import."""
    try:
        Path(path).read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise TrackFileError(name=name, path=quoted(path), reason=reason) from None
    loader = SourceFileLoader(Path(path).stem, path)
    module = ModuleType(loader.name)
    module.__file__ = path
    sys.dont_write_bytecode = True  # beside the user's files
    sys.argv = [path]
    sys.path.insert(0, str(Path(path).resolve().parent))
    sys.modules.setdefault(module.__name__, module)  # a file random.py must not hide Python's
    with _running("its file", name, path):
        loader.exec_module(module)
    return module


@contextmanager
def _running(doing: str, name: str, path: str) -> Iterator[None]:
    """Run code of the user's; whatever it raises, SystemExit too, is no answer."""
    try:
        yield
    except BaseException as error:
        place = quoted(path)
        if line := _line(error, path):
            place += f", line {line}"
        raise TrackFunctionError(name=name, doing=doing, error=_said(error), place=place) from None


def _line(error: BaseException, path: str) -> int | None:
    """The last line of the user's file that an error went through."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    frames = walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == path]
    return lines[-1] if lines else None


def _said(error: BaseException) -> str:
    """The kind of an error, and its message if it has one."""
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:  # of a class of the user's
        message = ""
    return _kind(error) + (f": {quoted(message)}" if message else "")


def _no_function(module: ModuleType, name: str, path: str) -> TrackNameError:
    own = [
        other
        for other, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    ]
    known = quoted(", ".join(own[:_MOST_NAMES])) or "none"
    return TrackNameError(path=quoted(path), name=name, hint=did_you_mean(name, own), known=known)


def _numbers(returned: Any, wanted: int, name: str) -> np.ndarray:
    """What a function returned as float32, if it is a finite number for each character."""
    try:
        values = np.asarray(returned)
    except Exception as error:
        got = f"one {_kind(returned)} that is no array ({quoted(str(error))})"
        raise TrackValuesError(name=name, got=got, wanted=wanted) from None
    got = _fault(values, returned, wanted)
    if not got:
        with np.errstate(over="ignore"):
            numbers = np.ascontiguousarray(values, dtype=np.float32)
        bad = np.flatnonzero(~np.isfinite(numbers))
        if len(bad) == 0:
            return numbers
        got = f"{values[bad[0]]} at index {bad[0]}"
    raise TrackValuesError(name=name, got=got, wanted=wanted)


def _fault(values: np.ndarray, returned: Any, wanted: int) -> str:
    """What came, if it has the wrong shape or kind."""
    if values.ndim == 0:
        return f"one {_kind(returned)}"
    if values.ndim > 1:
        return f"an array of shape {list(values.shape)}"
    if values.dtype.kind not in _NUMBERS:
        return f"{len(values)} values of type " + " and ".join(sorted({*map(_kind, values)})[:3])
    return "" if len(values) == wanted else f"{len(values)} numbers"


def quoted(text: str, *, longest: int = _LONGEST) -> str:
    """A text for a message: without what would steer a terminal, and not at any length."""
    return printable(text[:longest]) + ("..." if len(text) > longest else "")


def _kind(value: Any) -> str:
    return quoted(type(value).__name__)


KINDS = {"pattern": mark_matches, "function": call_function}

if __name__ == "__main__":
    main()
