"""`unrolled look RUN ... [DATA]`, and `unrolled look RUN [TEXT ...]`."""

import shutil
import sys
import textwrap
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, UseAppendAction, arg

from unrolled.cli.arguments import parse, require_fit
from unrolled.cli.progress import shown_progress
from unrolled.cli.reports import typed
from unrolled.errors import SettingError
from unrolled.training.storage.disk_faults import make_writable

TRACK = "NAME=REGEX|FILE.py:FUNCTION"
WIDEST = 100  # columns of a sentence
OURS = ("run", "more", "out", "figures", "open")
"""What concerns the command alone; all else is how to look, of which some runs leave no choice."""
CLOSELY = ("track", "characters", "language", "shifts", "lens_steps", "seed")
"""How closely to look at units."""


@dataclass(frozen=True)
class Look:
    """Look inside trained models."""

    run: Positional[Path]
    """The run folder."""

    more: Positional[tuple[str, ...]] = ()
    """Of char-lm: more run folders, to compare them on one text; and last, if you like, the text: a
    file, a folder or a named set. Of sentiment, tag and translate: texts to look at, in quotes; a
    file, a folder or a named set of examples. Default: the test part of the first run's own."""

    out: Path | None = None
    """The page to write. Default: report.html in the first run folder."""

    figures: Path | None = None
    """A folder for every picture as PNG and SVG."""

    encoding: str = "utf-8"
    """How the characters of a text file are written as bytes."""

    track: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar=TRACK)] = ()
    """Of char-lm: a track of your own, as often as you like: where a regular expression matches
    (its first group, if it has one), or what your function of the text returns for each
    character."""

    characters: int = 200_000
    """Of char-lm's text, from its start, that are read; more find rarer things."""

    language: Literal["auto", "python", "c", "none"] = "auto"
    """Of char-lm: whose strings, comments and conditions are looked for, too; auto goes by the
    looks."""

    shifts: int = 1000
    """Of char-lm's text, from which p-values come: the smallest p is 1 / (shifts + 1)."""

    lens_steps: int = 256
    """Of char-lm's text whose losses are followed back in time."""

    seed: int = 0
    """Of char-lm's shifts and intervals."""

    open: bool = False
    """Open the page in the browser."""


def run(given: Sequence[str]) -> int:
    """Look, print what was seen in words, and write the page.

    Args:
        given: What was typed after the verb.
    """
    about = (
        "Look inside trained models. Of char-lm: which units follow what, with held-out scores, "
        "p-values and what depends on them; gates, errors, gradients. Of sentiment: which words a "
        "label hangs on; of tag: what is taken for what; of translate: what is heeded for each "
        "piece that is written. One page, which needs no network."
    )
    wanted = parse(Look, given, prog="unrolled look", about=about)
    for name, least in {"characters": 2, "shifts": 199, "lens_steps": 1}.items():
        if getattr(wanted, name) < least:
            got = getattr(wanted, name)
            raise SettingError(name=name, got=got, wanted=f"{least} or more")
    page = wanted.out or wanted.run / "report.html"
    for place in filter(None, (wanted.out and page.parent, wanted.figures)):
        make_writable(place)  # what the disk refuses is said before the work
    from unrolled.probe.subject import Looking  # torch, only now
    from unrolled.tasks.api import open_run
    from unrolled.tasks.looking import look_as_typed

    first = open_run(wanted.run)
    require_fit(first.look, _chosen(wanted), run=first, also={"how": CLOSELY})
    language = None if wanted.language == "auto" else wanted.language
    how = Looking(
        characters=wanted.characters, language=language, tracks=wanted.track,
        shifts=wanted.shifts, lens_steps=wanted.lens_steps, seed=wanted.seed,
    )  # fmt: skip
    with shown_progress() as progress:
        report = look_as_typed(
            first, wanted.more, encoding=wanted.encoding, how=how, progress=progress
        )
        progress("making the page", 1.0)
        report.save(page)
        drawn = report.save_figures(wanted.figures) if wanted.figures else []
    _tell(report.words, page, drawn)
    if wanted.open:
        webbrowser.open(page.absolute().as_uri())
    return 0


def _chosen(wanted: Look) -> dict[str, Any]:
    """How to look, where that is not as usual."""
    named = ((field, getattr(wanted, field.name)) for field in fields(Look))
    return {f.name: value for f, value in named if f.name not in OURS and value != f.default}


def _tell(words: Sequence[str], page: Path, drawn: Sequence[Path]) -> None:
    from unrolled.training.watchers import clean  # torch, which has looked

    width = min(WIDEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else WIDEST
    for sentence in words:
        print(textwrap.fill(clean(sentence), width, subsequent_indent="  "))
    print(f"\nthe page: {typed(page)}")
    if drawn:
        print(f"pictures: {len(drawn)} files in {typed(drawn[0].parent)}")
