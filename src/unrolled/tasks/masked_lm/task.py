"""Masked passages as batches, the loss of guessing them, and how well they are guessed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.data.batches import in_order
from unrolled.data.tokenizer import Tokenizer
from unrolled.models.attention_only.bert_heads import MaskedModel
from unrolled.tasks.masked_lm.passages import Batch, Passages
from unrolled.tasks.masked_lm.settings import MaskedLMSettings
from unrolled.tasks.texts.task import ExamplesTask
from unrolled.training.task import Measured, Step

TOGETHER = 32  # passages of a batch that is only measured
SHOWN, AROUND = 3, 6  # symbols of a sample that are guessed, and those before and after each
_MEASURING = 2**32 - 1  # in the place of a pass: training never makes so many


@dataclass(frozen=True)
class Guesses:
    """How well masked symbols were guessed."""

    masked: int
    loss: float
    """Nats per masked symbol, and per passage for whether it follows, if that is asked."""
    accuracy: float
    commonest: float
    """The share that was right if each were guessed to be the commonest symbol."""
    next_sentence: float | None


class MaskedLM(ExamplesTask[MaskedModel]):
    """Guess what is masked, and perhaps whether one block followed another."""

    items = "masked symbols"

    def __init__(
        self,
        model: MaskedModel,
        tokenizer: Tokenizer,
        settings: MaskedLMSettings,
        *,
        train: Passages,
        validation: Passages,
    ) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            tokenizer: What numbers mean.
            settings: Batch, share and seed.
            train: What is learned.
            validation: What is measured, as many passages as the settings say.
        """
        super().__init__(model, settings, train.lengths())
        self.tokenizer = tokenizer
        self.train, self.validation = train, validation
        self._pass = 0

    def begin_pass(self, number: int) -> None:
        """Draw the batches of a pass; what is masked in them follows from its number, too."""
        super().begin_pass(number)
        self._pass = number

    def forward(self, chunk: int, carried: Any) -> Step:
        """The mean loss of what is masked; nothing is carried from one batch to the next."""
        seed = (self.settings.training.seed, self._pass)
        batch = self.train.batch(self.batches[chunk], self.settings.masked, seed)
        scores, follows = scores_of(self.model, batch)
        wanted = batch.wanted.to(self.device)
        loss = F.cross_entropy(scores, wanted)
        if follows is not None:
            loss = loss + F.cross_entropy(follows, batch.follows.to(self.device))
        return Step(loss, len(wanted), None)

    def validate(self) -> Measured:
        """Loss, and share of what is guessed wrong, on the validation part."""
        most = self.settings.validate_passages
        found = measure(self.model, self.validation, self.settings, most=most)
        return Measured(found.loss, 1 - found.accuracy)

    def sample(self) -> str:
        """Some masked symbols of a passage, what is guessed and what they are."""
        settings = self.settings
        seed = (settings.training.seed, _MEASURING)
        batch = self.validation.batch([0], settings.masked, seed)
        said = scores_of(self.model, batch)[0].argmax(-1).tolist()
        places = batch.chosen[0].nonzero().flatten().tolist()
        lines: list[str] = []
        for place, guess, so in [*zip(places, said, batch.wanted.tolist(), strict=True)][:SHOWN]:
            numbers = batch.symbols[0].tolist()
            before = self.tokenizer.decode(numbers[max(0, place - AROUND) : place])
            after = self.tokenizer.decode(numbers[place + 1 : place + 1 + AROUND])
            guess, so = (shown(self.tokenizer, number) for number in (guess, so))
            verdict = guess if guess == so else f"{guess}, and is {so}"
            lines.append(" ".join(f"{before} [MASK] {after}".split()) + f"  ->  {verdict}")
        return "\n".join(lines)


def shown(tokenizer: Tokenizer, number: int) -> str:
    """A symbol as it is shown: its text, or its name where it is white space or special."""
    return tokenizer.decode([number]).strip() or tokenizer.symbols[number]


def scores_of(model: MaskedModel, batch: Batch) -> tuple[Tensor, Tensor | None]:
    """The scores of what is to be guessed (N x V), and of whether halves follow (B x 2)."""
    device = next(model.parameters()).device
    symbols, segments, chosen = (
        part.to(device) for part in (batch.symbols, batch.segments, batch.chosen)
    )
    encoded, pooled = model.bert(symbols, segments, batch.lengths)
    follows = None if model.next_sentence is None else model.next_sentence(pooled)
    return model.readout(encoded[chosen]), follows


@torch.no_grad()
def measure(
    model: MaskedModel,
    passages: Passages,
    settings: MaskedLMSettings,
    *,
    most: int | None = None,
    commonest: int = 0,
) -> Guesses:
    """How well a model guesses; the same symbols are masked each time.

    Args:
        model: The model, in evaluation mode.
        passages: What is read.
        settings: Share and seed.
        most: Passages that are read, the first ones; None: all.
        commonest: The symbol of the baseline.
    """
    total, right, common, count, followed = 0.0, 0, 0, 0, 0
    losses = 0.0
    lengths = passages.lengths()[:most]
    for rows in in_order(lengths, TOGETHER):
        batch = passages.batch(rows, settings.masked, (settings.training.seed, _MEASURING))
        scores, follows = (part if part is None else part.cpu() for part in scores_of(model, batch))
        assert scores is not None
        total += float(F.cross_entropy(scores, batch.wanted, reduction="sum"))
        right += int((scores.argmax(-1) == batch.wanted).sum())
        common += int((batch.wanted == commonest).sum())
        count += len(batch.wanted)
        if follows is not None:
            losses += float(F.cross_entropy(follows, batch.follows, reduction="sum"))
            followed += int((follows.argmax(-1) == batch.follows).sum())
    passage_count = len(lengths)
    return Guesses(
        masked=count,
        loss=total / count + losses / passage_count,
        accuracy=right / count,
        commonest=common / count,
        next_sentence=followed / passage_count if passages.in_pairs else None,
    )


def commonest_symbol(passages: Passages) -> int:
    """The symbol that occurs most often."""
    return int(np.bincount(np.concatenate(passages.blocks)).argmax())
