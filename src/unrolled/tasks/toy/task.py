"""The toy tasks' model and loss, on sequences that are drawn on the spot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrolled.lang.cell import Cell
from unrolled.models.encoder import Shape
from unrolled.models.in_step import InStep
from unrolled.models.many_to_one import ManyToOne
from unrolled.probe.gradients import gradient_maps_of_last
from unrolled.tasks.lens import lens_to_json
from unrolled.tasks.toy.problems import PROBLEMS, Batch
from unrolled.tasks.toy.settings import ToySettings
from unrolled.training.task import Measured, Step, Task

Model = ManyToOne | InStep
SOLVED = 0.01  # share of wrong answers below which a task is solved
FIRST_LOOK, SECOND_LOOK = 1_000, 10_000  # sequences of an evaluation; the second if all seems well
TOGETHER, STEPS_TOGETHER = 500, 50_000  # of a batch that is only measured, at most
ENDLESS = 2**62  # chunks of an epoch, so that a chunk's number is the step's
PARTS = ("train", "validation", "test", "lens", "sample")


def build_model(settings: ToySettings, cell: Cell) -> Model:
    """The model that the settings describe, as its layers start by themselves.

    Raises:
        OptionError: A size is impossible.
        SizeError: The sizes break an equation of the cell.
    """
    problem = PROBLEMS[settings.task]
    shape = Shape(problem.input_size, settings.hidden_size, settings.num_layers)
    return problem.answer.model(cell, shape, problem.output_size)


def draw(settings: ToySettings, part: str, number: int, size: int) -> Batch:
    """A batch that follows from the seed, its part and its number, and from nothing else.

    Args:
        settings: Task, lengths and seed.
        part: One of `PARTS`; no two share a sequence, but by chance.
        number: Which batch.
        size: Sequences.
    """
    chance = np.random.default_rng((PARTS.index(part), settings.training.seed, number))
    shortest = settings.shortest or settings.length
    length = int(chance.integers(shortest, settings.length, endpoint=True))
    return PROBLEMS[settings.task].draw(chance, length, size)


@dataclass(frozen=True)
class Figures:
    """What a model does on some sequences."""

    loss: float
    error: float  # share of wrong answers
    baseline: float  # loss of who remembers nothing


@torch.no_grad()
def measure(model: Model, settings: ToySettings, part: str, sequences: int) -> Figures:
    """How a model does on the first sequences of a part."""
    problem, device = PROBLEMS[settings.task], next(model.parameters()).device
    together = max(1, min(TOGETHER, STEPS_TOGETHER // settings.length))
    sums = np.zeros(3)
    for first in range(0, sequences, together):
        size = min(together, sequences - first)
        x, y = _on(device, draw(settings, part, first, size))
        scores, _ = model(x)
        loss = float(problem.answer.loss(scores, y, "mean"))
        wrong = int(problem.answer.wrong(scores, y).sum())
        sums += (size * loss, wrong, size * problem.baseline(len(x)))
    return Figures(*(sums / sequences).tolist())


class Toy(Task[Model]):
    """Answer sequences that no step has seen before."""

    items = "sequences"

    def __init__(self, model: Model, settings: ToySettings) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            settings: Task, lengths, batch and seed.
        """
        self.model = model
        self.settings = settings
        self.sequences = settings.batch_size
        self.problem = PROBLEMS[settings.task]
        self.unit = self.problem.answer.unit
        self.device = next(model.parameters()).device

    @property
    def chunks(self) -> int:
        """More than there will ever be steps: no sequence comes twice."""
        return ENDLESS

    def forward(self, chunk: int, carried: Any) -> Step:
        """The loss on a step's batch; nothing is carried from one to the next."""
        whole = draw(self.settings, "train", chunk, self.settings.batch_size)
        x, y = _on(self.device, Batch(whole.x[:, self.share], whole.y[..., self.share]))
        scores, _ = self.model(x)
        return Step(self.problem.answer.loss(scores, y, "mean"), x.shape[1], None)

    def validate(self) -> Measured:
        """How the model does on sequences that training never draws."""
        found = measure(self.model, self.settings, "validation", FIRST_LOOK)
        if found.error < SOLVED:
            found = measure(self.model, self.settings, "validation", SECOND_LOOK)
        return Measured(found.loss, found.error, solved=found.error < SOLVED)

    def sample(self) -> str:
        """A sequence, what is to be answered, and what the model answers."""
        batch = draw(self.settings, "sample", 0, 1)
        scores, _ = self.model(batch.x.to(self.device))
        return self.problem.show(batch, scores.cpu())

    def inspect(self) -> Mapping[str, Any]:
        """How far back the loss of the last step reaches, in the mean over a fixed batch."""
        x, y = _on(self.device, draw(self.settings, "lens", 0, self.settings.batch_size))
        in_step = y.dim() > 1

        def loss() -> Tensor:
            scores, _ = self.model(x)
            last = (scores[-1], y[-1]) if in_step else (scores, y)
            return self.problem.answer.loss(*last, "sum")

        return lens_to_json(gradient_maps_of_last(self.model, loss))


def _on(device: torch.device, batch: Batch) -> Batch:
    return Batch(batch.x.to(device), batch.y.to(device))
