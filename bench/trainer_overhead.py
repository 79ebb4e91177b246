"""What the trainer adds to a step: everything but forward, backward and optimizer.

Hidden 128, batch 32, 64 steps, on the default text. Prints minimum and median shares.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import describe

from unrolled.cells import find_cell
from unrolled.data.sets import find_corpus
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.char_lm.task import CharLM, build_model
from unrolled.training.logs import Logs
from unrolled.training.loop import Trainer
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.run_folder import create_run
from unrolled.training.watchers import watcher_for

STEPS = 200


class Stopwatch:
    """Adds up the time spent in the functions it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, its time counted."""

        def timed(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                self.seconds += time.perf_counter() - start

        return timed


def main() -> None:
    """Measure and print."""
    settings = CharLMSettings(
        hidden_size=128, batch_size=32, bptt=64, training=TrainSettings(steps=10 * STEPS)
    )
    corpus = find_corpus()
    parts = corpus.split()
    model = build_model(settings, find_cell(settings.cell), len(corpus.alphabet))
    task = CharLM(model, corpus.alphabet, settings, train=parts.train, validation=parts.validation)
    watch = Stopwatch()
    model.forward = watch.wrap(model.forward)
    torch.nn.functional.cross_entropy = watch.wrap(torch.nn.functional.cross_entropy)
    torch.Tensor.backward = watch.wrap(torch.Tensor.backward)
    shares = []
    with tempfile.TemporaryDirectory() as folder, create_run(Path(folder) / "run", {}) as run:
        trainer = Trainer(task, settings.training, run, watcher_for())
        trainer.optimizer.step = watch.wrap(trainer.optimizer.step)
        with Logs(run, settings.training) as logs:
            for _ in range(STEPS):
                watch.seconds, start = 0.0, time.perf_counter()
                trainer._step(logs)
                whole = time.perf_counter() - start
                shares.append(1 - watch.seconds / whole)
        trainer.watcher.close()
    print(describe())
    print(f"lstm, H=128 B=32 T=64, {STEPS} steps: share of a step that is the trainer's own")
    print(f"  minimum {min(shares):.2%}  median {statistics.median(shares):.2%}")


if __name__ == "__main__":
    main()
