"""`unrolled export RUN [FILE]`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from unrolled.cli.arguments import parse


@dataclass(frozen=True)
class Export:
    """Write a trained model as an ONNX file."""

    run: Positional[Path]
    """The run folder."""

    file: Positional[Path | None] = None
    """The file, replaced if it is there; default: model.onnx in the run folder."""


def run(given: Sequence[str]) -> int:
    """Write the file, and print what goes in and comes out, and how it is run.

    Args:
        given: What was typed after the verb.
    """
    about = (
        "Write a trained model as an ONNX file for any number of steps and sequences; compare "
        "what onnxruntime makes of it with the model; print how it is run."
    )
    wanted = parse(Export, given, prog="unrolled export", about=about)
    from unrolled.tasks.api import export  # torch, only now
    from unrolled.training.watchers import clean

    for line in export(wanted.run, wanted.file).tell():
        print(clean(line))
    return 0
