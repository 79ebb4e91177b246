"""`unrolled generate RUN [INPUT]`."""

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional

from unrolled.cli.arguments import given_of, parse, require_fit, shown_as
from unrolled.cli.progress import complain, waiting
from unrolled.errors import (
    LineError,
    SamplingError,
    SettingError,
    UndecodedError,
    UnrolledError,
)
from unrolled.training.settings import check_seed

AT_ONCE = 64  # lines of a pipe that are answered together
UNDECODED = range(0xDC80, 0xDD00)  # what stands for bytes that are no characters
DRAWING = ("temperature", "top_k", "top_p", "greedy")


@dataclass(frozen=True)
class Generate:
    """Let a trained model write, answer, or forecast."""

    run: Positional[Path]
    """The run folder."""

    input: Annotated[Positional[str | None], shown_as("[INPUT]", "none")] = None
    """The beginning of a text, which is printed too; a text to label, tag, translate, or fill in;
    nothing for a forecast. -: standard input, all of it as a beginning, or an answer for each of
    its lines. Left out: lines of standard input, too; a character model begins by itself, and reads
    nothing."""

    length: Annotated[int | None, shown_as("INT", "500")] = None
    """Characters that a character model writes."""

    temperature: Annotated[float | None, shown_as("FLOAT", "1")] = None
    """Below 1 bolder in what is likely, above 1 wilder; 0 is --greedy."""

    top_k: Annotated[int | None, shown_as("INT", "0, all")] = None
    """Draw from the k likeliest characters only."""

    top_p: Annotated[float | None, shown_as("FLOAT", "1, all")] = None
    """Draw from the likeliest characters that together reach this probability."""

    greedy: bool = False
    """Always the likeliest character."""

    beam: Annotated[int | None, shown_as("INT", "0, a translator: its run's")] = None
    """Search with so many beams for the likeliest text as a whole; 0: a character model draws."""

    length_penalty: Annotated[float | None, shown_as("FLOAT", "the run's")] = None
    """How far beams prefer long translations; 0: not at all."""

    seed: Annotated[int | None, shown_as("INT", "0")] = None
    """The same seed writes the same text."""


def run(given: Sequence[str]) -> int:
    """Write to standard output as it comes.

    Args:
        given: What was typed after the verb.
    """
    about = "Let a trained model write on, label, tag, translate, fill in, or forecast."
    wanted = parse(Generate, given, prog="unrolled generate", about=about)
    for name, least, also in (("length", 1, ""), ("beam", 0, " (draw)")):
        value = getattr(wanted, name)
        if value is not None and value < least:
            raise SettingError(name=name, got=value, wanted=f"{least}{also} or more")
    check_seed(wanted.seed or 0)
    with waiting("loading the run"):
        from unrolled.models.sampling import Choice  # torch, only now
        from unrolled.tasks.api import open_run

        trained = open_run(wanted.run)
    flags = given_of(wanted, but=("run", "input"))
    choice = Choice(**{name: flags[name] for name in DRAWING if name in flags})
    method = trained.answers if trained.takes == "line" else trained.generate
    require_fit(method, flags, also={"choice": DRAWING}, run=trained)
    options = {name: value for name, value in flags.items() if name not in DRAWING}
    if len(options) < len(flags):
        options["choice"] = choice
    if isinstance(sys.stdin, io.TextIOWrapper):  # what is no text is told by its line
        ends = "\n" if trained.takes == "line" else None
        sys.stdin.reconfigure(errors="surrogateescape", newline=ends)
    for piece in _PRINTED[trained.takes](trained, wanted.input, options):
        _write(piece)
    return 0


def _text(trained: Any, text: str | None, options: dict[str, Any]) -> Iterator[str]:
    beginning = sys.stdin.read() if text == "-" else text or ""
    written = trained.generate(beginning, **options)
    yield beginning
    yield from written
    yield "\n"


def _lines(trained: Any, text: str | None, options: dict[str, Any]) -> Iterator[str]:
    if text is not None and text != "-":
        yield from (f"{answer}\n" for answer in trained.answers([text], **options))
        return
    typed = sys.stdin.isatty()
    if typed:
        print("a text a line; Ctrl-D ends", file=sys.stderr)
    read = enumerate((line.rstrip("\r\n") for line in sys.stdin), start=1)
    while some := [*islice(read, 1 if typed else AT_ONCE)]:
        with _bad_line_told() if typed else nullcontext():
            yield from (f"{answer}\n" for answer in _answered(trained, some, options))


@contextmanager
def _bad_line_told() -> Iterator[None]:
    """Whoever types may type anew, and need not begin anew."""
    try:
        yield
    except LineError as error:
        complain(error)


def _answered(
    trained: Any, lines: Sequence[tuple[int, str]], options: dict[str, Any]
) -> Iterator[str]:
    """The answer to each numbered line; those before a line that has none come first."""
    try:
        found = trained.answers([_decoded(line) for _, line in lines], **options)
    except SamplingError:  # of a flag, whatever the line
        raise
    except UnrolledError as error:
        if len(lines) == 1:
            raise LineError(line=lines[0][0], problem=str(error)) from error
        found = (answer for line in lines for answer in _answered(trained, [line], options))
    yield from found


def _decoded(line: str) -> str:
    odd = next((ord(sign) for sign in line if ord(sign) in UNDECODED), None)
    if odd is not None:
        raise UndecodedError(byte=odd - 0xDC00, encoding=sys.stdin.encoding or "utf-8")
    return line


def _own(trained: Any, text: str | None, options: dict[str, Any]) -> Iterator[str]:
    if text is not None:
        raise SettingError(name="input", got=text, wanted="none: it goes on from the run's data")
    yield from trained.generate(**options)
    yield "\n"


_PRINTED = {"beginning": _text, "line": _lines, "nothing": _own}


def _write(text: str) -> None:
    """Write at once; in a terminal, control characters are escaped."""
    if sys.stdout.isatty():
        from unrolled.training.watchers import clean

        text = clean(text)
    sys.stdout.write(text)
    sys.stdout.flush()
