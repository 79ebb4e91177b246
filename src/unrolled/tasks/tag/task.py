"""Tagged sentences as batches, and the loss of saying which tag each word has."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.data.batches import in_order, padded
from unrolled.data.examples.kinds import Tagged
from unrolled.data.examples.splits import Splits
from unrolled.lang.cell import Cell
from unrolled.models.attention import is_inside
from unrolled.models.encoder import Shape
from unrolled.models.tagger import Spelled, Tagger
from unrolled.tasks.tag.coder import Coder, Sentences
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.texts.reading import Report
from unrolled.tasks.texts.task import ExamplesTask
from unrolled.training.task import Measured, Step

SHOWN = 2  # sentences of a sample
TOGETHER = 128  # sentences of a batch that is only measured
WORDS = 12  # of a sentence in a sample


def build_model(settings: TagSettings, cell: Cell, coder: Coder) -> Tagger:
    """The model that the settings describe, with fresh weights.

    Raises:
        OptionError: A size is impossible.
        SizeError: The sizes break an equation of the cell.
    """
    shape = Shape(
        len(coder.words) + 1, settings.hidden_size, settings.num_layers, settings.embedding_size,
        bidirectional=settings.bidirectional, dropout=settings.dropout,
    )  # fmt: skip
    letters, spelling = len(coder.letters) + 1, settings.spelling_size
    return Tagger(cell, shape, len(coder.tags), letters=letters, spelling_size=spelling)


class Batch(NamedTuple):
    """Some sentences side by side."""

    words: Tensor  # T x B
    spelled: Spelled
    lengths: Tensor  # B
    inside: Tensor  # T x B: where there is a word


def batch_of(
    words: Sequence[np.ndarray],
    forms: Sequence[np.ndarray],
    letters: Sequence[np.ndarray],
    device: torch.device,
) -> Batch:
    """Sentences side by side, each different word of theirs spelled once."""
    sentences = padded(words)
    different, places = np.unique(np.concatenate(forms), return_inverse=True)
    ends = np.cumsum([len(row) for row in forms])[:-1]
    where = padded(np.split(places, ends)).steps.to(device)
    spelled = padded([letters[row] for row in different])
    inside = is_inside(sentences.lengths, len(sentences.steps)).to(device)
    return Batch(
        sentences.steps.to(device),
        Spelled(spelled.steps.to(device), spelled.lengths, where),
        sentences.lengths,
        inside,
    )


class Tag(ExamplesTask[Tagger]):
    """Say which tag each word has."""

    items = "words"

    def __init__(
        self,
        model: Tagger,
        coder: Coder,
        settings: TagSettings,
        splits: Splits[Tagged],
        report: Report,
    ) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            coder: What numbers words and tags.
            settings: Batch and seed.
            splits: The examples.
            report: Is told what is cut.
        """
        self.coder = coder
        self.splits = splits
        self.train = coder.code(splits.train, report)
        self.validation = coder.code(splits.validation)
        super().__init__(model, settings, [len(words) for words in self.train.words])

    def forward(self, chunk: int, carried: Any) -> Step:
        """The mean loss of a word; nothing is carried from one batch to the next."""
        loss, words = _loss(self.model, self.train, self.batches[chunk], self.device)
        return Step(loss, words, None)

    def validate(self) -> Measured:
        """Loss and share of wrong tags, by word, on the validation part."""
        total, count = 0.0, 0
        lengths = np.array([len(words) for words in self.validation.words])
        for rows in in_order(lengths, TOGETHER):
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
    model: Tagger, sentences: Sentences, rows: np.ndarray, device: torch.device
) -> tuple[Tensor, int]:
    """The mean loss of the words of some sentences, and how many these are."""
    words, forms, tags = ([part[row] for row in rows] for part in sentences[:2] + sentences[3:])
    batch = batch_of(words, forms, sentences.letters, device)
    scores = model(batch.words, batch.spelled, lengths=batch.lengths)
    known = padded(tags).steps.to(device)[batch.inside]
    return F.cross_entropy(scores[batch.inside], known), len(known)


@torch.no_grad()
def tags_of(model: Tagger, sentences: Sentences) -> list[np.ndarray]:
    """The likeliest tag of each word of many sentences, in their order."""
    device = next(model.parameters()).device
    found: list[np.ndarray] = [np.zeros(0, dtype=np.int64)] * len(sentences.words)
    for rows in in_order(np.array([len(words) for words in sentences.words]), TOGETHER):
        words, forms = ([part[row] for row in rows] for part in sentences[:2])
        batch = batch_of(words, forms, sentences.letters, device)
        best = model(batch.words, batch.spelled, lengths=batch.lengths).argmax(-1).cpu().numpy()
        for column, (row, length) in enumerate(zip(rows, batch.lengths.tolist(), strict=True)):
            found[row] = best[:length, column]
    return found
