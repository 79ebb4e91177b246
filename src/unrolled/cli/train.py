"""`unrolled train TASK [DATA]`."""

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from unrolled.cli.arguments import parse
from unrolled.cli.reports import after_training
from unrolled.tasks.registry import TASKS, find_task
from unrolled.training.watchers import watcher_for

USAGE = f"""usage: unrolled train TASK [DATA] [FLAGS]   (unrolled train TASK --help lists the flags)

{chr(10).join(f"  {name:<15} {entry.summary}" for name, entry in TASKS.items())}

examples:
  unrolled train char-lm                          Python's standard library, 5 minutes
  unrolled train char-lm book.txt --minutes 10 --cell gru --hidden-size 512
  unrolled train char-lm shakespeare --cell FILE.py:mine
  unrolled train sentiment reviews.csv            a column text, a column label
  unrolled train sentiment --model bert --weights minilm   a BERT that has read before
  unrolled train tag                              the Brown corpus: a part of speech for each word
  unrolled train translate                        dates of 27 countries into ISO's form
  unrolled train series sales.csv --target price  a row a step; the next row is forecast
  unrolled train temporal-order                   sequences drawn on the spot, until solved
  unrolled train temporal-order --cell rnn --start smart --omega 2 --lens
"""


def run(given: Sequence[str]) -> int:
    """Train, print what came of it, and say what to type next.

    Args:
        given: What was typed after the verb.
    """
    if not given or given[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0
    name, *flags = given
    entry = find_task(name)
    defaults = entry.defaults(_model_in(flags))
    settings: Any = parse(
        type(defaults),
        flags,
        prog=f"unrolled train {name}",
        about=entry.about(),
        defaults=defaults,
    )
    trained = entry.run_module().train(settings, watcher=watcher_for(sys.stderr))
    return after_training(trained)


def _model_in(flags: Sequence[str]) -> str:
    """The model that flags name: other defaults may hold for it, and are what --help shows."""
    words = [word for flag in flags for word in flag.split("=", 1)]
    return dict(pairwise(words)).get("--model", "")
