"""`unrolled evaluate RUN [DATA]`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional

from unrolled.cli.arguments import given_of, parse, require_fit, shown_as
from unrolled.cli.progress import waiting
from unrolled.cli.reports import print_evaluation


@dataclass(frozen=True)
class Evaluate:
    """Measure a trained model."""

    run: Positional[Path]
    """The run folder."""

    data: Annotated[Positional[str | None], shown_as("[DATA]", "its test part")] = None
    """A file, a folder or a named set; left out, the test part of the run's own data, or fresh
    sequences where the task draws its own."""

    encoding: Annotated[str | None, shown_as("STR", "utf-8")] = None
    """How the characters of files are written as bytes."""

    ngram: Annotated[int | None, shown_as("INT", "the run's")] = None
    """Order of the counting baseline (Witten-Bell) of a character model."""

    beam: Annotated[int | None, shown_as("INT", "the run's")] = None
    """Beams with which a translator searches."""

    length_penalty: Annotated[float | None, shown_as("FLOAT", "the run's")] = None
    """How far beams prefer long translations."""

    json: bool = False
    """Print the figures as JSON."""


def run(given: Sequence[str]) -> int:
    """Measure, print, and save the figures as evaluation.json in the run folder.

    Args:
        given: What was typed after the verb.
    """
    about = "Measure a trained model on what it never saw, beside a baseline."
    wanted = parse(Evaluate, given, prog="unrolled evaluate", about=about)
    flags = given_of(wanted, but=("run", "json"))
    with waiting("loading and measuring"):
        from unrolled.tasks.api import open_run, save_evaluation  # torch, only now

        trained = open_run(wanted.run)
        require_fit(trained.evaluate, flags, run=trained)
        figures = trained.evaluate(**flags)
    if wanted.json:
        print(json.dumps(figures.to_json(), indent=2))
    else:
        print_evaluation(trained, figures)
    save_evaluation(wanted.run, figures)  # last: the run may be another's, where we cannot write
    return 0
