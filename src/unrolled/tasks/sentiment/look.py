"""What a model of labelled texts heeds, as a page: words that count, and how sure it may be."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unrolled.data.examples.kinds import Labelled
from unrolled.probe.report.charts.bars import Bar, Bin, bars, reliability
from unrolled.probe.report.static import Chart, Section, StaticPage
from unrolled.probe.report.texts import Piece, Text
from unrolled.probe.subject import Progress
from unrolled.tasks.sentiment.erasure import Heeded, heeded
from unrolled.tasks.texts.looking import Examined, named, spread

if TYPE_CHECKING:
    from unrolled.tasks.sentiment.run import SentimentRun

WORK = 2_000_000  # units that are read to erase each word of examples: some twenty seconds
LEAST = 5  # occurrences of a word of which a mean is shown
BARS = 12  # words for each label
PANELS = 6  # labels with bars, the commonest
SHOWN = 6  # texts that are right, and that are wrong
TOLD = 3  # words in a sentence
BINS = 10
SMALLEST = 0.5  # nats at which a colour is full, if nothing counts more
ABOUT = (
    "A word is coloured by how far the log-odds of the label that is said fall when the word alone "
    "is erased (all its units taken for the unknown one): orange speaks for the label, blue and "
    "dotted against it. Point at a word for its number, in nats."
)


def look(
    run: "SentimentRun", texts: Sequence[str], examined: Examined[Labelled] | None, told: Progress
) -> StaticPage:
    """The page of a run.

    Args:
        run: The run.
        texts: Texts of which no label is known.
        examined: Examples.
        told: Is told what is being done.
    """
    labels = run.coder.labels
    summary, sections = [], []
    if texts:
        typed = heeded(run.model, run.coder, texts, told)
        summary += [_told(each, labels) for each in typed]
        unknown = [None] * len(typed)
        sections.append(_coloured("The texts given", typed, unknown, labels, _full(typed)))
    if examined:
        run.coder.code(examined.examples)  # are all labels known?
        some = _affordable(run, examined.examples)
        found = heeded(run.model, run.coder, [each.text for each in some], told)
        known = [each.label for each in some]
        summary += _summary(run, examined, found, known)
        sections += _sections(found, known, labels)
    return StaticPage(f"{named(run)}: which words a label hangs on", summary, sections)


def _affordable(run: "SentimentRun", examples: Sequence[Labelled]) -> list[Labelled]:
    """As many examples as can be read once for each of their words."""
    lengths = np.array([len(row) for row in run.coder.texts([each.text for each in examples])])
    return spread(examples, max(1, int(WORK / np.mean(lengths.astype(float) ** 2))))


def _summary(
    run: "SentimentRun", examined: Examined[Labelled], found: Sequence[Heeded], known: Sequence[str]
) -> list[str]:
    labels = run.coder.labels
    right = _right(found, known, labels)
    lines = [
        f"{named(run)} read {examined.counted(len(found), 'texts')}, and said the "
        f"right label of {right.mean():.1%}."
    ]
    for label, best in _strongest(found, labels).items():
        words = ", ".join(f"{bar.name} {bar.value:+.2f}" for bar in best[:TOLD])
        lines += (
            [f"What speaks most for {label}, in nats of its log-odds: {words}."] if words else []
        )
    sure = [each for each in _bins(found, right) if each.answers >= LEAST]
    if sure:
        top = sure[-1]
        lines.append(
            f"Where it was surest, giving {top.confidence:.0%} in the mean, it was right in "
            f"{top.accuracy:.0%} of {top.answers:,} texts."
        )
    return lines


def _sections(
    found: Sequence[Heeded], known: Sequence[str], labels: Sequence[str]
) -> list[Section]:
    right = _right(found, known, labels)
    order = sorted(range(len(found)), key=lambda row: -found[row].confidence)
    sides = {"Right, and sure of it": True, "Wrong, and sure of it": False}
    shown = {
        title: _varied([row for row in order if right[row] == wanted], found)
        for title, wanted in sides.items()
    }
    full = _full([found[row] for rows in shown.values() for row in rows])
    sections = [
        _coloured(title, [found[row] for row in rows], [known[row] for row in rows], labels, full)
        for title, rows in shown.items() if rows
    ]  # fmt: skip
    panels = {label: each for label, each in _strongest(found, labels).items() if each}
    if panels:
        about = (
            f"The mean fall of a label's log-odds when the word is erased, of words that come "
            f"{LEAST} times or more, whatever is said of the texts."
        )
        chart = Chart("words", about, bars(panels, "nats", ".1f"))
        sections.append(Section("Words that speak for a label", about, [chart]))
    about = (
        "Texts by how probable the model calls what it says, in ten steps: on the dashed line it "
        "is right as often as it says, below it too sure of itself."
    )
    chart = Chart("reliability", about, reliability(_bins(found, right)))
    return [*sections, Section("How far its probabilities can be believed", about, [chart])]


def _varied(rows: Sequence[int], found: Sequence[Heeded]) -> list[int]:
    """The first of each label that is said, then the second of each, and so on."""
    turns: dict[int, int] = defaultdict(int)
    ranked: list[tuple[int, int]] = []
    for row in rows:
        ranked.append((turns[found[row].said], row))
        turns[found[row].said] += 1
    return [row for _, row in sorted(ranked, key=lambda pair: pair[0])][:SHOWN]


def _right(found: Sequence[Heeded], known: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    return np.array([labels[each.said] == label for each, label in zip(found, known, strict=True)])


def _coloured(
    title: str,
    texts: Sequence[Heeded],
    known: Sequence[str | None],
    labels: Sequence[str],
    full: float,
) -> Section:
    parts = [_text(each, label, labels, full) for each, label in zip(texts, known, strict=True)]
    legend = {"against": f"-{full:.1f} nats: against the label", "for": f"+{full:.1f}: for it"}
    return Section(title, ABOUT, parts, legend)


def _full(texts: Sequence[Heeded]) -> float:
    """The nats at which a colour is full."""
    falls = np.concatenate([[SMALLEST], *(abs(each.falls[:, each.said]) for each in texts)])
    return max(SMALLEST, float(np.quantile(falls, 0.95)))


def _text(each: Heeded, known: str | None, labels: Sequence[str], full: float) -> Text:
    said = labels[each.said]
    verdict = f", and is {known}" if known not in (None, said) else ""
    pieces: list[Piece] = []
    at = 0
    for (start, stop), fall in zip(each.spans, each.falls[:, each.said], strict=True):
        level = float(np.clip(fall / full, -1, 1))
        pieces += [Piece(each.text[at:start]), Piece(each.text[start:stop], level, f"{fall:+.2f}")]
        at = stop
    return Text(f"{said} ({each.confidence:.1%}){verdict}", [*pieces, Piece(each.text[at:])])


def _told(each: Heeded, labels: Sequence[str]) -> str:
    """A text in a sentence: what is said of it, and because of which words."""
    falls = each.falls[:, each.said]
    ranked = [row for row in np.argsort(-np.abs(falls), kind="stable")[:TOLD] if falls[row]]
    words = ", ".join(f"{each.words[row]} {falls[row]:+.2f}" for row in ranked)
    because = f"; of its log-odds, in nats: {words}" if words else ""
    return f"{each.text!r} is {labels[each.said]} ({each.confidence:.1%}){because}."


def _strongest(found: Sequence[Heeded], labels: Sequence[str]) -> dict[str, list[Bar]]:
    """For the commonest labels the words that speak most for them, the strongest first."""
    falls: dict[str, list[np.ndarray]] = defaultdict(list)
    for each in found:
        for word, fall in zip(each.words, each.falls, strict=True):
            falls[word.lower()].append(fall)
    means = {word: np.mean(each, axis=0) for word, each in falls.items() if len(each) >= LEAST}
    said = np.bincount([each.said for each in found], minlength=len(labels))
    shown = sorted(np.argsort(-said, kind="stable")[:PANELS])
    strongest: dict[str, list[Bar]] = {}
    for label in map(int, shown):
        best = sorted(means, key=lambda word: -means[word][label])[:BARS]
        strongest[labels[label]] = [
            Bar(word, float(means[word][label]), f"{means[word][label]:+.2f} nats in the mean of "
                f"{len(falls[word]):,} occurrences")
            for word in best if means[word][label] > 0
        ]  # fmt: skip
    return strongest


def _bins(found: Sequence[Heeded], right: np.ndarray) -> list[Bin]:
    """Texts by confidence, in ten steps; none that is empty."""
    confidence = np.array([each.confidence for each in found])
    rows = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        Bin(float(confidence[rows == row].mean()), float(right[rows == row].mean()),
            int((rows == row).sum()))
        for row in np.unique(rows)
    ]  # fmt: skip
