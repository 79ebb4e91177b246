"""A model of labelled texts: train it, go on with it, let it say labels, measure it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.data.examples.kinds import Labelled
from unrolled.data.examples.labelled import read_labelled
from unrolled.data.examples.sources import Source
from unrolled.probe.subject import Progress
from unrolled.tasks.export_call import ExportCall
from unrolled.tasks.sentiment.baseline import bag_of_words, commonest_label, macro_f1
from unrolled.tasks.sentiment.export import export_call
from unrolled.tasks.sentiment.settings import SentimentSettings
from unrolled.tasks.sentiment.task import Coder, Model, Sentiment, build_model, score_all
from unrolled.tasks.texts.bert import prepared
from unrolled.tasks.texts.looking import Examined
from unrolled.tasks.texts.run import TextRun
from unrolled.tasks.texts.telling import counted

if TYPE_CHECKING:
    from unrolled.probe.report.static import StaticPage


@dataclass(frozen=True)
class Scores:
    """How well labels were given."""

    accuracy: float
    macro_f1: float

    @classmethod
    def of(cls, known: Sequence[str], said: Sequence[str]) -> "Scores":
        """The scores of some labels that were said, beside those that are so."""
        right = sum(k == s for k, s in zip(known, said, strict=True))
        return cls(right / len(known), macro_f1(known, said))


@dataclass(frozen=True)
class Evaluation:
    """Figures on texts, the model's beside those of two baselines; see `to_json`."""

    data: str
    texts: int
    model: Scores
    bag_of_words: Scores
    commonest_label: Scores

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)


class SentimentRun(TextRun[Model, Labelled, Coder]):
    """A model of labelled texts: it says which label a text has."""

    name = "sentiment"
    takes = "line"
    kind = "labelled texts"
    settings_type = SentimentSettings
    coder_types = {"recurrent": Coder, "bert": Coder}
    task_type = Sentiment
    build = staticmethod(build_model)
    prepared = staticmethod(prepared)

    @classmethod
    def reader(
        cls, settings: SentimentSettings, source: Source
    ) -> Callable[[Sequence[Path]], Iterable[Labelled]]:
        """What reads the texts of some files."""
        columns = {"text_column": settings.text_column, "label_column": settings.label_column}
        return partial(read_labelled, **columns, encoding=source.encoding)

    @staticmethod
    def learned(coder: Coder) -> list[str]:
        """Labels, and how many units have a number."""
        return [counted(coder.labels, "labels"), f"a vocabulary of {len(coder.tokenizer):,}"]

    def chances(self, texts: Sequence[str]) -> np.ndarray:
        """The probability of each of `coder.labels` for some texts: N x Y."""
        scores = score_all(self.model, self.coder.texts(texts)).astype(np.float64)
        raised = np.exp(scores - scores.max(1, keepdims=True))
        return raised / raised.sum(1, keepdims=True)

    def label(self, texts: Sequence[str]) -> list[str]:
        """The likeliest label of each text."""
        return [self.coder.labels[row.argmax()] for row in self.chances(texts)] if texts else []

    def answers(self, texts: Sequence[str]) -> list[str]:
        """Of each text the labels with their probabilities, the likeliest first."""
        if not texts:
            return []
        return [
            "  ".join(
                f"{self.coder.labels[row]} {chances[row]:.3f}"
                for row in np.argsort(-chances, kind="stable")
            )
            + ("" if known else "  (nothing of it is known)")
            for chances, known in zip(self.chances(texts), self.coder.knows(texts), strict=True)
        ]

    def evaluate(self, data: str | Path | None = None, *, encoding: str = "utf-8") -> Evaluation:
        """Measure on the test part, beside what baselines say that learned the same training part.

        Args:
            data: Other texts with labels, all of which are measured; None: the run's own.
            encoding: How the characters of their files are written as bytes.

        Raises:
            DataChangedError: The run's own data is no longer what it was trained on.
            MissingExtraError: The bag of words needs scikit-learn.
            UnknownLabelError: A label is none of the model's.
        """
        own, name, measured = self.examples(data, encoding)
        self.coder.code(measured)  # are all labels known?
        texts, known = [each.text for each in measured], [each.label for each in measured]
        return Evaluation(
            data=name,
            texts=len(texts),
            model=Scores.of(known, self.label(texts)),
            bag_of_words=Scores.of(known, bag_of_words(own, texts)),
            commonest_label=Scores.of(known, [commonest_label(own.train)] * len(texts)),
        )

    def export_call(self) -> ExportCall:
        """How the model is called once it is a file.

        Raises:
            OnnxError: The model is not recurrent.
        """
        return export_call(self.model, self.coder)

    def looked_at(
        self, texts: Sequence[str], examined: Examined[Labelled] | None, progress: Progress
    ) -> "StaticPage":
        """The page of `look`."""
        from unrolled.tasks.sentiment.look import look  # Altair, which may be missing

        return look(self, texts, examined, progress)

    def tell(self, figures: Evaluation) -> list[str]:
        """The figures as lines to be read."""
        rows = {self.title: figures.model, "bag of words": figures.bag_of_words}
        rows["commonest label"] = figures.commonest_label
        width = max(map(len, rows))
        return [
            f"{figures.data}, {figures.texts:,} texts:",
            *(
                f"  {name:{width}}  accuracy {row.accuracy:.1%}  macro-F1 {row.macro_f1:.3f}"
                for name, row in rows.items()
            ),
        ]


train, resume, open_run = SentimentRun.train, SentimentRun.resume, SentimentRun
