"""A model that says of which class a whole series is."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unrolled.data.alphabet import printable
from unrolled.data.examples.kinds import Labelled
from unrolled.data.examples.splits import Splits, split
from unrolled.data.series.panel import Series
from unrolled.errors import NoExamplesError, OneLabelError
from unrolled.models.many_to_one import ManyToOne
from unrolled.tasks.sentiment.baseline import commonest_label
from unrolled.tasks.sentiment.run import Scores
from unrolled.tasks.series.baselines import logistic_labels
from unrolled.tasks.series.classify import Classify, labels_of, numbers_of
from unrolled.tasks.series.coder import Coder
from unrolled.tasks.series.figures import ClassEvaluation
from unrolled.tasks.series.reading import Read
from unrolled.tasks.series.settings import SeriesSettings
from unrolled.tasks.series.trained import SeriesRun


class ClassRun(SeriesRun):
    """A model of series with labels: it says which label a series has."""

    @classmethod
    def learn_codes(cls, settings: SeriesSettings, read: Read) -> Coder:
        """The scaling of the training part, and all labels.

        Raises:
            OneLabelError: There is one label alone.
            NoExamplesError: The training part has none of a label.
        """
        labels = sorted({each.label for each in read.panel.series})
        if len(labels) < 2:
            raise OneLabelError(label=labels[0])
        parts = _split(read, settings)
        for label in labels:
            counts = [sum(each.label == label for each in part) for part in parts]
            if not counts[0]:
                raise _lacking(read, counts, f"of the label {label!r:.40} ")
        train = _of(read, parts.train)
        rows = np.concatenate([each.values for each in train])
        return Coder.learn(read.panel, rows, targets=[], labels=labels)

    @classmethod
    def make_task(
        cls, model: ManyToOne, coder: Coder, settings: SeriesSettings, read: Read
    ) -> Classify:
        """Data and loss."""
        parts = _split(read, settings)
        train, validation = _of(read, parts.train), _of(read, parts.validation)
        return Classify(model, coder, settings, train, validation)

    def label(self, series: Sequence[np.ndarray]) -> list[str]:
        """The likeliest label of each of some series, T x X of its columns."""
        return labels_of(self.model, self.coder, [Series("", values) for values in series])

    def evaluate(
        self, data: str | Path | None = None, *, encoding: str = "utf-8"
    ) -> ClassEvaluation:
        """Measure on the test part, beside what baselines say that learned the same training part.

        Args:
            data: Other series with labels, all of which are measured; None: the run's own.
            encoding: How the characters of their file are written as bytes.

        Raises:
            DataChangedError: The run's own data is no longer what it was trained on.
            MissingExtraError: The baselines need scikit-learn.
            UnknownLabelError: A label is none of the model's.
        """
        own = self.own_data()
        parts = _split(own, self.settings)
        train, validation, test = (_of(own, part) for part in parts)
        name, measured = self.test_part, test
        if data is not None:
            other = self.other_data(data, encoding)
            name, measured = other.name, other.panel.series
        numbers_of(self.coder, measured)  # are all labels known?
        said = {
            self.title: labels_of(self.model, self.coder, measured),
            "logistic regression": logistic_labels(train, validation, measured),
            "commonest label": [commonest_label(parts.train)] * len(measured),
        }
        known = [each.label for each in measured]
        scores = {who: Scores.of(known, labels) for who, labels in said.items()}
        return ClassEvaluation(name, len(measured), scores)


def _split(read: Read, settings: SeriesSettings) -> Splits[Labelled]:
    """The names and labels of the series in three parts.

    Raises:
        NoExamplesError: A part is empty.
    """
    examples = [Labelled(each.name, each.label) for each in read.panel.series]
    parts = split(examples, validation=settings.validation, test=settings.test)
    if not all(parts):
        raise _lacking(read, [*map(len, parts)])
    return parts


def _lacking(read: Read, counts: Sequence[int], of: str = "") -> NoExamplesError:
    """The error where a part has none, perhaps of a label; with how many there are in each."""
    told = ", ".join(f"{name} {n:,}" for name, n in zip(Splits._fields, counts, strict=True))
    return NoExamplesError(path=printable(str(read.file)), counts=f"{of}{told}")


def _of(read: Read, part: Sequence[Labelled]) -> list[Series]:
    """The series of a part."""
    names = {each.text for each in part}
    return [each for each in read.panel.series if each.name in names]
