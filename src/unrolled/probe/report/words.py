"""What was seen, in sentences: the first thing that a reader of the report reads."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from unrolled.probe.distances import Bin
from unrolled.probe.effects import Effect
from unrolled.probe.examination import Examination
from unrolled.probe.linear import Readable
from unrolled.probe.tracks import Track
from unrolled.probe.units import Found

ENOUGH = {"AUC": 0.9, "R²": 0.8}
"""From which score on a unit counts as one that follows its track."""
PLACES = {False: {"low": "off", "high": "on"}, True: {"low": "low", "high": "high"}}
"""What low and high mean, of a track that is on or off and of one of numbers."""
SMALL = 0.01  # p below this is not called chance
SIGNS = 20  # that a distance needs to be spoken of
FEW = 20_000  # characters below which it is said that p of what is slow is a little too small
RARE = 100  # characters of the second half: a track that is on, or off, at fewer says so


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
            "Of units and tracks that change slowly, over thousands of characters, p is a little "
            f"too small, the more so in so short a text (fewer than {FEW:,} characters).",
        )


def _units(seen: Examination) -> Iterator[Sentence]:
    if seen.finding is None:
        return
    found = [*zip(seen.finding.best, seen.readable, seen.effects, strict=True)]
    good = [row for row in found if is_good(row[0])]
    poor = [row for row in found if not is_good(row[0])]
    if found:
        tried = f"{len(seen.finding.units):,} x {len(seen.finding.tracks):,} pairs"
        yield Sentence(
            "Tracks that a unit follows",
            f"{len(good)} of {len(found)} (AUC {ENOUGH['AUC']} or R² {ENOUGH['R²']} on the half of "
            f"the text on which nothing was chosen, p < {SMALL} corrected for the {tried} that "
            "were tried).",
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
        f"{found.unit} {follows}, {_score(found, 3)} ({_p(found)}{_besides(found, readable, 3)})."
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
        f"{found.track.name} ({_score(found, 2)}, {_p(found)}, {found.unit}"
        f"{_besides(found, readable, 2)})"
    )


def _score(found: Found, digits: int) -> str:
    if np.isnan(found.score):
        return f"no {found.measure}"  # it never changes there
    return f"{found.measure} {found.score:.{digits}f}"


def _p(found: Found) -> str:
    shown = f"{found.p:.3f}"
    return f"p = {shown}" if float(shown) else "p < 0.001"


def _besides(found: Found, readable: Readable, digits: int) -> str:
    """What all units know, and whether there was little to judge by."""
    known = [] if np.isnan(readable.score) else [f"all units together {readable.score:.{digits}f}"]
    return "".join(f"; {part}" for part in [*known, *_rarely(found.track)])


def _rarely(track: Track) -> Iterator[str]:
    if not track.is_number:
        on = track.values[len(track.values) // 2 :] > 0
        for side, count in (("on", on.sum()), ("off", (~on).sum())):
            if count < RARE:
                yield f"{side} at only {_counted(count)}"


def _counted(count: int) -> str:
    return f"{count:,} {'character' if count == 1 else 'characters'}"


def _gradients(seen: Examination) -> Iterator[Sentence]:
    reach: list[str] = []
    for source, found in seen.maps.items():
        if found.by_lag[0]:
            reach.append(f"{found.horizon or f'more than {found.reach - 1}'} for {source}")
        else:
            where = "at lag 0" if found.by_lag.any() else "at any lag"
            yield Sentence("", f"No loss depends on {source} {where}: it has no memory horizon.")
    if reach:
        about = "characters back the gradient of a loss is below 1 % of what it is at lag 0"
        yield Sentence("Memory horizon", f"{', '.join(reach)}: so many {about}.")


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
                f"{near.accuracy:.0%} right where they opened {_range(near)} before, "
                f"{far.accuracy:.0%} where they opened {_range(far)} before.",
            )


def _range(each: Bin) -> str:
    return f"{'' if each.first == each.last else f'{each.first} to '}{_counted(each.last)}"
