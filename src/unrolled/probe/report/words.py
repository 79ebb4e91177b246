"""What was seen, in sentences: the first thing that a reader of the report reads."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from unrolled.probe.distances import Bin
from unrolled.probe.effects import Effect
from unrolled.probe.examination import Examination
from unrolled.probe.linear import Readable
from unrolled.probe.units import Found

ENOUGH = {"AUC": 0.9, "R²": 0.8}
"""From which score on a unit counts as one that follows its track."""
PLACES = {False: {"low": "off", "high": "on"}, True: {"low": "low", "high": "high"}}
"""What low and high mean, of a track that is on or off and of one of numbers."""
SMALL = 0.01  # p below this is not called chance
SIGNS = 20  # that a distance needs to be spoken of
FEW = 20_000  # characters below which p-values of slow units are a little too small


class Sentence(NamedTuple):
    """Something to say, and what it is about; empty if it says so itself."""

    lead: str
    text: str

    def __str__(self) -> str:
        return f"{self.lead}: {self.text}" if self.lead else self.text


def summary(seen: Examination) -> list[Sentence]:
    """The sentences, the most important ones first."""
    notes = (Sentence("", note) for note in seen.notes)
    return [*_reading(seen), *_units(seen), *_gradients(seen), *_errors(seen), *notes]


def _reading(seen: Examination) -> Iterator[Sentence]:
    facts = ", ".join(f"{name} {value}" for name, value in seen.subject.facts.items())
    yield Sentence(
        "",
        f"{seen.subject.name}{f' ({facts})' if facts else ''} read {len(seen.text):,} characters, "
        f"at {seen.bits_per_character:.3f} bits each.",
    )
    if seen.finding and len(seen.text) < FEW:
        yield Sentence(
            "",
            f"The text is short: with fewer than {FEW:,} characters chance may look like more in "
            "units that remember long.",
        )


def _units(seen: Examination) -> Iterator[Sentence]:
    if seen.finding is None:
        return
    found = [*zip(seen.finding.best, seen.readable, seen.effects, strict=True)]
    good = [row for row in found if is_good(row[0])]
    poor = [row for row in found if not is_good(row[0])]
    if found:
        pairs = len(seen.finding.units) * len(seen.finding.tracks)
        yield Sentence(
            "",
            f"{len(good)} of {len(found)} tracks are followed by a unit (AUC 0.9 or R² 0.8 on "
            f"the half of the text on which nothing was chosen, p < {SMALL} corrected for the "
            f"{pairs:,} pairs that were tried).",
        )
    for row in sorted(good, key=lambda row: row[0].score, reverse=True):
        yield Sentence(row[0].track.name, _of_unit(*row))
    if poor:
        shortly = "; ".join(_shortly(found, readable) for found, readable, _ in poor)
        yield Sentence("No single unit is enough for these", f"{shortly}.")
    if seen.finding.silent:
        names = ", ".join(track.name for track in seen.finding.silent)
        text = "in a half of the text they never change, so there is no figure."
        yield Sentence(f"Of {names} nothing can be said", text)


def is_good(found: Found) -> bool:
    """Whether a unit follows its track closely, and not by chance."""
    return found.score >= ENOUGH[found.measure] and found.p < SMALL


def _of_unit(found: Found, readable: Readable, effect: Effect) -> str:
    held = effect.strongest
    change, other, more = held.where_it_matters, held.elsewhere, held.difference
    follows = "follows it" if found.rises else "runs against it"
    text = (
        f"{found.unit} {follows}, {found.measure} {found.score:.3f} (p = {found.p:.3f}; all units "
        f"together {readable.score:.3f})."
    )
    if np.isnan(more.mean):
        return f"{text} What hangs on it was not to be seen: the track does not change there."
    places = PLACES[found.track.is_number]
    this, that = places[held.like], places["high" if held.like == "low" else "low"]
    figures = (
        f"by {change.mean:+.3f} nats where the track is {that}, {other.mean:+.3f} where it is "
        f"{this}: a difference of {more.mean:+.3f} [{more.low:+.3f}, {more.high:+.3f}]"
    )
    verdict = "" if more.is_certain and more.mean < 0 else ", which shows nothing"
    return (
        f"{text} Held at {held.level:+.2f}, its mean where the track is {this}, it changes the "
        f"log-likelihood of a character {figures}{verdict}."
    )


def _shortly(found: Found, readable: Readable) -> str:
    return (
        f"{found.track.name} ({found.measure} {found.score:.2f}, p = {found.p:.3f}, {found.unit}; "
        f"all units together {readable.score:.2f})"
    )


def _gradients(seen: Examination) -> Iterator[Sentence]:
    reach = ", ".join(
        f"{found.horizon or f'more than {found.reach - 1}'} for {source}"
        for source, found in seen.maps.items()
    )
    about = "characters back the gradient of a loss is below 1 % of what it is at lag 0"
    yield Sentence("Memory horizon", f"{reach}: so many {about}.")


def _errors(seen: Examination) -> Iterator[Sentence]:
    if seen.peeling and seen.peeling.errors:
        shares = ", ".join(
            f"{row.oracle} {row.removed / seen.peeling.errors:.0%}" for row in seen.peeling.oracles
        )
        yield Sentence(
            "Errors",
            f"to {seen.peeling.errors / len(seen.text):.0%} of the characters it gave less than a "
            f"half. Who would have known better, one after another: {shares}.",
        )
    for kind in seen.closings:
        bins = [each for each in kind.bins if each.count >= SIGNS]
        if len(bins) > 1:
            near, far = bins[0], bins[-1]
            yield Sentence(
                f"Closing {kind.name}",
                f"{near.accuracy:.0%} right where they opened {_range(near)} characters before, "
                f"{far.accuracy:.0%} where {_range(far)}.",
            )


def _range(each: Bin) -> str:
    return f"{each.first}" if each.first == each.last else f"{each.first} to {each.last}"
