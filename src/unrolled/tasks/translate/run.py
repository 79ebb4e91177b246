"""A model of pairs of sentences: train it, go on with it, let it translate, measure it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrolled.data.examples.kinds import Pair
from unrolled.data.examples.paired import read_pairs
from unrolled.data.examples.sources import Source
from unrolled.probe.subject import Progress
from unrolled.tasks.texts.looking import Examined
from unrolled.tasks.texts.run import TextRun
from unrolled.tasks.translate.coder import Coder
from unrolled.tasks.translate.scores import Scores, remembered, words_by
from unrolled.tasks.translate.settings import TranslateSettings
from unrolled.tasks.translate.task import Translate, Translator, build_model, translate

if TYPE_CHECKING:
    from unrolled.probe.report.static import StaticPage


@dataclass(frozen=True)
class Evaluation:
    """Figures on sentences, the model's beside those of a translation memory; see `to_json`."""

    data: str
    sentences: int
    beam: int
    length_penalty: float
    bleu_words: str
    """How BLEU told words apart: sacrebleu's name of it."""
    model: Scores
    memory: Scores

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)


class TranslateRun(TextRun[Translator, Pair, Coder]):
    """A model of pairs: it writes the target of a source."""

    name = "translate"
    takes = "line"
    kind = "pairs of sentences"
    settings_type = TranslateSettings
    coder_types = {"recurrent": Coder, "transformer": Coder}
    task_type = Translate
    build = staticmethod(build_model)

    @classmethod
    def reader(
        cls, settings: TranslateSettings, source: Source
    ) -> Callable[[Sequence[Path]], Iterable[Pair]]:
        """What reads the pairs of some files."""
        sides = {"source": settings.source, "target": settings.target}
        return partial(read_pairs, **sides, encoding=source.encoding)

    @staticmethod
    def learned(coder: Coder) -> list[str]:
        """How many units of each side have a number."""
        return [f"vocabularies of {len(coder.source):,} and {len(coder.target):,}"]

    def translate(
        self,
        texts: Sequence[str],
        *,
        beam: int | None = None,
        length_penalty: float | None = None,
    ) -> list[str]:
        """What the model writes for some sentences; of too long ones it reads the beginning.

        Args:
            texts: Sentences.
            beam: Beams of the search; 1 takes the likeliest symbol each time. None: the run's own.
            length_penalty: How far long ones are preferred by beams. None: the run's own.

        Raises:
            SamplingError: The width or the penalty is impossible.
        """
        how = self._how(beam, length_penalty)
        return translate(self.model, self.coder, self.coder.sources(texts), **how) if texts else []

    def _how(self, beam: int | None, length_penalty: float | None) -> dict[str, Any]:
        own = self.settings
        return {
            "beam": own.beam if beam is None else beam,
            "length_penalty": own.length_penalty if length_penalty is None else length_penalty,
        }

    def answers(
        self,
        texts: Sequence[str],
        *,
        beam: int | None = None,
        length_penalty: float | None = None,
    ) -> list[str]:
        """See `translate`."""
        return self.translate(texts, beam=beam, length_penalty=length_penalty)

    def evaluate(
        self,
        data: str | Path | None = None,
        *,
        encoding: str = "utf-8",
        beam: int | None = None,
        length_penalty: float | None = None,
    ) -> Evaluation:
        """Measure on the test part, beside a translation memory of the same training part.

        Args:
            data: Other pairs, all of which are measured; None: the run's own.
            encoding: How the characters of their files are written as bytes.
            beam: Beams of the search; None: the run's own setting.
            length_penalty: Of beams; None: the run's own setting.

        Raises:
            DataChangedError: The run's own data is no longer what it was trained on.
            MissingExtraError: sacrebleu or scikit-learn is not installed.
            SamplingError: The width or the penalty is impossible.
        """
        own, name, measured = self.examples(data, encoding)
        how = self._how(beam, length_penalty)
        sources, targets = [list(side) for side in zip(*measured, strict=True)]
        wanted = self.coder.as_written(targets)
        memory = self.coder.as_written(remembered(own.train, sources))
        return Evaluation(
            data=name,
            sentences=len(measured),
            **how,
            bleu_words=words_by(wanted),
            model=Scores.of(self.translate(sources, **how), wanted),
            memory=Scores.of(memory, wanted),
        )

    def looked_at(
        self, texts: Sequence[str], examined: Examined[Pair] | None, progress: Progress
    ) -> "StaticPage":
        """The page of `look`."""
        from unrolled.tasks.translate.look import look  # Altair, which may be missing

        return look(self, texts, examined, progress)

    def tell(self, figures: Evaluation) -> list[str]:
        """The figures as lines to be read."""
        rows = {self.title: figures.model, "translation memory": figures.memory}
        width = max(map(len, rows))
        search = f"beam {figures.beam}" if figures.beam > 1 else "the likeliest symbol each time"
        return [
            f"{figures.data}, {figures.sentences:,} sentences, {search}:",
            *(
                f"  {name:{width}}  exact {row.exact:.2%}  "
                f"BLEU {row.bleu:.1f} ({figures.bleu_words})  chrF {row.chrf:.1f}"
                for name, row in rows.items()
            ),
        ]

    @property
    def title(self) -> str:
        """The model, as a table names it."""
        attention = self.settings.attention
        if self.settings.model == "transformer":
            return super().title
        return f"{super().title}, {'no' if attention == 'none' else attention} attention"


train, resume, open_run = TranslateRun.train, TranslateRun.resume, TranslateRun
