"""Tagged sentences as batches, and the loss of saying which tag each word has."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.data.batches import in_order, padded
from unrolled.data.examples.kinds import Tagged
from unrolled.data.examples.splits import Splits
from unrolled.lang.cell import Cell
from unrolled.models.attention_only.time_first import BertTagger
from unrolled.models.encoder import Shape
from unrolled.models.tagger import Tagger
from unrolled.tasks.tag.coder import Coder
from unrolled.tasks.tag.pieces import PieceCoder
from unrolled.tasks.tag.sentences import Numbered
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.texts.reading import Report
from unrolled.tasks.texts.task import ExamplesTask
from unrolled.training.task import Measured, Step

Model = Tagger | BertTagger
SHOWN = 2  # sentences of a sample
TOGETHER = 128  # sentences of a batch that is only measured
WORDS = 12  # of a sentence in a sample


def build_model(settings: TagSettings, cell: Cell, coder: Coder | PieceCoder) -> Model:
    """The model that the settings describe, with fresh weights.

    Raises:
        OptionError: A size is impossible.
        SizeError: The sizes break an equation of the cell.
    """
    if isinstance(coder, PieceCoder):
        assert coder.reader.shape is not None
        return BertTagger(coder.reader.shape, len(coder.tags))
    shape = Shape(
        len(coder.words) + 1, settings.hidden_size, settings.num_layers, settings.embedding_size,
        bidirectional=settings.bidirectional, dropout=settings.dropout,
    )  # fmt: skip
    letters, spelling = len(coder.letters) + 1, settings.spelling_size
    return Tagger(cell, shape, len(coder.tags), letters=letters, spelling_size=spelling)


class Tag(ExamplesTask[Model]):
    """Say which tag each word has."""

    items = "words"

    def __init__(
        self,
        model: Model,
        coder: Coder | PieceCoder,
        settings: TagSettings,
        splits: Splits[Tagged],
        report: Report,
    ) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            coder: What numbers words, or their pieces, and tags.
            settings: Batch and seed.
            splits: The examples.
            report: Is told what is cut.
        """
        self.coder = coder
        self.splits = splits
        self.train = coder.code(splits.train, report)
        self.validation = coder.code(splits.validation)
        super().__init__(model, settings, self.train.lengths)

    def forward(self, chunk: int, carried: Any) -> Step:
        """The mean loss of a word; nothing is carried from one batch to the next."""
        loss, words = _loss(self.model, self.train, self.batches[chunk], self.device)
        return Step(loss, words, None)

    def validate(self) -> Measured:
        """Loss and share of wrong tags, by word, on the validation part."""
        total, count = 0.0, 0
        for rows in in_order(self.validation.lengths, TOGETHER):
            loss, words = _loss(self.model, self.validation, rows, self.device)
            total, count = total + float(loss) * words, count + words
        said = tags_of(self.model, self.validation)
        wrong = sum(int((s != k).sum()) for s, k in zip(said, self.validation.tags, strict=True))
        return Measured(total / count, wrong / count)

    def sample(self) -> str:
        """The first words of some sentences of the validation part, with the tags that are said."""
        some = self.splits.validation[:SHOWN]
        said = tags_of(self.model, self.coder.code(some))
        return "\n".join(
            " ".join(
                f"{word}/{self.coder.tags[tag]}"
                for word, tag in zip(example.words[:WORDS], tags, strict=False)
            )
            for example, tags in zip(some, said, strict=True)
        )


def _loss(
    model: Model, sentences: Numbered, rows: np.ndarray, device: torch.device
) -> tuple[Tensor, int]:
    """The mean loss of the words of some sentences, and how many these are."""
    batch = sentences.batch(rows, device)
    scores = model(batch.read, batch.beside, lengths=batch.lengths)
    known = padded([sentences.tags[row] for row in rows]).steps.to(device)[batch.inside]
    return F.cross_entropy(scores[batch.inside], known), len(known)


@torch.no_grad()
def tags_of(model: Model, sentences: Numbered) -> list[np.ndarray]:
    """The likeliest tag of each word of many sentences, in their order."""
    device = next(model.parameters()).device
    found: list[np.ndarray] = [np.zeros(0, dtype=np.int64)] * len(sentences.lengths)
    for rows in in_order(sentences.lengths, TOGETHER):
        batch = sentences.batch(rows, device)
        best = model(batch.read, batch.beside, lengths=batch.lengths).argmax(-1).cpu().numpy()
        for column, (row, words) in enumerate(zip(rows, batch.inside.sum(0).tolist(), strict=True)):
            found[row] = best[:words, column]
    return found
