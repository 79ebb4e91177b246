"""Dates and numbers as people of many countries write them, each beside its international form.

Made on the spot of what `babel` knows (the Unicode consortium's tables): nothing is fetched.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np

from unrolled.data.examples.kinds import Pair
from unrolled.data.examples.splits import split
from unrolled.errors import MissingExtraError

Name = TypeVar("Name", bound=str)

LOCALES = (
    "en_US en_GB de fr es it pt nl pl cs ru uk sv da fi tr el hu ro ko ja zh vi ar he th hi".split()
)
EXAMPLES = 40_000
FIRST_DAY, DAYS = date(1900, 1, 1), 73_049  # to the end of 2099
STYLES: Sequence[Literal["medium", "long", "full"]] = ("medium", "long", "full")
"""Of the three orders of day, month and year all can be told apart; "short" has 1/2/03."""
SHARES = {"validation": 0.05, "test": 0.1}


def babel_version() -> str:
    """The version of the tables.

    Raises:
        MissingExtraError: babel is not installed.
    """
    try:
        return version("babel")
    except PackageNotFoundError:
        what = "Dates and numbers in many languages"
        raise MissingExtraError(what=what, package="babel", extra="text") from None


def write_dates(folder: Path) -> None:
    """Write train.tsv, validation.tsv, test.tsv: "Freitag, 9. Mai 2003", tab, "2003-05-09".

    No date of one part is in another, in whatever country's form.
    """
    from babel.dates import format_date  # only where this set is wanted

    draws = np.random.default_rng(0)

    def pair() -> Pair:
        day = FIRST_DAY + timedelta(days=int(draws.integers(DAYS)))
        style, locale = _drawn(STYLES, draws), _drawn(LOCALES, draws)
        return Pair(_plain(format_date(day, style, locale=locale)), day.isoformat())

    _write(folder, (pair() for _ in range(EXAMPLES)))


def write_numbers(folder: Path) -> None:
    """Write the same three files of numbers: "12,3 Millionen", tab, "12300000".

    No number of one part is in another.
    """
    from babel import Locale
    from babel.numbers import format_compact_decimal

    draws = np.random.default_rng(0)
    longest: dict[str, Literal["short", "long"]] = {  # some languages have the short form alone
        name: "long" if "long" in Locale.parse(name).compact_decimal_formats else "short"
        for name in LOCALES
    }

    def pair() -> Pair:
        number = int(draws.integers(1, 1_000)) * 10 ** int(draws.integers(3, 13))
        locale = _drawn(LOCALES, draws)
        shown = format_compact_decimal(
            number, format_type=longest[locale], locale=locale, fraction_digits=2
        )
        return Pair(_plain(shown), str(number))

    _write(folder, (pair() for _ in range(EXAMPLES)))


def _drawn(names: Sequence[Name], draws: np.random.Generator) -> Name:
    return names[int(draws.integers(len(names)))]


def _plain(text: str) -> str:
    """Without marks of direction, and with one kind of space."""
    return " ".join(text.translate({0x200E: None, 0x200F: None}).split())


def _write(folder: Path, pairs: Iterable[Pair]) -> None:
    """Each pair once; what is read in two ways ("1 billion") is left out."""
    targets: dict[str, set[str]] = defaultdict(set)
    for source, target in pairs:
        targets[source].add(target)
    plain = [Pair(source, *found) for source, found in targets.items() if len(found) == 1]
    parts = split(plain, **SHARES, key=lambda pair: pair.target)
    for name, part in parts._asdict().items():
        lines = "".join(f"{source}\t{target}\n" for source, target in part)
        (folder / f"{name}.tsv").write_text(lines, encoding="utf-8")
