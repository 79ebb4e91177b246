"""`unrolled generate RUN`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from unrolled.cli.arguments import parse
from unrolled.errors import SettingError
from unrolled.training.settings import check_seed


@dataclass(frozen=True)
class Generate:
    """Let a trained character model write."""

    run: Positional[Path]
    """The run folder."""

    prime: str = ""
    """Text that the model reads first; it is printed too."""

    length: int = 500
    """Characters to write after it."""

    temperature: float = 1.0
    """Below 1 bolder in what is likely, above 1 wilder; 0 is --greedy."""

    top_k: int = 0
    """Draw from the k likeliest characters only; 0: from all."""

    top_p: float = 1.0
    """Draw from the likeliest characters that together reach this probability; 1: from all."""

    greedy: bool = False
    """Always the likeliest character."""

    beam: int = 0
    """Search with so many beams instead of drawing, for the likeliest text as a whole."""

    seed: int = 0
    """The same seed writes the same text."""


def run(given: Sequence[str]) -> int:
    """Write to standard output as the characters come.

    Args:
        given: What was typed after the verb.
    """
    about = "Let a trained model write, character by character."
    wanted = parse(Generate, given, prog="unrolled generate", about=about)
    if wanted.length < 1:
        raise SettingError(name="length", got=wanted.length, wanted="1 or more")
    if wanted.beam < 0:
        raise SettingError(name="beam", got=wanted.beam, wanted="0 (draw) or more")
    check_seed(wanted.seed)
    from unrolled.models.sampling import Choice  # torch, only now
    from unrolled.tasks.api import open_run

    choice = Choice(wanted.temperature, wanted.top_k, wanted.top_p, wanted.greedy)
    trained = open_run(wanted.run)
    show = _Writer()
    if wanted.beam > 0:
        text = trained.search(wanted.prime, length=wanted.length, width=wanted.beam)
        show.write(wanted.prime + text)
    else:
        pieces = trained.generate(
            wanted.prime, length=wanted.length, choice=choice, seed=wanted.seed
        )
        show.write(wanted.prime)
        for piece in pieces:
            show.write(piece)
    show.write("\n")
    return 0


class _Writer:
    """Writes at once; in a terminal, control characters are escaped."""

    def __init__(self) -> None:
        self.terminal = sys.stdout.isatty()

    def write(self, text: str) -> None:
        if self.terminal:
            from unrolled.training.watchers import clean

            text = clean(text)
        sys.stdout.write(text)
        sys.stdout.flush()
