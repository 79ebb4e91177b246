"""A BERT: pretrain it, go on with it, let it fill in what is masked, measure it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from unrolled.data.sets import find_corpus
from unrolled.data.text import Corpus
from unrolled.data.tokenizer import BERT_SPECIAL, CLASS, MASK, SEPARATOR, Tokenizer
from unrolled.errors import SettingError
from unrolled.lang.cell import Cell
from unrolled.models.attention_only.bert_heads import MaskedModel
from unrolled.tasks.computing import begin, build_on
from unrolled.tasks.masked_lm.config import NAME, as_kept, kept_of, lines_of, parts_of, read_text
from unrolled.tasks.masked_lm.parts import build_model, passages_in, passages_of
from unrolled.tasks.masked_lm.settings import MaskedLMSettings
from unrolled.tasks.masked_lm.task import Guesses, MaskedLM, commonest_symbol, measure, shown
from unrolled.tasks.run import Begun, Change, Report, Run
from unrolled.tasks.texts.reading import learned, require_same

LIKELIEST = 5  # that are told for each masked symbol


@dataclass(frozen=True)
class Evaluation:
    """Figures on a text; see `to_json`."""

    text: str
    passages: int
    guesses: Guesses

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {"text": self.text, "passages": self.passages, **asdict(self.guesses)}


class MaskedLMRun(Run[MaskedModel]):
    """A pretrained BERT: it fills in what is masked."""

    settings: MaskedLMSettings

    takes = "line"

    @classmethod
    def begun(cls, settings: MaskedLMSettings, cell: Cell | None, report: Report) -> Begun:
        """What a new run is made of; there is no cell in it."""
        corpus = read_text(settings, report)
        lines = lines_of(corpus, settings)["train"]
        tokenizer = learned(settings, settings.unit, lines, BERT_SPECIAL)
        task = _task(corpus, settings, tokenizer)
        return Begun(NAME, as_kept(settings), None, task, kept_of(tokenizer, corpus))

    @classmethod
    def taken_up(
        cls, config: Mapping[str, Any], path: Path, change: Change, report: Report
    ) -> tuple[MaskedLMSettings, MaskedLM]:
        """The settings of a run, changed, and its task with a fresh model."""
        settings, tokenizer = parts_of(config, path)
        settings = change(settings)
        corpus = read_text(settings, report)
        require_same(corpus.name, corpus, config)
        return settings, _task(corpus, settings, tokenizer)

    def _read_config(self) -> None:
        self.settings, self.tokenizer = parts_of(self.config, self.path)

    def _build(self) -> MaskedModel:
        return build_model(self.settings, self.tokenizer)

    @torch.no_grad()
    def fill(self, text: str, likeliest: int = LIKELIEST) -> list[list[tuple[str, float]]]:
        """For each [MASK] of a text the likeliest symbols, with their probabilities.

        Args:
            text: With [MASK] in the place of each symbol that is wanted.
            likeliest: How many.

        Raises:
            ContextError: The text is longer than the model reads.
            SettingError: The text has no [MASK].
        """
        parts = text.split(MASK)
        if len(parts) < 2:
            raise SettingError(name="input", got=repr(text), wanted=f"a text with {MASK} in it")
        begin, end, mask = (self.tokenizer.special(name) for name in (CLASS, SEPARATOR, MASK))
        if self.settings.unit == "subwords":  # these have the space before them in them
            parts = [*(part.removesuffix(" ") for part in parts[:-1]), parts[-1]]
        numbers = np.concatenate([[*row, mask] for row in self.tokenizer.encode(parts)])[:-1]
        symbols = torch.tensor([[begin, *numbers.astype(int).tolist(), end]])
        device = next(self.model.parameters()).device
        encoded = self.model.bert(symbols.to(device)).symbols[symbols.to(device) == mask]
        scores = self.model.readout(encoded).double()
        scores[:, : len(BERT_SPECIAL)] = -torch.inf
        best = scores.softmax(-1).topk(min(likeliest, scores.shape[1] - len(BERT_SPECIAL)))
        return [
            [(shown(self.tokenizer, n), p) for n, p in zip(numbers, shares, strict=True)]
            for numbers, shares in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]

    def answers(self, texts: Sequence[str]) -> list[str]:
        """For each [MASK] of each text the likeliest symbols with their probabilities."""
        return [
            "  |  ".join(
                "   ".join(f"{symbol} {share:.3f}" for symbol, share in row)
                for row in self.fill(text)
            )
            for text in texts
        ]

    def evaluate(self, data: str | Path | None = None, *, encoding: str = "utf-8") -> Evaluation:
        """Measure on the test part, beside who guesses the commonest symbol.

        Args:
            data: Another text, all of which is measured; None: the run's own.
            encoding: How the characters of a file are written as bytes.

        Raises:
            DataChangedError: The run's own text is no longer what it was trained on.
        """
        corpus = read_text(self.settings)
        require_same(corpus.name, corpus, self.config)
        passages = passages_of(corpus, self.settings, self.tokenizer)
        measured, name = passages["test"], f"the test part of {corpus.name}"
        if data is not None:
            other = find_corpus(data, encoding=encoding)
            lines = other.alphabet.decode(other.ids).splitlines(keepends=True)
            measured, name = passages_in(lines, self.settings, self.tokenizer), other.name
        common = commonest_symbol(passages["train"])
        guesses = measure(self.model, measured, self.settings, commonest=common)
        return Evaluation(name, len(measured), guesses)

    def tell(self, figures: Evaluation) -> list[str]:
        """The figures as lines to be read."""
        found = figures.guesses
        title = f"bert {self.settings.num_layers} x {self.settings.hidden_size}"
        width = max(len(title), len("commonest symbol"))
        follows = found.next_sentence
        return [
            f"{figures.text}, {figures.passages:,} passages, {found.masked:,} masked symbols:",
            f"  {title:{width}}  {found.accuracy:.1%} right, {found.loss:.3f} nats",
            f"  {'commonest symbol':{width}}  {found.commonest:.1%} right",
            *([] if follows is None else [f"  follows or not: {follows:.1%} right"]),
        ]

    def advice(self, path: str) -> list[str]:
        """Commands to type next.

        Args:
            path: The run folder as one would type it.
        """
        return [
            f'unrolled generate {path} "The {MASK} sat"',
            f"unrolled train sentiment --model bert --weights {path}",
            *super().advice(path),
        ]


def _task(corpus: Corpus, settings: MaskedLMSettings, tokenizer: Tokenizer) -> MaskedLM:
    """The task with a fresh model, everything seeded."""
    device = begin(settings.training)
    model = build_on(device, lambda: build_model(settings, tokenizer))
    passages = passages_of(corpus, settings, tokenizer)
    parts = {"train": passages["train"], "validation": passages["validation"]}
    return MaskedLM(model, tokenizer, settings, **parts)


train, resume, open_run = MaskedLMRun.train, MaskedLMRun.resume, MaskedLMRun
