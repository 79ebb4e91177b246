"""Look at networks: what each does with the same text, as a report."""

from collections.abc import Collection, Sequence
from copy import deepcopy
from importlib.util import find_spec
from itertools import chain, count
from typing import TYPE_CHECKING

from torch import nn

from unrolled.errors import MissingExtraError
from unrolled.layers.convert import convert
from unrolled.probe.subject import Looking, Progress, Subject

if TYPE_CHECKING:
    from unrolled.probe.report.page import Report

PACKAGES = {"altair": "altair", "vl_convert": "vl-convert-python", "scipy": "scipy"}


def require_packages() -> None:
    """Refuse to look where what draws or compares is not installed.

    Raises:
        MissingExtraError: A package is missing.
    """
    for module, package in PACKAGES.items():
        if find_spec(module) is None:
            raise MissingExtraError(what="Reports", package=package, extra="look")


def look_at(
    subjects: Sequence[Subject],
    how: Looking | None = None,
    *,
    title: str = "",
    progress: Progress | None = None,
) -> "Report":
    """Examine networks and report what was seen.

    Args:
        subjects: Networks with their texts; the same text, if they are to be compared.
        how: How closely; None: in the usual way.
        title: At the top of the page; empty: their names.
        progress: Is told what is being done, and the share of it all that is done.

    Raises:
        MissingExtraError: A package that draws or compares is not installed.
        UnrolledError: Many kinds; see `examine`.
    """
    require_packages()
    # Only here: scipy and altair may be missing where nobody looks.
    from unrolled.probe.examination import Examination, examine
    from unrolled.probe.report.page import Report

    how = how or Looking()
    for subject in subjects:
        subject.spelled(how.characters)  # every network can read its text: said before the work
    seen: dict[str, Examination] = {}
    for number, subject in enumerate(subjects):

        def told(what: str, share: float, subject: Subject = subject, before: int = number) -> None:
            if progress:
                named = f"{subject.name}: {what}" if len(subjects) > 1 else what
                progress(named, (before + share) / len(subjects))

        seen[_unlike(subject.name, seen)] = examine(subject, how, told)
    return Report(seen, title or ", ".join(seen))


def _unlike(name: str, others: Collection[str]) -> str:
    """The name, with a number if others have it."""
    names = chain([name], (f"{name} ({number})" for number in count(2)))
    return next(each for each in names if each not in others)


def look(  # noqa: PLR0913
    network: nn.Module,
    text: str,
    vocabulary: str | None,
    *,
    name: str = "",
    training: str = "",
    batch_first: bool = False,
    how: Looking | None = None,
    progress: Progress | None = None,
) -> "Report":
    """Look inside a network of your own; what comes back shows itself in a notebook.

    Args:
        network: Any module that holds our layers, or torch's (a copy of it is converted). It is
            called with whole numbers T x B and returns scores of the next one, T x B x V, alone or
            first in a tuple. The states of its layers go on from call to call; a state that it
            makes itself is where they start.
        text: What it is to read, and did not learn.
        vocabulary: The V characters in the order in which it numbers them; None: it reads the bytes
            of UTF-8.
        name: What to call it; empty: its class.
        training: The text that it learned; n-grams are counted there to peel its errors.
        batch_first: Whether it takes and returns B x T.
        how: How closely to look; None: in the usual way.
        progress: Is told what is being done, and the share of it all that is done.

    Raises:
        MissingExtraError: A package that draws or compares is not installed.
        UnrolledError: Many kinds; see `examine`.
    """
    network = convert(deepcopy(network))
    name = name or type(network).__name__
    subject = Subject(name, network, text, vocabulary, training, batch_first=batch_first)
    return look_at([subject], how, progress=progress)
