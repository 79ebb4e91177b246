"""A short text and settings under which a character model learns it in no time."""

import os
import signal
from pathlib import Path

from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.watchers import Silent

BOOK = "".join(
    f"It was a bright cold day in April {i}, and the clocks were striking {i % 13}.\n"
    for i in range(50)
)
SMALL = "--hidden-size 8 --batch-size 4 --bptt 16 --validate-characters 200 --threads 1"
OWN = set(TrainSettings.__dataclass_fields__)


def book(folder: Path, text: str = BOOK, name: str = "book.txt") -> Path:
    """A file with a text."""
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def tiny(data: object, out: Path, **changes) -> CharLMSettings:
    """Settings of a tiny model."""
    calm = {"steps": 12, "evaluate_every": 100, "warmup_steps": 0}
    training = {**calm, **{name: changes.pop(name) for name in list(changes) if name in OWN}}
    small = {"hidden_size": 8, "batch_size": 4, "bptt": 16, "validate_characters": 200}
    own = {"data": str(data), "out": out, **small, **changes}
    return CharLMSettings(**own, training=TrainSettings(**training))


class Samples(Silent):
    """Keeps the samples, and says when a step is made."""

    def __init__(self, on_step=lambda step: None):
        self.samples, self.lines, self.on_step = [], [], on_step

    def step(self, standing):
        self.on_step(standing.step)

    def say(self, text):
        self.lines.append(text)

    def show_sample(self, text):
        self.samples.append(text)


def stopping(step: int) -> Samples:
    """A watcher that ends the training after a step."""
    return Samples(lambda now: os.kill(os.getpid(), signal.SIGTERM) if now == step else None)


def kept(path: Path):
    """All that the last checkpoint and the metrics hold, but for the times."""
    last = load_checkpoint(path)
    tensors = {**last.weights, **{f"carried {k}": v for k, v in last.carried.items()}}
    tensors |= {f"optimizer {k}": v for k, v in last.optimizer.items()}
    counters = {**last.progress["progress"], "seconds": 0}
    lines = [{**line, "seconds": 0} for line in read_metrics(path)]
    return {name: t.tolist() for name, t in tensors.items()}, counters, lines
