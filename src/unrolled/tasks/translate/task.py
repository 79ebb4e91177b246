"""Pairs as batches, teacher forcing, and the loss of writing the target."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.data.batches import Padded, in_order, padded
from unrolled.data.examples.kinds import Pair
from unrolled.data.examples.splits import Splits
from unrolled.lang.cell import Cell
from unrolled.models.attention import is_inside
from unrolled.models.attention_only.transformer import TransformerShape
from unrolled.models.attention_only.translator import TransformerTranslator
from unrolled.models.encoder import Shape
from unrolled.models.encoder_decoder import EncoderDecoder
from unrolled.models.search import search
from unrolled.tasks.texts.reading import Report
from unrolled.tasks.texts.task import ExamplesTask
from unrolled.tasks.translate.coder import Coded, Coder
from unrolled.tasks.translate.settings import Forcing, TranslateSettings
from unrolled.training.task import Measured, Step

SHOWN = 3  # sentences of a sample
TOGETHER = 128  # sentences of a batch that is only measured
_STEEP = 10.0  # of the sigmoid in its middle; the exponential falls half as steeply


def _decay(done: float) -> float:
    return math.exp(-_STEEP / 2 * done)


def _sigmoid(done: float) -> float:
    return 1 / (1 + math.exp(_STEEP * (done - 0.5)))


def _fallen(curve: Callable[[float], float], done: float) -> float:
    """A curve made to fall from 1 to 0."""
    return (curve(done) - curve(1)) / (curve(0) - curve(1))


FORCING: dict[Forcing, Callable[[float, float], float]] = {
    "linear": lambda done, last: 1 + (last - 1) * done,
    "exponential": lambda done, last: last + (1 - last) * _fallen(_decay, done),
    "sigmoid": lambda done, last: last + (1 - last) * _fallen(_sigmoid, done),
}
"""The share of the truth, of the share of the schedule that is done and the last share."""


Translator = EncoderDecoder | TransformerTranslator


def build_model(settings: TranslateSettings, cell: Cell, coder: Coder) -> Translator:
    """The model that the settings describe, with fresh weights.

    Raises:
        OptionError: A size is impossible.
        SizeError: The sizes break an equation of the cell.
    """
    if settings.model == "transformer":
        width, layers, heads = settings.hidden_size, settings.num_layers, settings.num_heads
        shape = TransformerShape(
            len(coder.target), width, 4 * width, layers, heads, settings.dropout
        )
        return TransformerTranslator(shape)
    sizes = settings.hidden_size, settings.num_layers, settings.embedding_size
    source = Shape(
        len(coder.source), *sizes, bidirectional=settings.bidirectional, dropout=settings.dropout
    )
    target = Shape(len(coder.target), *sizes, dropout=settings.dropout)
    return EncoderDecoder(cell, source, target, settings.attention)


class Batch(NamedTuple):
    """Some pairs side by side."""

    source: Padded
    before: Tensor  # T x B: the symbol before each one that is to be written
    wanted: Tensor  # T x B
    lengths: Tensor  # B
    inside: Tensor  # T x B: where something is wanted


def batch_of(coded: Coded, rows: np.ndarray, device: torch.device) -> Batch:
    """Some pairs side by side, on a device."""
    source = padded([coded.sources[row] for row in rows]).to(device)
    target = padded([coded.targets[row] for row in rows]).to(device)
    lengths = target.lengths - 1
    inside = is_inside(lengths, len(target.steps) - 1).to(device)
    return Batch(source, target.steps[:-1], target.steps[1:], lengths, inside)


class Translate(ExamplesTask[Translator]):
    """Write the target of each source."""

    items = "units"

    def __init__(
        self,
        model: Translator,
        coder: Coder,
        settings: TranslateSettings,
        splits: Splits[Pair],
        report: Report,
    ) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            coder: What numbers sentences.
            settings: Batch, seed, teacher forcing.
            splits: The examples.
            report: Is told what is left out.
        """
        self.coder = coder
        self.splits = splits
        self.train = coder.code(splits.train, report)
        self.validation = coder.code(splits.validation)
        self.number = 0  # of the present pass
        super().__init__(model, settings, lengths_of(self.train))

    def begin_pass(self, number: int) -> None:
        """Draw the batches of a pass, and note how many passes were before it."""
        super().begin_pass(number)
        self.number = number

    def forward(self, chunk: int, carried: Any) -> Step:
        """The mean loss of a unit; nothing is carried from one batch to the next."""
        batch = batch_of(self.train, self.batches[chunk], self.device)
        before, truth = batch.before, self.truth_share(chunk)
        if truth < 1:
            before = _partly_own(self.model, batch, truth)
        loss, _ = _loss(self.model, batch._replace(before=before))
        return Step(loss, int(batch.lengths.sum()), None)

    def truth_share(self, chunk: int) -> float:
        """The share of true symbols among those before each one, at a step of this pass."""
        done = min(1.0, (self.number * self.chunks + chunk) / self.settings.forcing_steps)
        last = self.settings.teacher_forcing
        return 1.0 if last == 1 else FORCING[self.settings.forcing_schedule](done, last)

    def validate(self) -> Measured:
        """Loss and share of wrong units, those before each one being true."""
        total, wrong, count = 0.0, 0, 0
        for rows in in_order(lengths_of(self.validation), TOGETHER):
            batch = batch_of(self.validation, rows, self.device)
            loss, scores = _loss(self.model, batch)
            units = int(batch.lengths.sum())
            wrong += int((scores.argmax(-1) != batch.wanted[batch.inside]).sum())
            total, count = total + float(loss) * units, count + units
        return Measured(total / count, wrong / count)

    def sample(self) -> str:
        """Some sentences of the validation part, what is written for them and what is wanted."""
        some = self.splits.validation[:SHOWN]
        sources = self.coder.sources([pair.source for pair in some])
        lines: list[str] = []
        wanted = self.coder.as_written([pair.target for pair in some])
        said = translate(self.model, self.coder, sources)
        for pair, written, so in zip(some, said, wanted, strict=True):
            verdict = "" if written == so else f", and is {so}"
            lines.append(f"{pair.source}  ->  {written}{verdict}")
        return "\n".join(lines)


def lengths_of(coded: Coded) -> np.ndarray:
    """Of both sides of each pair: N x 2, that of the target last."""
    return np.array([[*map(len, sides)] for sides in zip(*coded, strict=True)])


def _loss(model: Translator, batch: Batch) -> tuple[Tensor, Tensor]:
    """The mean loss of the units that are wanted, and the scores in their places (N x V)."""
    source = batch.source
    features = model.features(source.steps, batch.before, source.lengths, batch.lengths)
    scores = model.readout(features[batch.inside])
    return F.cross_entropy(scores, batch.wanted[batch.inside]), scores


@torch.no_grad()
def _partly_own(model: Translator, batch: Batch, truth: float) -> Tensor:
    """The symbols before each one, a share of them true, the others drawn by the model.

    The model draws them all at once, from what it says where all before are true, so that the
    layers run over whole sentences (Mihaylova & Martins 2019 do so for the Transformer).
    """
    source = batch.source
    scores = model(source.steps, batch.before, source.lengths, batch.lengths)
    drawn = torch.distributions.Categorical(logits=scores[:-1]).sample()
    is_true = torch.rand(drawn.shape, device=drawn.device) < truth
    before = batch.before.clone()
    before[1:] = torch.where(is_true, before[1:], drawn)
    return before


def translate(
    model: Translator,
    coder: Coder,
    sources: Sequence[np.ndarray],
    *,
    beam: int = 1,
    length_penalty: float = 0.0,
) -> list[str]:
    """What is written for many sources, in their order.

    Raises:
        SamplingError: The width of the search or the penalty is impossible.
    """
    found = written(model, coder, sources, width=beam, penalty=length_penalty)
    return [coder.target.decode(symbols) for symbols in found]


def written(
    model: Translator, coder: Coder, sources: Sequence[np.ndarray], *, width: int, penalty: float
) -> list[list[int]]:
    """The same, as the numbers of units.

    Raises:
        SamplingError: The width of the search or the penalty is impossible.
    """
    device = next(model.parameters()).device
    found: list[list[int]] = [[] for _ in sources]
    how = {"width": width, "penalty": penalty}
    with torch.no_grad():
        for rows in in_order(np.array([len(source) for source in sources]), TOGETHER):
            batch = padded([sources[row] for row in rows]).to(device)
            at = model.read(batch.steps, batch.lengths)
            for row, best in zip(
                rows, search(model, at, len(rows), coder.ends, **how), strict=True
            ):
                found[row] = best[0].symbols
    return found
