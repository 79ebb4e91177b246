"""Whole series as batches, and the loss of saying of which class each is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.data.batches import in_order, padded
from unrolled.data.series.panel import Series
from unrolled.errors import UnknownLabelError
from unrolled.models.many_to_one import ManyToOne
from unrolled.tasks.series.coder import Coder
from unrolled.tasks.series.settings import SeriesSettings
from unrolled.tasks.texts.task import ExamplesTask
from unrolled.training.task import Measured, Step

SHOWN = 3  # series of a sample
TOGETHER = 256  # series of a batch that is only measured


def numbers_of(coder: Coder, series: Sequence[Series]) -> np.ndarray:
    """The labels of series as numbers.

    Raises:
        UnknownLabelError: A label is none of the model's.
    """
    unknown = sorted({each.label for each in series} - {*coder.labels})
    if unknown:
        known = ", ".join(coder.labels[:20])
        raise UnknownLabelError(labels=", ".join(unknown[:20]), known=known)
    return np.array([coder.labels.index(each.label) for each in series], dtype=np.int64)


class Classify(ExamplesTask[ManyToOne]):
    """Say of which class a series is."""

    items = "series"

    def __init__(
        self,
        model: ManyToOne,
        coder: Coder,
        settings: SeriesSettings,
        train: Sequence[Series],
        validation: Sequence[Series],
    ) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            coder: What numbers labels and standardises numbers.
            settings: Batch and seed.
            train: The series to learn from.
            validation: Those to choose the best checkpoint by.
        """
        self.coder = coder
        self.validation = validation
        self._rows = [coder.encode(each.values) for each in train]
        self._labels = numbers_of(coder, train)
        super().__init__(model, settings, [len(each.values) for each in train])

    def forward(self, chunk: int, carried: Any) -> Step:
        """The loss on a batch; nothing is carried from one to the next."""
        rows = self.batches[chunk]
        scores = _scores(self.model, [self._rows[row] for row in rows])
        labels = torch.from_numpy(self._labels[rows]).to(self.device)
        return Step(F.cross_entropy(scores, labels), len(rows), None)

    def validate(self) -> Measured:
        """Loss and share of wrong labels on the validation part."""
        scores = torch.from_numpy(score_all(self.model, self.coder, self.validation))
        labels = torch.from_numpy(numbers_of(self.coder, self.validation))
        wrong = (scores.argmax(-1) != labels).double().mean()
        return Measured(float(F.cross_entropy(scores, labels)), float(wrong))

    def sample(self) -> str:
        """Some series of the validation part, what they are, and what the model says."""
        some = self.validation[:SHOWN]
        said = labels_of(self.model, self.coder, some)
        return "\n".join(
            f"series {each.name}  ->  {label}"
            + ("" if label == each.label else f", and is {each.label}")
            for each, label in zip(some, said, strict=True)
        )


def _scores(model: ManyToOne, rows: Sequence[np.ndarray]) -> Tensor:
    """The scores of each label for some standardised series: B x Y."""
    batch = padded(rows).to(next(model.parameters()).device)
    scores, _ = model(batch.steps, lengths=batch.lengths)
    return scores


@torch.no_grad()
def score_all(model: ManyToOne, coder: Coder, series: Sequence[Series]) -> np.ndarray:
    """The scores of each label for many series, in their order: N x Y."""
    found = np.empty((len(series), len(coder.labels)), np.float32)
    for rows in in_order(np.array([len(each.values) for each in series]), TOGETHER):
        some = [coder.encode(series[row].values) for row in rows]
        found[rows] = _scores(model, some).float().cpu().numpy()
    return found


def labels_of(model: ManyToOne, coder: Coder, series: Sequence[Series]) -> list[str]:
    """The likeliest label of each series."""
    if not series:
        return []
    return [coder.labels[best] for best in score_all(model, coder, series).argmax(-1)]
