"""A character model: train it, go on with it, write with it, measure it, look into it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from unrolled.cells import find_cell
from unrolled.data.alphabet import printable
from unrolled.data.pieces import PieceAlphabet
from unrolled.data.sets import find_corpus
from unrolled.data.text import Corpus
from unrolled.errors import NotLookableError, SettingError
from unrolled.lang.cell import Cell
from unrolled.models.attention_only.gpt2_in_step import GPT2InStep
from unrolled.models.beam import beam_search
from unrolled.models.ngram import NGram
from unrolled.models.sampling import Choice, Predictor, generate
from unrolled.probe.looking import look_at
from unrolled.probe.subject import Looking, Subject
from unrolled.tasks.char_lm.config import NAME, as_kept, corpus_of, kept_of, parts_of, split
from unrolled.tasks.char_lm.export import export_call
from unrolled.tasks.char_lm.learned import learned_text, text_of
from unrolled.tasks.char_lm.settings import CharLMSettings
from unrolled.tasks.char_lm.task import CharLM, build_model, measure
from unrolled.tasks.char_lm.weights import prepared
from unrolled.tasks.computing import begin, build_on
from unrolled.tasks.export_call import ExportCall
from unrolled.tasks.run import Begun, Change, Report, Run
from unrolled.tasks.runs import model_name
from unrolled.training.storage.metrics_log import read_metrics
from unrolled.training.task import BITS_PER_CHARACTER

if TYPE_CHECKING:
    from unrolled.probe.report.page import Report as Page


@dataclass(frozen=True)
class Evaluation:
    """Figures on a text, the model's beside the counting baseline's; see `to_json`."""

    text: str
    characters: int
    nats_per_character: float
    bits_per_character: float
    ngram_order: int
    ngram_bits_per_character: float

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)


class CharLMRun(Run[Predictor]):
    """A trained character model: it writes."""

    takes = "beginning"

    @classmethod
    def begun(cls, settings: CharLMSettings, cell: Cell | None, report: Report) -> Begun:
        """What a new run is made of."""
        cell = cell or find_cell(settings.cell)
        settings, before = prepared(settings, report)
        encoding, as_bytes = settings.encoding, settings.bytes
        corpus = find_corpus(settings.data, encoding=encoding, as_bytes=as_bytes, report=report)
        if before:
            corpus = corpus.in_pieces(PieceAlphabet(before.tokenizer))
        task = _task(settings, cell, corpus)
        if before and isinstance(task.model, GPT2InStep):
            before.load(task.model.gpt2)
        return Begun(NAME, as_kept(settings), cell, task, kept_of(corpus))

    @classmethod
    def taken_up(
        cls, config: Mapping[str, Any], path: Path, change: Change, report: Report
    ) -> tuple[CharLMSettings, CharLM]:
        """The settings of a run, changed, and its task with a fresh model."""
        settings, cell, _ = parts_of(config, path)
        settings = change(settings)
        return settings, _task(settings, cell, corpus_of(settings, config))

    def _read_config(self) -> None:
        self.settings, self.cell, self.alphabet = parts_of(self.config, self.path)

    def _build(self) -> Predictor:
        return build_model(self.settings, self.cell, len(self.alphabet))

    def generate(
        self,
        prime: str = "",
        *,
        length: int = 500,
        choice: Choice | None = None,
        seed: int = 0,
        beam: int = 0,
    ) -> Iterator[str]:
        """Text of the model's own, piece by piece as it is drawn, what it read not included.

        Args:
            prime: What the model reads first; empty starts after a line end or a first symbol.
            length: Characters to draw.
            choice: Temperature and the like; None draws from the model's own probabilities.
            seed: The same seed gives the same text.
            beam: Search with so many beams instead, for the likeliest text as a whole; 0: draw.

        Raises:
            UnknownCharactersError: The prime has characters that the model never saw.
        """
        if beam:
            return iter([self.search(prime, length=length, width=beam)])
        generator = torch.Generator().manual_seed(seed)
        drawn = generate(self.model, self._read_first(prime), choice or Choice(), generator)
        return self._decoded(drawn, length)

    def _decoded(self, drawn: Iterator[int], length: int) -> Iterator[str]:
        """Symbols as text; a character of several bytes comes when its last byte has."""
        decoder = self.alphabet.decoder()
        for count in range(length):
            piece = decoder.decode(np.array([next(drawn)]), final=count == length - 1)
            if piece:
                yield piece

    def search(self, prime: str = "", *, length: int = 200, width: int = 4) -> str:
        """The likeliest text that beam search finds after the prime.

        Args:
            prime: What the model reads first.
            length: Characters of the continuation.
            width: Beams kept at each step.

        Raises:
            UnknownCharactersError: The prime has characters that the model never saw.
        """
        found = beam_search(self.model, self._read_first(prime), length=length, width=width)
        return self.alphabet.decode(np.array(found.symbols))

    def evaluate(
        self,
        data: str | Path | None = None,
        *,
        encoding: str = "utf-8",
        ngram: int | None = None,
    ) -> Evaluation:
        """Measure on a text, beside a Witten-Bell n-gram that counted the same training part.

        Args:
            data: A text; None takes the test part of the run's own.
            encoding: How the characters of a file are written as bytes.
            ngram: Order of the baseline; None takes the run's own setting.

        Raises:
            ContextOrderError: The order is below 1.
            DataChangedError: The run's own text is no longer what it was trained on.
            UnknownCharactersError: The text has characters that the model never saw.
        """
        corpus = corpus_of(self.settings, self.config)
        train, _, test = split(corpus, self.settings)
        name = f"the test part of {corpus.name}"
        if data is not None:
            other = self._corpus(data, encoding)
            test, name = other.ids, other.name
            if other.fingerprint == corpus.fingerprint:
                name += " (which the model learned from)"
        characters = len(self.alphabet.decode(test)) if self.in_pieces else len(test)
        nats = measure(self.model, test) * len(test) / characters
        order = self.settings.ngram if ngram is None else ngram
        counts = NGram.fit(train, vocabulary_size=len(self.alphabet), order=order)
        return Evaluation(
            text=name,
            characters=characters,
            nats_per_character=nats,
            bits_per_character=nats * BITS_PER_CHARACTER.per_nat,
            ngram_order=order,
            ngram_bits_per_character=counts.bits_per_character(test) * len(test) / characters,
        )

    @property
    def in_pieces(self) -> bool:
        """Whether it reads pieces of words, and not characters or bytes."""
        return isinstance(self.alphabet, PieceAlphabet)

    def _corpus(self, data: str | Path, encoding: str) -> Corpus:
        """Another text, as the model reads it."""
        if isinstance(self.alphabet, PieceAlphabet):
            return find_corpus(data, encoding=encoding).in_pieces(self.alphabet)
        return find_corpus(data, encoding=encoding, alphabet=self.alphabet)

    def subject(
        self, data: str | Path | None = None, *, encoding: str = "utf-8", text: str | None = None
    ) -> Subject:
        """The model and a text for `unrolled.probe`.

        Args:
            data: A text; None takes the test part of the run's own.
            encoding: How the characters of a file are written as bytes.
            text: The text itself, instead.

        Raises:
            DataChangedError: The run's own text is no longer what it was trained on.
            NotLookableError: The model has no recurrent layers.
            TextNotFoundError: It is not there, or the text that is named is not.
            UnknownCharactersError: The text has characters that the model never saw.
        """
        if self.settings.model != "recurrent":
            raise NotLookableError(path=self.path, kind=f"char-lm with {self.settings.model}")
        if data is not None:
            text = text_of(self._corpus(data, encoding).ids, self.alphabet)
        learned = learned_text(self.settings, self.config, needed=text is None)
        settings = self.settings
        sizes = {"layers": str(settings.num_layers), "units": str(settings.hidden_size)}
        facts = {"cell": self.cell.name, **sizes, "trained on": learned.name}
        symbols = self.alphabet.symbols
        return Subject(
            printable(self.path.name),
            self.model,
            learned.test if text is None else text,
            vocabulary=None if symbols is None else "".join(symbols),
            training=learned.training,
            no_training=learned.problem,
            history=list(read_metrics(self.path)),
            facts={**facts, "parameters": f"{sum(p.numel() for p in self.model.parameters()):,}"},
        )

    def look(
        self, data: str | Path | None = None, *, encoding: str = "utf-8", how: Looking | None = None
    ) -> "Page":
        """Look inside the model, as `unrolled look` does; a notebook shows what comes back.

        Args:
            data: A text; None takes the test part of the run's own.
            encoding: How the characters of a file are written as bytes.
            how: How closely to look; None: in the usual way.

        Raises:
            UnrolledError: Many kinds; see `unrolled.probe.examination.examine`.
        """
        return look_at([self.subject(data, encoding=encoding)], how)

    def export_call(self) -> ExportCall:
        """How the model is called once it is a file."""
        return export_call(self.model, self.alphabet)

    def tell(self, figures: Evaluation) -> list[str]:
        """The figures as lines to be read."""
        model = self.title
        counts = f"Witten-Bell {figures.ngram_order}-gram"
        width = max(len(model), len(counts))
        bits, nats = figures.bits_per_character, figures.nats_per_character
        return [
            f"{figures.text}, {figures.characters:,} characters:",
            f"  {model:{width}}  {bits:.3f} bits per character ({nats:.3f} nats)",
            f"  {counts:{width}}  {figures.ngram_bits_per_character:.3f} bits per character",
        ]

    @property
    def title(self) -> str:
        """The model, as a table names it."""
        settings = self.settings
        name = model_name(settings, self.cell)
        return f"{name} {settings.num_layers} x {settings.hidden_size}"

    def advice(self, path: str) -> list[str]:
        """Commands to type next.

        Args:
            path: The run folder as one would type it.
        """
        write = f"unrolled generate {path} --length 1000 --temperature 0.7"
        evaluate, *longer = super().advice(path)
        look = [f"unrolled look {path}"] if self.settings.model == "recurrent" else []
        return [write, *longer, evaluate, *look]

    def _read_first(self, prime: str) -> list[int]:
        """The prime as numbers; for an empty one a line end, or the first symbol there is."""
        if prime:
            return self.alphabet.encode(prime).tolist()
        symbols = self.alphabet.symbols
        if self.in_pieces or (symbols and "\n" in symbols):
            return self.alphabet.encode("\n").tolist()
        return [0]


def _task(settings: CharLMSettings, cell: Cell, corpus: Corpus) -> CharLM:
    """The task with a fresh model, everything seeded."""
    device = begin(settings.training)
    model = build_on(device, lambda: build_model(settings, cell, len(corpus.alphabet)))
    train, validation, test = split(corpus, settings)
    task = CharLM(model, corpus.alphabet, settings, train=train, validation=validation)
    for name, part in {"validation": validation, "test": test}.items():
        if len(part) < 2:
            wanted = f"a share with 2 characters or more; of this text it has {len(part)}"
            raise SettingError(name=name, got=getattr(settings, name), wanted=wanted)
    return task


train, resume, open_run = CharLMRun.train, CharLMRun.resume, CharLMRun
