"""A task so small that a hundred steps take no time, and a trainer of it."""

import math
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from unrolled.cells import find_cell
from unrolled.layers.recurrent import Recurrent
from unrolled.layers.states import detach
from unrolled.training.loop import Ending, Trainer
from unrolled.training.settings import TrainSettings
from unrolled.training.storage.checkpoint import load_checkpoint
from unrolled.training.storage.run_folder import create_run, open_run
from unrolled.training.task import Measured, Step, Task, Unit
from unrolled.training.watchers import Silent

T, B, X, H = 5, 2, 3, 4


class TinyModel(nn.Module):
    """Recurrent layers, dropout and a readout."""

    def __init__(self, cell="lstm", *, layers=1, dropout=0.0):
        super().__init__()
        self.recurrent = Recurrent(find_cell(cell), X, H, layers, dropout=dropout)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(H, 1)

    def forward(self, x, state=None):
        output, state = self.recurrent(x, state)
        return self.readout(self.dropout(output)), state


class TinyTask(Task):
    """Follow a curve of random numbers, chunk by chunk; it keeps what it was given."""

    unit = Unit("halves", "half", 2.0)
    items = "points"

    def __init__(self, cell="lstm", *, chunks=4, dtype=torch.float32, **options):
        generator = torch.Generator().manual_seed(0)
        torch.manual_seed(0)
        self.model = TinyModel(cell, **options).to(dtype)
        self.x = torch.randn(chunks, T, B, X, generator=generator, dtype=dtype)
        self.y = torch.randn(chunks, T, B, 1, generator=generator, dtype=dtype)
        self.given: list[tuple[int, Any]] = []
        self.validations: list[float] = []
        self.on_step: Callable[[int], None] = lambda step: None

    @property
    def chunks(self):
        return len(self.x)

    def loss(self, chunk, carried):
        output, state = self.model(self.x[chunk], carried)
        return F.mse_loss(output, self.y[chunk]), state

    def forward(self, chunk, carried):
        self.given.append((chunk, carried))
        self.on_step(len(self.given))
        loss, state = self.loss(chunk, carried)
        return Step(loss, T * B, detach(state))

    def validate(self):
        assert not self.model.training
        self.validations.append(float(self.loss(0, None)[0]))
        return Measured(self.validations[-1])


class Scripted(TinyTask):
    """Its evaluations give the numbers of a list."""

    def __init__(self, losses, **options):
        super().__init__(**options)
        self.losses = list(losses)

    def validate(self):
        return Measured(self.losses.pop(0))


class Notes(Silent):
    """Keeps what it is told."""

    def __init__(self):
        self.lines, self.samples, self.steps = [], [], []

    def step(self, standing):
        self.steps.append(standing.step)

    def say(self, text):
        self.lines.append(text)

    def show_sample(self, text):
        self.samples.append(text)


def plain(**changes) -> TrainSettings:
    """Settings under which a step is the optimizer's own and nothing else."""
    calm = {"schedule": "constant", "warmup_steps": 0, "clip_norm": 0.0, "log_every": 1}
    return TrainSettings(**{**calm, "steps": 8, **changes})


def fit(task: Task, settings: TrainSettings, path: Path, watcher=None) -> Ending:
    """Train in a new run folder."""
    with create_run(path, {}) as run:
        return Trainer(task, settings, run, watcher or Notes()).fit()


def go_on(task: Task, settings: TrainSettings, path: Path, watcher=None) -> Ending:
    """Train on from the last checkpoint."""
    with open_run(path) as run:
        trainer = Trainer(task, settings, run, watcher or Notes())
        trainer.restore(run.load("last"))
        return trainer.fit()


@contextmanager
def trainer_of(task: Task, settings: TrainSettings, path: Path):
    """A trainer that does nothing yet."""
    with create_run(path, {}) as run:
        yield Trainer(task, settings, run, Notes())


def kept(path: Path) -> dict[str, Any]:
    """All that the last checkpoint holds, but for the seconds, in a form that can be compared."""
    last = load_checkpoint(path)
    progress = {**last.progress["progress"], "seconds": 0.0}
    tensors = {**last.weights, **{f"carried {k}": v for k, v in last.carried.items()}}
    tensors |= {f"optimizer {k}": v for k, v in last.optimizer.items()}
    plain_values = {name: (t.dtype, t.shape, t.tolist()) for name, t in tensors.items()}
    return {**plain_values, "progress": {**last.progress, "progress": progress}}


def weights_of(model: nn.Module) -> list[torch.Tensor]:
    """Copies of the parameters."""
    return [p.detach().clone() for p in model.parameters()]


def is_number(value: object) -> bool:
    """Whether it is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)
