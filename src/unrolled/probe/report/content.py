"""What a page is made of, as JSON: sentences, text, units, tables, charts."""

import json
import zlib
from base64 import b64encode
from typing import Any

import numpy as np

from unrolled.probe.alike import strongest_places
from unrolled.probe.effects import Change, Effect
from unrolled.probe.examination import Examination
from unrolled.probe.linear import Readable
from unrolled.probe.report.charts import PICTURES
from unrolled.probe.report.charts.drawing import Seen
from unrolled.probe.report.passages import passages, scale_of, scaled, track_level
from unrolled.probe.report.words import PLACES, is_good, summary
from unrolled.probe.units import Found, Unit, units_of

Json = dict[str, Any]

VALUES = 3_600_000  # bytes of units' values in a page, before they are packed
LONGEST, SHORTEST = 8_000, 1_500  # characters of the text that can be scrolled
CONTEXTS, AROUND = 5, 45  # places where a unit is highest; characters on either side
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
    length = min(LONGEST, room // max(1, len(units)), len(seen.text))
    start = min(len(seen.text) // 2, len(seen.text) - length)
    part = slice(start, start + length)
    values, scales = _values(seen, units, part)
    return {
        "name": name,
        "facts": dict(seen.subject.facts),
        "summary": [{"lead": lead, "text": text} for lead, text in summary(seen)],
        "start": start,
        "text": seen.text[part],
        "vocabulary": seen.subject.vocabulary,
        "likelihood": _packed(_chances(seen.tape.log_likelihood[part])),
        "likeliest": _packed(seen.tape.likeliest[part].astype(np.uint32)),
        "probabilities": _packed(np.round(seen.tape.probabilities[part] * 255).astype(np.uint8)),
        "best": seen.tape.likeliest.shape[1],
        "units": [
            {"name": str(unit), "middle": middle, "span": span}
            for unit, (middle, span) in zip(units, scales, strict=True)
        ],
        "values": _packed(values),
        "tracks": _tracks(seen, units, part),
        "groups": [
            [units.index(unit) for unit in group if unit in units]
            for group in seen.groups[:GROUPS]
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
    best = [found.unit for found in seen.finding.best]
    strength = np.abs(np.nan_to_num(seen.finding.association.correlation)).max(1, initial=0)
    closest = (seen.finding.units[row] for row in np.argsort(-strength))
    kept = set(list(dict.fromkeys([*best, *closest]))[:most])
    return [unit for unit in units if unit in kept]


def _values(
    seen: Examination, units: list[Unit], part: slice
) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """Of each unit its values in the part as whole numbers from -127 to 127, and their scale."""
    courses = [seen.tape.values[unit.source][unit.index, part] for unit in units]
    scales = [scale_of(course) for course in courses]
    levels = [scaled(*pair) for pair in zip(courses, scales, strict=True)]
    return np.round(np.array(levels) * 127).astype(np.int8), scales


def _tracks(seen: Examination, units: list[Unit], part: slice) -> list[Json]:
    """Every track, with all that was found of it."""
    best = seen.finding.best if seen.finding else []
    rows = {
        found.track: _row(seen, found, readable, effect) | {"unit": units.index(found.unit)}
        for found, readable, effect in zip(best, seen.readable, seen.effects, strict=True)
    }
    return [
        {"name": track.name, "about": track.about, "number": track.is_number,
         "low": float(track.values.min()), "high": float(track.values.max()),
         "values": _packed(track_level(track)[part]), "found": rows.get(track)}
        for track in seen.tracks
    ]  # fmt: skip


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


def _chances(log_likelihood: np.ndarray) -> np.ndarray:
    """Probabilities from 0 to 255; of the first character, which nothing precedes, 255."""
    return np.round(np.exp(np.nan_to_num(log_likelihood)) * 255).astype(np.uint8)


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
