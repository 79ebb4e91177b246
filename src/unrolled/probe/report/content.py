"""What a page is made of, as JSON: sentences, text, units, tables, charts."""

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import numpy as np

from unrolled.probe.alike import strongest_places
from unrolled.probe.effects import Change, Effect
from unrolled.probe.examination import Examination
from unrolled.probe.linear import Readable
from unrolled.probe.report.charts import PICTURES
from unrolled.probe.report.charts.drawing import Seen
from unrolled.probe.report.passages import passages, scale_of, underlined_above
from unrolled.probe.report.words import PLACES, is_good, summary
from unrolled.probe.tracks import Track
from unrolled.probe.units import Found, Unit, units_of

Json = dict[str, Any]

VALUES = 3_600_000  # bytes of units' values in a page, of all runs, before they are packed
LONGEST, SHORTEST = 8_000, 1_500  # characters of the text that can be scrolled
CONTEXTS, AROUND = 5, 45  # places where a unit is highest; characters on either side
STEPS = 255  # between a unit's lowest value and its highest
GROUPS = 12


def content(seen: Seen) -> Json:
    """All that a page shows.

    Args:
        seen: What was seen, by the names of the runs.
    """
    return {
        "runs": [_run(name, it, VALUES // len(seen)) for name, it in seen.items()],
        "pictures": [*_pictures(seen)],
    }


def _pictures(seen: Seen) -> list[Json]:
    drawn = ((picture, picture.draw(seen)) for picture in PICTURES)
    return [
        {"view": picture.view, "name": picture.name, "title": picture.title,
         "about": picture.about, "spec": chart.to_dict()}
        for picture, chart in drawn if chart is not None
    ]  # fmt: skip


def _run(name: str, seen: Examination, room: int) -> Json:
    units = _shown(seen, room // SHORTEST)
    rows = {unit: row for row, unit in enumerate(units)}
    length = min(LONGEST, room // max(1, len(units)), len(seen.text))
    start = min(len(seen.text) // 2, len(seen.text) - length)
    part = slice(start, start + length)
    scales, values = _courses(seen, units, part)
    return {
        "name": name,
        "summary": [{"lead": lead, "text": text} for lead, text in summary(seen)],
        "start": start,
        "text": seen.text[part],
        "vocabulary": seen.subject.symbols,
        "likelihood": _packed(_chances(np.exp(np.nan_to_num(seen.tape.log_likelihood[part])))),
        "likeliest": _packed(seen.tape.likeliest[part].astype(np.uint32)),
        "probabilities": _packed(_chances(seen.tape.probabilities[part])),
        "best": seen.tape.likeliest.shape[1],
        "units": [
            {"name": str(unit)} | scale for unit, scale in zip(units, scales, strict=True)
        ],
        "values": _packed(values),
        "missing": _missing(seen, len(units)),
        "tracks": _tracks(seen, rows, part),
        "groups": [
            [rows[unit] for unit in group if unit in rows] for group in seen.groups[:GROUPS]
        ],
        "passages": [
            {"track": p.found.track.name, "text": p.text, "on": _packed(p.on.astype(np.uint8)),
             "level": _packed(np.round(p.level * 127).astype(np.int8))}
            for p in passages(seen)
        ],
    }  # fmt: skip


def _shown(seen: Examination, most: int) -> list[Unit]:
    """The units that can be switched on: all, or those that follow some track most closely."""
    units = units_of(seen.tape)
    if len(units) <= most or seen.finding is None:
        return units[:most]
    best = dict.fromkeys(found.unit for found in seen.finding.best)
    strength = np.abs(np.nan_to_num(seen.finding.association.correlation)).max(1, initial=0)
    closest = (seen.finding.units[row] for row in np.argsort(-strength, kind="stable"))
    kept = set([*dict.fromkeys([*best, *closest])][: max(most, len(best))])
    return [unit for unit in units if unit in kept]


def _missing(seen: Examination, shown: int) -> str:
    """Which units can be switched on, where that is not all."""
    count = len(units_of(seen.tape))
    if shown == count:
        return ""
    followed = seen.finding is not None and seen.finding.best
    which = "those that follow some track most closely" if followed else "the first"
    return f"{shown:,} of {count:,} units: {which}."


def _courses(seen: Examination, units: list[Unit], part: slice) -> tuple[list[Json], np.ndarray]:
    """Of each unit its scale, and its values in the part in 255 steps from the lowest of them."""
    scales: list[Json] = []
    levels = np.empty((len(units), len(seen.text[part])), dtype=np.uint8)
    for level, unit in zip(levels, units, strict=True):
        course = seen.tape.values[unit.source][unit.index]
        low, (middle, span) = float(course[part].min()), scale_of(course)
        step = float(np.ptp(course[part])) / STEPS
        level[:] = np.round((course[part] - low) / (step or 1))
        scale = {"low": low, "step": step, "middle": middle, "span": span}
        scales.append({key: _rounded(number) for key, number in scale.items()})
    return scales, levels


def _rounded(number: float) -> float:
    """As exact as the values are, and not longer."""
    return float(f"{number:.8g}")


def _tracks(seen: Examination, rows: Mapping[Unit, int], part: slice) -> list[Json]:
    """Every track, with all that was found of it."""
    best = seen.finding.best if seen.finding else []
    found = {
        each.track: _row(seen, each, readable, effect) | {"unit": rows[each.unit]}
        for each, readable, effect in zip(best, seen.readable, seen.effects, strict=True)
    }
    return [
        {"name": track.name, "about": track.about, "number": track.is_number,
         "places": _places(track), "above": underlined_above(track),
         "values": _packed(track.values[part]), "found": found.get(track)}
        for track in seen.tracks
    ]  # fmt: skip


def _places(track: Track) -> int | None:
    """At how many characters of the half that is judged it is on; None of a track of numbers."""
    half = len(track.values) // 2
    return None if track.is_number else int(np.count_nonzero(track.values[half:]))


def _row(seen: Examination, found: Found, readable: Readable, effect: Effect) -> Json:
    course = seen.tape.values[found.unit.source][found.unit.index]
    places = strongest_places(course if found.rises else -course, CONTEXTS)
    held = effect.strongest
    return {
        "measure": found.measure, "score": found.score, "p": found.p, "rises": found.rises,
        "threshold": found.threshold, "all": readable.score, "good": is_good(found),
        "held": held.level, "like": PLACES[found.track.is_number][held.like],
        "matters": _change(held.where_it_matters), "elsewhere": _change(held.elsewhere),
        "difference": _change(held.difference),
        "contexts": [
            {"before": seen.text[max(0, at - AROUND) : at], "at": seen.text[at],
             "after": seen.text[at + 1 : at + 1 + AROUND], "value": float(course[at])}
            for at in places
        ],
    }  # fmt: skip


def _change(change: Change) -> Json:
    return {"mean": change.mean, "low": change.low, "high": change.high}


def _chances(probabilities: np.ndarray) -> np.ndarray:
    return np.round(probabilities * 65_535).astype(np.uint16)


def _packed(numbers: np.ndarray) -> str:
    return b64encode(zlib.compress(numbers.tobytes(), 9)).decode()


def as_json(made: Json) -> str:
    """As text that can stand in a page: not-a-number is null, and no tag can end the script."""
    return json.dumps(_without_nan(made), allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
