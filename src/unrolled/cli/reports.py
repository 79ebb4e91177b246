"""What the command prints of a run: to standard output, plain, so that it pipes."""

import shlex
import signal
import sys
from pathlib import Path
from typing import Any

from unrolled.training.watchers import Lines, clean

_SAMPLE = 500  # characters
_TEMPERATURE = 0.7
_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def after_training(trained: Any) -> int:
    """Print how training ended, the figures, a sample, and what to type next; the exit code."""
    from unrolled.models.sampling import Choice  # torch, which training has loaded

    ending, path = trained.ending, _typed(trained.path)
    if ending.signal is not None:
        print(f"stopped and saved at step {ending.step:,}. To go on:")
        print(f"  unrolled resume {path}")
        return _CODES[ending.signal]
    Lines(sys.stderr).say(f"{ending.reason} at step {ending.step:,}; measuring on the test part")
    print_evaluation(trained, trained.evaluate())
    print(f"\nit writes, at temperature {_TEMPERATURE}:\n")
    written = trained.generate(length=_SAMPLE, choice=Choice(_TEMPERATURE), seed=1)
    print(clean("".join(written)).strip("\n"))
    print("\nnext:")
    print(f"  unrolled generate {path} --length 1000 --temperature 0.7")
    print(f"  unrolled resume {path} --steps {2 * ending.step}  # as long again")
    print(f"  unrolled evaluate {path}")
    return 0


def _typed(path: Path) -> str:
    """A path as one would type it from here."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def print_evaluation(trained: Any, figures: Any) -> None:
    """Print the figures of a run on a text, beside the counting baseline."""
    settings = trained.settings
    model = f"{trained.cell.name} {settings.num_layers} x {settings.hidden_size}"
    counts = f"Witten-Bell {figures.ngram_order}-gram"
    width = max(len(model), len(counts))
    print(f"{clean(figures.text)}, {figures.characters:,} characters:")
    bits, nats = figures.bits_per_character, figures.nats_per_character
    print(f"  {model:{width}}  {bits:.3f} bits per character ({nats:.3f} nats)")
    print(f"  {counts:{width}}  {figures.ngram_bits_per_character:.3f} bits per character")
