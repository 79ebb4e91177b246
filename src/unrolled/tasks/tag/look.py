"""Where a tagger errs, as a page: what it takes for what, and how often, in which sentences."""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from unrolled.data.examples.kinds import Tagged
from unrolled.probe.report.charts.bars import Bar, bars
from unrolled.probe.report.charts.squares import confusion
from unrolled.probe.report.static import Chart, Section, StaticPage
from unrolled.probe.report.texts import Piece, Text
from unrolled.probe.subject import Progress
from unrolled.tasks.texts.looking import Examined, named, spread

if TYPE_CHECKING:
    from unrolled.tasks.tag.run import TagRun

Key = TypeVar("Key", bound=Hashable)
MOST = 5_000  # sentences that are tagged
TAGS = 25  # rows of the matrix; the last one is of all other tags
OTHERS = "others"
WORST = 15  # tags with a bar
LEAST = 20  # words of such a tag
SHOWN = 10  # sentences with errors
LONGEST = 40  # words of such a sentence
TOLD = 3
SEEN = {"never": 0, "once": 1, "2 to 5 times": 5, "6 to 20 times": 20, "more often": math.inf}
"""How often a word was seen in training, at most."""


class Word(NamedTuple):
    """A word, what it is, and what was said."""

    word: str
    tag: str
    said: str

    @property
    def is_right(self) -> bool:
        """Whether it was said right."""
        return self.tag == self.said


def look(
    run: "TagRun", texts: Sequence[str], examined: Examined[Tagged] | None, told: Progress
) -> StaticPage:
    """The page of a run.

    Args:
        run: The run.
        texts: Sentences of which no tag is known, their words with spaces between them.
        examined: Examples.
        told: Is told what is being done.
    """
    summary, sections = [], []
    if texts:
        words = [text.split() for text in texts]
        said = run.tag(words)
        pairs = [[*zip(*each, strict=False)] for each in zip(words, said, strict=True)]
        summary += [" ".join(f"{word}/{tag}" for word, tag in each) for each in pairs]
        sections.append(_given(pairs))
    if examined:
        run.coder.code(examined.examples)  # are all tags known?
        told("tagging", 0.0)
        some = spread(examined.examples, MOST)
        found = tagged(run, some)
        summary += _summary(run, examined, found)
        sections += _sections(found, examined)
    return StaticPage(f"{named(run)}: what is taken for what", summary, sections)


def tagged(run: "TagRun", examples: Sequence[Tagged]) -> list[list[Word]]:
    """The words of sentences that the model reads, with both tags.

    Args:
        run: The run.
        examples: The sentences.
    """
    said = run.tag([each.words for each in examples])
    return [
        [Word(*each) for each in zip(*example, tags, strict=False)]
        for example, tags in zip(examples, said, strict=True)
    ]


def confusions(words: Iterable[Word], most: int = TAGS) -> tuple[list[str], np.ndarray]:
    """The commonest tags, and how often each (row) was said to be each (column).

    Args:
        words: Words with both tags.
        most: Tags, the last of which stands for all others if there are more.
    """
    pairs = Counter((word.tag, word.said) for word in words)
    counts: Counter[str] = Counter()
    for (tag, said), count in pairs.items():
        counts[tag] += count
        counts[said] += 0
    ranked = [tag for tag, _ in counts.most_common()]
    names = ranked if len(ranked) <= most else [*ranked[: most - 1], OTHERS]
    places = {tag: min(row, len(names) - 1) for row, tag in enumerate(ranked)}
    matrix = np.zeros((len(names), len(names)), dtype=np.int64)
    for (tag, said), count in pairs.items():
        matrix[places[tag], places[said]] += count
    return names, matrix


def _summary(
    run: "TagRun", examined: Examined[Tagged], found: Sequence[Sequence[Word]]
) -> list[str]:
    words = [word for sentence in found for word in sentence]
    right = np.mean([word.is_right for word in words])
    whole = np.mean([all(word.is_right for word in sentence) for sentence in found])
    lines = [
        f"{named(run)} read {examined.counted(len(found), 'sentences')}: "
        f"{right:.2%} of {len(words):,} words are right, and {whole:.1%} of the sentences."
    ]
    wrong = Counter((word.tag, word.said) for word in words if not word.is_right)
    if wrong:
        worst = ", ".join(f"{t} for {s} ({n:,})" for (t, s), n in wrong.most_common(TOLD))
        lines.append(f"What it takes most often for something else: {worst}.")
    shares = ", ".join(f"{bar.name} {bar.value:.1%}" for bar in _by_times_seen(words, examined))
    return [*lines, f"Right, by how often the word as it stands was seen in training: {shares}."]


def _sections(found: Sequence[Sequence[Word]], examined: Examined[Tagged]) -> list[Section]:
    words = [word for sentence in found for word in sentence]
    names, counts = confusions(words)
    about = (
        "Of all words with a tag (row) the share, in percent, to which the model gave each tag "
        "(column): the darker, the more. What is right has an outline alone. Point at a square "
        "for its count."
    )
    sections = [
        Section(
            "What it takes for what", about, [Chart("confusion", about, confusion(names, counts))]
        )
    ]
    by_tag = {tag: each for tag, each in _by(words, [w.tag for w in words]).items()
              if len(each) >= LEAST}  # fmt: skip
    worst = sorted(by_tag, key=lambda tag: np.mean([word.is_right for word in by_tag[tag]]))[:WORST]
    panels = {
        "tags with the most errors": _bars({tag: by_tag[tag] for tag in worst}),
        "times that a word was seen": _by_times_seen(words, examined),
    }
    about = (
        f"The share of words that are right: of the tags that err most, among those of {LEAST} "
        "words or more; and by how often the word, as it stands, was seen in training."
    )
    drawn = bars({name: each for name, each in panels.items() if each}, "right", ".0%", whole=True)
    sections.append(Section("Where it errs", about, [Chart("accuracy", about, drawn)]))
    wrong = [each for each in found if not all(word.is_right for word in each)]
    if wrong:
        short = [each for each in wrong if len(each) <= LONGEST] or wrong
        about = "Below a word stands what was said, and then what it is."
        parts = [_errors(sentence) for sentence in spread(short, SHOWN)]
        sections.append(Section("Sentences with errors", about, parts))
    return sections


def _by(words: Sequence[Word], keys: Sequence[Key]) -> dict[Key, list[Word]]:
    """Words by what they have in common."""
    groups: dict[Key, list[Word]] = defaultdict(list)
    for word, key in zip(words, keys, strict=True):
        groups[key].append(word)
    return groups


def _by_times_seen(words: Sequence[Word], examined: Examined[Tagged]) -> list[Bar]:
    """The share that is right, of words seen never in training, once, and more often."""
    seen = Counter(word for example in examined.own.train for word in example.words)
    kinds = [next(name for name, most in SEEN.items() if seen[w.word] <= most) for w in words]
    groups = _by(words, kinds)
    return _bars({name: groups[name] for name in SEEN if name in groups})


def _bars(groups: dict[str, list[Word]]) -> list[Bar]:
    """The share of each group that is right."""
    found = {name: sum(word.is_right for word in each) for name, each in groups.items()}
    return [
        Bar(name, right / len(groups[name]), f"{right:,} of {len(groups[name]):,} right")
        for name, right in found.items()
    ]


def _errors(sentence: Sequence[Word]) -> Text:
    """A sentence whose errors are marked."""
    count = sum(not word.is_right for word in sentence)
    pieces: list[Piece] = []
    for word in sentence:
        wrong = f"{word.said}, is {word.tag}" if not word.is_right else ""
        pieces += [Piece(word.word, float(bool(wrong)), wrong, wrong), Piece(" ")]
    return Text(f"{count} of {len(sentence)} words wrong", pieces)


def _given(sentences: Sequence[Sequence[tuple[str, str]]]) -> Section:
    """Sentences with what was said of each word."""
    parts = [
        Text(f"{len(each)} words", [
            piece for word, tag in each for piece in (Piece(word, 0.0, tag, tag), Piece(" "))
        ])
        for each in sentences
    ]  # fmt: skip
    return Section("The sentences given", "Below each word stands its tag.", parts)
