"""Texts with labels as batches, and the loss of saying which label."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.data.batches import in_order, padded
from unrolled.data.examples.kinds import Labelled
from unrolled.data.examples.splits import Splits
from unrolled.data.tokenizer import UNKNOWN
from unrolled.errors import OneLabelError, UnknownLabelError
from unrolled.lang.cell import Cell
from unrolled.models.attention_only.time_first import BertManyToOne
from unrolled.models.encoder import Shape
from unrolled.models.many_to_one import ManyToOne
from unrolled.tasks.sentiment.settings import SentimentSettings
from unrolled.tasks.texts.bert import Reader
from unrolled.tasks.texts.reading import Report, cut, kept_codes
from unrolled.tasks.texts.task import ExamplesTask
from unrolled.training.task import Measured, Step

Model = ManyToOne | BertManyToOne
SHOWN = 3  # texts of a sample
TOGETHER = 256  # texts of a batch that is only measured
WIDTH = 70  # characters of a text in a sample


class Coded(NamedTuple):
    """Texts as a model reads them."""

    texts: list[np.ndarray]
    labels: np.ndarray


class Coder:
    """What numbers texts and labels."""

    def __init__(self, reader: Reader, labels: Sequence[str], longest: int) -> None:
        self.reader = reader
        self.tokenizer = reader.tokenizer
        self.labels = list(labels)
        self._longest = longest
        self._numbers = {label: number for number, label in enumerate(labels)}

    @classmethod
    def learn(cls, settings: SentimentSettings, splits: Splits[Labelled]) -> Self:
        """The units of a training part, and the labels of all parts.

        Raises:
            OneLabelError: There is one label alone to learn.
        """
        taught = {example.label for example in splits.train}
        if len(taught) < 2:
            raise OneLabelError(label=taught.pop())
        labels = sorted({example.label for part in splits for example in part})
        texts = (example.text for example in splits.train)
        return cls(Reader.learn(settings, settings.unit, texts), labels, settings.longest)

    @classmethod
    def from_json(cls, given: Any, settings: SentimentSettings, path: Path) -> Self:
        """What `to_json` gave.

        Raises:
            DamagedFileError: It is none.
        """
        kept = kept_codes(given, {"tokenizer": str, "labels": list}, path)
        return cls(Reader.from_json(kept, path), kept["labels"], settings.longest)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return {**self.reader.to_json(), "labels": self.labels}

    def texts(self, texts: Sequence[str], report: Report = lambda line: None) -> list[np.ndarray]:
        """Texts as numbers; one in which nothing can be read is the unknown unit."""
        found = self.tokenizer.encode(texts)
        if self.reader.shape is not None:
            return self.reader.framed(found, self._longest, report)
        nothing = np.zeros(1, dtype=np.int32)
        return cut([row if len(row) else nothing for row in found], self._longest, report)

    def knows(self, texts: Sequence[str]) -> list[bool]:
        """Of each text, whether any unit of it has a number of its own."""
        unknown = self.tokenizer.special(UNKNOWN)
        return [bool((row != unknown).any()) for row in self.tokenizer.encode(texts)]

    def code(self, examples: Sequence[Labelled], report: Report = lambda line: None) -> Coded:
        """Examples as numbers.

        Raises:
            UnknownLabelError: A label is none of the model's.
        """
        unknown = sorted({each.label for each in examples} - self._numbers.keys())
        if unknown:
            known = ", ".join(self.labels[:20])
            raise UnknownLabelError(labels=", ".join(unknown[:20]), known=known)
        labels = np.array([self._numbers[each.label] for each in examples], dtype=np.int64)
        return Coded(self.texts([each.text for each in examples], report), labels)


def build_model(settings: SentimentSettings, cell: Cell, coder: Coder) -> Model:
    """The model that the settings describe, with fresh weights.

    Raises:
        OptionError: A size is impossible.
        SizeError: The sizes break an equation of the cell.
    """
    classes = len(coder.labels)
    if coder.reader.shape is not None:
        return BertManyToOne(coder.reader.shape, classes)
    units, embedding = len(coder.tokenizer), settings.embedding_size
    shape = Shape(
        units, settings.hidden_size, settings.num_layers, embedding,
        bidirectional=settings.bidirectional, dropout=settings.dropout,
    )  # fmt: skip
    return ManyToOne(cell, shape, classes, settings.pooling)


class Sentiment(ExamplesTask[Model]):
    """Say which label a text has."""

    items = "texts"

    def __init__(
        self,
        model: Model,
        coder: Coder,
        settings: SentimentSettings,
        splits: Splits[Labelled],
        report: Report,
    ) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            coder: What numbers texts and labels.
            settings: Batch and seed.
            splits: The examples.
            report: Is told what is cut.
        """
        self.coder = coder
        self.splits = splits
        self.train = coder.code(splits.train, report)
        self.validation = coder.code(splits.validation)
        super().__init__(model, settings, [len(text) for text in self.train.texts])

    def forward(self, chunk: int, carried: Any) -> Step:
        """The loss on a batch; nothing is carried from one to the next."""
        rows = self.batches[chunk]
        scores = scores_of(self.model, [self.train.texts[row] for row in rows])
        labels = torch.from_numpy(self.train.labels[rows]).to(self.device)
        return Step(F.cross_entropy(scores, labels), len(rows), None)

    def validate(self) -> Measured:
        """Loss and share of wrong labels on the validation part."""
        scores, labels = (
            torch.from_numpy(part)
            for part in (score_all(self.model, self.validation.texts), self.validation.labels)
        )
        wrong = (scores.argmax(-1) != labels).double().mean()
        return Measured(float(F.cross_entropy(scores, labels)), float(wrong))

    def sample(self) -> str:
        """Some texts of the validation part, what they are, and what the model says."""
        some = self.splits.validation[:SHOWN]
        scores = score_all(self.model, self.validation.texts[:SHOWN])
        lines: list[str] = []
        for example, row in zip(some, scores, strict=True):
            said = self.coder.labels[int(row.argmax())]
            verdict = said if said == example.label else f"{said}, and is {example.label}"
            text = " ".join(example.text.split())
            lines.append(f"{text[:WIDTH]}{'...' * (len(text) > WIDTH)}  ->  {verdict}")
        return "\n".join(lines)


def scores_of(model: Model, texts: Sequence[np.ndarray]) -> Tensor:
    """The scores of each label for some texts: B x Y."""
    batch = padded(texts).to(next(model.parameters()).device)
    scores, _ = model(batch.steps, lengths=batch.lengths)
    return scores


@torch.no_grad()
def score_all(model: Model, texts: Sequence[np.ndarray]) -> np.ndarray:
    """The scores of each label for many texts, in their order: N x Y."""
    lengths = np.array([len(text) for text in texts])
    found: np.ndarray | None = None
    for rows in in_order(lengths, TOGETHER):
        scores = scores_of(model, [texts[row] for row in rows]).float().cpu().numpy()
        found = np.empty((len(texts), scores.shape[1]), np.float32) if found is None else found
        found[rows] = scores
    assert found is not None
    return found
