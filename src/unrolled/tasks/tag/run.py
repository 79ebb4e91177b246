"""A model of tagged sentences: train it, go on with it, let it tag, measure it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unrolled.data.examples.kinds import Tagged
from unrolled.data.examples.sources import Source
from unrolled.data.examples.tagged import TagColumns, read_tagged
from unrolled.probe.subject import Progress
from unrolled.tasks.export_call import ExportCall
from unrolled.tasks.tag.coder import Coder
from unrolled.tasks.tag.export import export_call
from unrolled.tasks.tag.pieces import PieceCoder
from unrolled.tasks.tag.settings import TagSettings
from unrolled.tasks.tag.task import Model, Tag, build_model, tags_of
from unrolled.tasks.texts.bert import prepared
from unrolled.tasks.texts.looking import Examined
from unrolled.tasks.texts.run import TextRun
from unrolled.tasks.texts.telling import counted

if TYPE_CHECKING:
    from unrolled.probe.report.static import StaticPage

CONFUSIONS = 5  # that are told


@dataclass(frozen=True)
class Evaluation:
    """Figures on sentences; see `to_json`. Shares are of words."""

    data: str
    sentences: int
    words: int
    accuracy: float
    unknown_words: int
    """How many words have no vector of their own, as such, or as one piece."""
    accuracy_of_unknown: float | None
    whole_sentences: float
    """The share of sentences of which every tag is right."""
    commonest_tag_accuracy: float
    """Of who gives each word its commonest tag of the training part."""
    confusions: list[tuple[str, str, int]]
    """What was wrong most often: the tag that is so, the tag that was said, how often."""

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return asdict(self)


class TagRun(TextRun[Model, Tagged, Coder | PieceCoder]):
    """A model of tagged sentences: it says which tag each word has."""

    name = "tag"
    takes = "line"
    kind = "tagged sentences"
    settings_type = TagSettings
    coder_types = {"recurrent": Coder, "bert": PieceCoder}
    task_type = Tag
    build = staticmethod(build_model)
    prepared = staticmethod(prepared)

    @classmethod
    def reader(
        cls, settings: TagSettings, source: Source
    ) -> Callable[[Sequence[Path]], Iterable[Tagged]]:
        """What reads the sentences of some files."""
        word, tag = settings.word_column, settings.tag_column
        columns = None if word is None or tag is None else TagColumns(word, tag)
        return partial(read_tagged, columns=columns, encoding=source.encoding)

    @staticmethod
    def learned(coder: Coder | PieceCoder) -> list[str]:
        """Tags, and how many words or pieces have a number."""
        return [counted(coder.tags, "tags"), f"a vocabulary of {coder.vocabulary:,}"]

    def tag(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        """The likeliest tag of each word.

        Args:
            sentences: Their words; of a sentence longer than the model reads the first ones.
        """
        full = [each for each in sentences if len(each)]
        found = iter(tags_of(self.model, self.coder.read(full)) if full else [])
        return [[self.coder.tags[t] for t in next(found)] if len(s) else [] for s in sentences]

    def answers(self, texts: Sequence[str]) -> list[str]:
        """The words of each sentence, between which there are spaces, each with its tag."""
        sentences = [text.split() for text in texts]
        tagged = zip(sentences, self.tag(sentences), strict=True)
        return [" ".join(map("/".join, zip(*pair, strict=False))) for pair in tagged]

    def evaluate(self, data: str | Path | None = None, *, encoding: str = "utf-8") -> Evaluation:
        """Measure on the test part, beside who gives each word its commonest tag.

        Args:
            data: Other tagged sentences, all of which are measured; None: the run's own.
            encoding: How the characters of their files are written as bytes.

        Raises:
            DataChangedError: The run's own data is no longer what it was trained on.
            UnknownLabelError: A tag is none of the model's.
        """
        own, name, measured = self.examples(data, encoding)
        coded = self.coder.code(measured)
        said = np.concatenate(tags_of(self.model, coded))
        known, lengths = np.concatenate(coded.tags), [len(tags) for tags in coded.tags]
        read = [each.words[:length] for each, length in zip(measured, lengths, strict=True)]
        knows = {word: self.coder.knows(word) for words in read for word in words}
        right = said == known
        unknown = np.array([not knows[word] for words in read for word in words])
        ends = np.cumsum(lengths)[:-1]
        wrong = Counter(zip(known[~right].tolist(), said[~right].tolist(), strict=True))
        names = self.coder.tags
        return Evaluation(
            data=name,
            sentences=len(measured),
            words=len(known),
            accuracy=float(right.mean()),
            unknown_words=int(unknown.sum()),
            accuracy_of_unknown=float(right[unknown].mean()) if unknown.any() else None,
            whole_sentences=float(np.mean([part.all() for part in np.split(right, ends)])),
            commonest_tag_accuracy=_commonest_tags(own.train, measured, lengths),
            confusions=[
                (names[so], names[s], count) for (so, s), count in wrong.most_common(CONFUSIONS)
            ],
        )

    def export_call(self) -> ExportCall:
        """How the model is called once it is a file.

        Raises:
            OnnxError: The model is not recurrent.
        """
        return export_call(self.model, self.coder, lowercase=self.settings.lowercase)

    def looked_at(
        self, texts: Sequence[str], examined: Examined[Tagged] | None, progress: Progress
    ) -> "StaticPage":
        """The page of `look`."""
        from unrolled.tasks.tag.look import look  # Altair, which may be missing

        return look(self, texts, examined, progress)

    def tell(self, figures: Evaluation) -> list[str]:
        """The figures as lines to be read."""
        rows = {self.title: figures.accuracy, "commonest tag": figures.commonest_tag_accuracy}
        width = max(map(len, rows))
        unknown = figures.accuracy_of_unknown
        confused = ", ".join(f"{so} as {said} ({n})" for so, said, n in figures.confusions)
        return [
            f"{figures.data}, {figures.sentences:,} sentences, {figures.words:,} words:",
            *(f"  {name:{width}}  {share:.2%} of words right" for name, share in rows.items()),
            f"  whole sentences right: {figures.whole_sentences:.1%}",
            f"  of {figures.unknown_words:,} unknown words: "
            + ("none" if unknown is None else f"{unknown:.1%} right"),
            *([f"  most often wrong: {confused}"] if confused else []),
        ]


def _commonest_tags(
    train: Sequence[Tagged], measured: Sequence[Tagged], lengths: Sequence[int]
) -> float:
    """The share of words right if each gets its commonest tag, and others the commonest of all."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in train:
        for word, tag in zip(*example, strict=True):
            counts[word][tag] += 1
    best = {word: tags.most_common(1)[0][0] for word, tags in counts.items()}
    every = sum(counts.values(), Counter[str]()).most_common(1)[0][0]
    pairs = [
        (best.get(word, every), tag)
        for example, length in zip(measured, lengths, strict=True)
        for word, tag in zip(example.words[:length], example.tags[:length], strict=True)
    ]
    return sum(said == tag for said, tag in pairs) / len(pairs)


train, resume, open_run = TagRun.train, TagRun.resume, TagRun
