"""What a translator attends to, and where it is good and poor, as a page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from unrolled.data.examples.kinds import Pair
from unrolled.probe.report.charts.squares import attention
from unrolled.probe.report.static import Chart, Section, StaticPage, Table
from unrolled.probe.subject import Progress
from unrolled.tasks.texts.looking import Examined, named, spread
from unrolled.tasks.translate.attended import Attended, attended
from unrolled.tasks.translate.scores import each_chrf

if TYPE_CHECKING:
    from unrolled.tasks.translate.run import TranslateRun

MOST = 1_000  # sentences of examples that are translated
PICTURES = 6  # of them with a picture
SHOWN = 8  # best and worst translations
TOLD = 3  # translations in the summary
SQUARES = (
    "Along the top stands what was read, unit by unit, down the side what was written: the darker "
    "(on a dark page the brighter) a square, the more the unit above it was heeded for the one "
    "beside it. A dot is white space, ∎ an end."
)
OF_HEADS = (
    " Of the Transformer: the mean over the heads of the last block's attention to the source."
)
NONE = (
    "This model reads a sentence to its end and writes from its last state: it attends to nothing."
)


def look(
    run: "TranslateRun", texts: Sequence[str], examined: Examined[Pair] | None, told: Progress
) -> StaticPage:
    """The page of a run.

    Args:
        run: The run.
        texts: Sentences of which no translation is known.
        examined: Examples.
        told: Is told what is being done.
    """
    summary, sections = [], []
    if texts:
        found = attended(run, texts)
        summary += [f"{each.text} -> {each.translation}" for each in found]
        sections.append(_pictures(run, "The sentences given", found, [None] * len(found)))
    if examined:
        told("translating", 0.0)
        chosen = spread(examined.examples, MOST)
        targets = run.coder.as_written([pair.target for pair in chosen])
        some = [Pair(pair.source, target) for pair, target in zip(chosen, targets, strict=True)]
        said = run.translate([pair.source for pair in some])
        summary += _summary(run, examined, some, said)
        sections.append(_extremes(some, said))
        told("attending", 0.9)
        few = spread(some, PICTURES)
        found = attended(run, [pair.source for pair in few])
        wanted = [pair.target for pair in few]
        sections.append(_pictures(run, f"Some of {examined.name}", found, wanted))
    return StaticPage(f"{named(run)}: what is attended to", summary, sections)


def _summary(
    run: "TranslateRun", examined: Examined[Pair], some: Sequence[Pair], said: Sequence[str]
) -> list[str]:
    exact = sum(s == pair.target for s, pair in zip(said, some, strict=True)) / len(some)
    examples = [
        f"{pair.source} -> {s}" + ("" if s == pair.target else f", wanted {pair.target}")
        for s, pair in [*zip(said, some, strict=True)][:TOLD]
    ]
    return [
        f"{named(run)} translated {examined.counted(len(some), 'sentences')}: "
        f"{exact:.1%} letter for letter as wanted.",
        *examples,
    ]


def _extremes(some: Sequence[Pair], said: Sequence[str]) -> Section:
    """The worst translations and the best ones, in words."""
    scores = each_chrf(said, [pair.target for pair in some])
    rows = [
        (score, pair.source, s, pair.target)
        for score, pair, s in zip(scores, some, said, strict=True)
    ]
    worst = sorted((row for row in rows if row[2] != row[3]), key=lambda row: row[0])
    best = sorted(rows, key=lambda row: (-row[0], -len(row[1])))  # long ones are harder
    heads = ["chrF", "read", "wrote", "wanted"]
    tables = [
        Table(title, heads, [(f"{row[0]:.0f}", *row[1:]) for row in each[:SHOWN]])
        for title, each in {"worst": worst, "best, the longest first": best}.items()
        if each
    ]
    about = "By chrF: 0 to 100, F2 of runs of up to 6 characters (Popović 2015)."
    return Section("The worst and the best translations", about, tables)


def _pictures(
    run: "TranslateRun", title: str, found: Sequence[Attended], wanted: Sequence[str | None]
) -> Section:
    if any(each.weights is None for each in found):
        rows = [
            (each.text, each.translation, *([w] if w is not None else []))
            for each, w in zip(found, wanted, strict=True)
        ]
        heads = ["read", "wrote", "wanted"][: len(rows[0])]
        return Section(title, NONE, [Table("", heads, rows)])
    about = SQUARES + (OF_HEADS if run.settings.model == "transformer" else "")
    name = "attention" if any(wanted) else "given"
    charts = [
        _picture(f"{name}-{number}", each, target)
        for number, (each, target) in enumerate(zip(found, wanted, strict=True), start=1)
    ]
    return Section(title, about, charts)


def _picture(name: str, each: Attended, wanted: str | None) -> Chart:
    assert each.weights is not None
    lines = [each.translation, f"of: {each.text}"]
    if wanted is not None:
        lines.append("as wanted" if wanted == each.translation else f"wanted: {wanted}")
    about = f"What was heeded in {each.text!r} to write {each.translation!r}"
    return Chart(name, about, attention(each.source, each.target, each.weights, lines))
