"""`unrolled look RUN ... [DATA]`."""

import shutil
import sys
import textwrap
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, UseAppendAction, arg

from unrolled.cli.arguments import parse
from unrolled.cli.progress import shown_progress
from unrolled.cli.reports import typed
from unrolled.errors import SettingError
from unrolled.training.storage.disk_faults import make_writable

TRACK = "NAME=REGEX|FILE.py:FUNCTION"
WIDEST = 100  # columns of a sentence


@dataclass(frozen=True)
class Look:
    """Look inside trained models."""

    run: Positional[Path]
    """The run folder."""

    more: Positional[tuple[str, ...]] = ()
    """More run folders, to compare them on one text; and last, if you like, the text: a file, a
    folder or a named set. Default: the test part of the first run's own."""

    out: Path | None = None
    """The page to write. Default: report.html in the first run folder."""

    figures: Path | None = None
    """A folder for every picture as PNG and SVG."""

    track: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar=TRACK)] = ()
    """A track of your own, as often as you like: where a regular expression matches (its first
    group, if it has one), or what your function of the text returns for each character."""

    characters: int = 200_000
    """Of the text, from its start, that are read; more find rarer things."""

    language: Literal["auto", "python", "c", "none"] = "auto"
    """Whose strings, comments and conditions are looked for, too; auto goes by the looks."""

    encoding: str = "utf-8"
    """How the characters of a text file are written as bytes."""

    shifts: int = 1000
    """Of the text, from which p-values come: the smallest p is 1 / (shifts + 1)."""

    lens_steps: int = 256
    """Of the text whose losses are followed back in time."""

    seed: int = 0
    """Of shifts and intervals."""

    open: bool = False
    """Open the page in the browser."""


def run(given: Sequence[str]) -> int:
    """Look, print what was seen in words, and write the page.

    Args:
        given: What was typed after the verb.
    """
    about = (
        "Look inside trained models: which units follow what, with held-out scores, p-values and "
        "what depends on them; gates, errors, gradients. One page, which needs no network."
    )
    wanted = parse(Look, given, prog="unrolled look", about=about)
    for name, least in {"characters": 2, "shifts": 199, "lens_steps": 1}.items():
        if getattr(wanted, name) < least:
            got = getattr(wanted, name)
            raise SettingError(name=name, got=got, wanted=f"{least} or more")
    folders, data = _sorted_out(wanted.run, wanted.more)
    page = wanted.out or folders[0] / "report.html"
    for place in filter(None, (wanted.out and page.parent, wanted.figures)):
        make_writable(place)  # what the disk refuses is said before the work
    from unrolled.probe.examination import Looking  # torch, only now
    from unrolled.tasks.looking import look_at_runs

    language = None if wanted.language == "auto" else wanted.language
    how = Looking(
        characters=wanted.characters, language=language, tracks=wanted.track,
        shifts=wanted.shifts, lens_steps=wanted.lens_steps, seed=wanted.seed,
    )  # fmt: skip
    with shown_progress() as progress:
        report = look_at_runs(folders, data, wanted.encoding, how=how, progress=progress)
        progress("making the page", 1.0)
        report.save(page)
        drawn = report.save_figures(wanted.figures) if wanted.figures else []
    _tell(report.words, page, drawn)
    if wanted.open:
        webbrowser.open(page.absolute().as_uri())
    return 0


def _sorted_out(run: Path, more: Sequence[str]) -> tuple[list[Path], str | None]:
    """The run folders, and the text if the last one is none."""
    runs, data = [run, *map(Path, more)], None
    if more and not (runs[-1] / "config.json").exists():
        runs, data = runs[:-1], more[-1]
    return runs, data


def _tell(words: Sequence[str], page: Path, drawn: Sequence[Path]) -> None:
    width = min(WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDEST
    for sentence in words:
        print(textwrap.fill(sentence, width, subsequent_indent="  "))
    print(f"\nthe page: {typed(page)}")
    if drawn:
        print(f"pictures: {len(drawn)} files in {typed(drawn[0].parent)}")
