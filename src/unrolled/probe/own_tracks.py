"""Tracks of the user's own: the matches of a regular expression, or a function of the text.

Either may never come to an end, so it is made in a process of its own that can be ended.
"""

import contextlib
import json
import re
import subprocess
import sys
import threading
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np

from unrolled import errors
from unrolled.errors import TrackProcessError, TrackSpecError, TrackTimeoutError
from unrolled.probe.track_process import quoted
from unrolled.probe.tracks import Track, track
from unrolled.runtime.children import end_with_its_own

TIME_LIMIT = 20.0  # seconds; an expression reads a megabyte in less than one
# -P: a file of the folder where we are must not hide one of Python's.
_COMMAND = ("-P", "-m", "unrolled.probe.track_process")
_FOREVER = 4e6  # seconds, 46 days: as far as every system's timers count
_MOST_SAID = 1 << 16  # bytes of the answer beside the numbers
_NAME = re.compile(r"[\w -]+")
_ADVICE = {
    "pattern": "A repetition in a repetition, as in (a+)+$, tries every way to part what it "
    "matches: write a+$, or give a shorter text, or more seconds.",
    "function": "See whether the function ends, or give a shorter text, or more seconds.",
}


def own_track(spec: str, text: str, *, seconds: float = TIME_LIMIT) -> Track:
    """The track that the user describes.

    FILE.py:function runs that file, and then function(text), with all that the user may do: by
    naming the function the user asks for it. What it prints goes to stderr.

    Args:
        spec: `NAME=REGEX`, 1 at every character of every match of a regular expression of
            Python's, or of the match's first group if it has one, and 0 elsewhere (^ and $ are the
            ends of lines); or `FILE.py:function`, a function of the text that returns a list or
            an array of N finite numbers or booleans.
        text: N characters.
        seconds: How long it may take. Then it is ended, and all that it started.

    Raises:
        TrackSpecError: The description is neither.
        TrackPatternError: The expression does not compile.
        TrackGroupError: The expression matches, but its first group never takes a character.
        TrackFileError: The file cannot be read.
        TrackNameError: The file has no such function.
        TrackFunctionError: The file or the function raised something.
        TrackValuesError: The function returned something else than N finite numbers.
        TrackTimeoutError: There was no result in time.
        TrackProcessError: The process could not be started, or ended without a result.

    Example:
        >>> own_track("numbers=[0-9]+", "a 12 b").values.tolist()
        [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    """
    request = _request(spec)
    name = request["name"]
    answer, code = _ask(request, text, seconds)
    head, numbers = _parsed(answer)
    if "error" in head:
        raise getattr(errors, head["error"])(**head["facts"])
    if "about" not in head or len(numbers) != 4 * len(text):
        raise TrackProcessError(name=name, problem=f"ended with exit code {code} and no result")
    return track(name, head["about"], np.frombuffer(numbers, dtype=np.float32))


def _request(spec: str) -> dict[str, Any]:
    """What a description asks for."""
    name, equals, pattern = spec.partition("=")
    name = name.strip()
    path, _, function = spec.rpartition(":")
    if equals and pattern and _NAME.fullmatch(name):
        return {"kind": "pattern", "name": name, "pattern": pattern}
    if path.endswith(".py") and function.isidentifier():
        return {"kind": "function", "name": function, "path": path}
    raise TrackSpecError(spec=quoted(spec), problem=_problem(spec, name, equals, pattern))


def _problem(spec: str, name: str, equals: str, pattern: str) -> str:
    if spec.rstrip(":").endswith(".py"):
        return "names no function of the file"
    if not equals:
        return "is neither an expression nor a function"
    if name and not _NAME.fullmatch(name):
        return "has a name with other signs than letters, digits, spaces, _ and -"
    return "has no expression" if name else "has no name"


def _ask(request: dict[str, Any], text: str, seconds: float) -> tuple[bytes, int]:
    """What a process of its own answers, and the code with which it ended."""
    patience = min(seconds, _FOREVER)
    process = _started(request, text, patience)
    kept: list[bytes] = []
    most = 4 * len(text) + _MOST_SAID
    reader = threading.Thread(target=_keep, args=(process.stdout, most, kept), daemon=True)
    try:
        reader.start()
        reader.join(patience)
        if reader.is_alive():
            advice = _ADVICE[request["kind"]]
            raise TrackTimeoutError(name=request["name"], seconds=seconds, advice=advice)
    finally:
        end_with_its_own(process)
    return b"".join(kept), process.returncode


def _started(request: dict[str, Any], text: str, seconds: float) -> subprocess.Popen[bytes]:
    """A process that has the request and the text before it, in a file that nobody else sees."""
    # Not escaped: JSON takes two lone surrogates that stand side by side for one character.
    line = json.dumps({**request, "seconds": seconds}, ensure_ascii=False)
    try:
        with TemporaryFile() as file:
            file.writelines(part.encode("utf-8", "surrogatepass") for part in (line, "\n", text))
            file.seek(0)
            return subprocess.Popen(
                [sys.executable, *_COMMAND],
                stdin=file,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
    except OSError as error:
        problem = f"could not be started ({error.strerror})"
        raise TrackProcessError(name=request["name"], problem=problem) from error


def _keep(stream: IO[bytes], most: int, kept: list[bytes]) -> None:
    """Keep no more than a result can have; the rest is the user's code writing without end."""
    with stream:
        kept.append(stream.read(most))


def _parsed(answer: bytes) -> tuple[dict[str, Any], memoryview]:
    """The head of an answer, empty if it is none, and what follows it."""
    end = answer.find(b"\n") + 1
    head = None
    with contextlib.suppress(ValueError):
        head = json.loads(answer[:end])
    return head if isinstance(head, dict) else {}, memoryview(answer)[end:]
