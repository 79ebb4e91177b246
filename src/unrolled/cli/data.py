"""`unrolled data [NAME]`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from tyro.conf import Positional

from unrolled.cli.arguments import parse
from unrolled.data.sets import DEFAULT_SET, SETS, load_set


@dataclass(frozen=True)
class Data:
    """The named sets."""

    name: Positional[str | None] = None
    """A set to fetch and describe; without it, all are listed."""


def run(given: Sequence[str]) -> int:
    """List the named sets, or fetch one and say what is in it.

    Args:
        given: What was typed after the verb.
    """
    about = "List the named sets, or fetch one."
    wanted = parse(Data, given, prog="unrolled data", about=about)
    if wanted.name is None:
        for name, row in SETS.items():
            default = " (the default)" if name == DEFAULT_SET else ""
            print(f"{name}{default}: {row.kind}; {row.description}")
            print(f"    {row.origin}; licence: {row.licence}")
        return 0
    report = partial(print, file=sys.stderr)
    if wanted.name in SETS and SETS[wanted.name].kind != "text":
        files = SETS[wanted.name].files(report)
        size = sum(file.stat().st_size for file in files) / 1e6
        count = "1 file" if len(files) == 1 else f"{len(files):,} files"
        print(f"{wanted.name}: {SETS[wanted.name].kind}, {count}, {size:.1f} MB")
        return 0
    corpus = load_set(wanted.name, report=report)
    print(f"{corpus.name}: {len(corpus):,} characters, {len(corpus.alphabet)} different")
    print(f"    fingerprint {corpus.fingerprint}")
    return 0
