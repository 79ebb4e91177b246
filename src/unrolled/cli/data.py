"""`unrolled data [NAME]`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from tyro.conf import Positional

from unrolled.cli.arguments import parse
from unrolled.data.sets import DEFAULT_SET, SETS, load_set


@dataclass(frozen=True)
class Data:
    """The named texts."""

    name: Positional[str | None] = None
    """A set to fetch and describe; without it, all are listed."""


def run(given: Sequence[str]) -> int:
    """List the named sets, or fetch one and say what is in it.

    Args:
        given: What was typed after the verb.
    """
    about = "List the named texts, or fetch one."
    wanted = parse(Data, given, prog="unrolled data", about=about)
    if wanted.name is None:
        for name, row in SETS.items():
            default = " (the default)" if name == DEFAULT_SET else ""
            print(f"{name}{default}: {row.description}")
            print(f"    {row.origin}; licence: {row.licence}")
        return 0
    corpus = load_set(wanted.name, report=lambda line: print(line, file=sys.stderr))
    print(f"{corpus.name}: {len(corpus):,} characters, {len(corpus.alphabet)} different")
    print(f"    fingerprint {corpus.fingerprint}")
    return 0
