"""Pictures of units: what they follow, what depends on them, how their gates stand."""

from typing import Any

import altair as alt

from unrolled.probe.effects import Held
from unrolled.probe.report.charts.drawing import (
    GREY,
    WIDTH,
    Row,
    Seen,
    by_run,
    colour,
    data,
    layer_of,
)

POINTS = 4_096  # of the gates of several runs


def scores(seen: Seen) -> alt.TopLevelMixin | None:
    """How closely the best unit of each track follows it, beside all units together."""
    rows: list[Row] = []
    for run, it in seen.items():
        for found, readable in zip(it.finding.best if it.finding else [], it.readable, strict=True):
            shared = {"run": run, "track": found.track.name, "measure": found.measure}
            unit, read_off = str(found.unit), {"best unit": found.score}
            read_off["all units, linearly"] = readable.score
            rows += [
                {**shared, "by": by, "score": score, "shown": max(0, score), "unit": unit}
                for by, score in read_off.items()
            ]
    if not rows:
        return None
    chart = alt.Chart().encode(
        y=alt.Y("track:N", title=None, sort=None),
        x=alt.X("shown:Q", title="AUC or R², on text that nothing was chosen on",
                scale=alt.Scale(domain=[0, 1])),
        tooltip=["run:N", "track:N", "by:N", "unit:N", "measure:N", "score:Q"],
    )  # fmt: skip
    points = chart.mark_point(filled=True, size=90).encode(
        color=colour("by:N", "read off"), shape=alt.Shape("by:N", title="read off")
    )
    lines = chart.mark_line(color=GREY, strokeWidth=1).encode(detail="track:N")
    return by_run(alt.layer(lines, points, data=data(rows)).properties(width=WIDTH), seen)


def effects(seen: Seen) -> alt.TopLevelMixin | None:
    """What holding each best unit does to the predictions, with intervals."""
    rows: list[Row] = []
    for run, it in seen.items():
        for effect in it.effects:
            held: Held = effect.strongest
            for where, change in (
                ("where it should matter", held.where_it_matters),
                ("elsewhere", held.elsewhere),
            ):
                row = {"run": run, "track": effect.found.track.name, "where": where}
                row |= {"change": change.mean, "low": change.low, "high": change.high}
                rows.append({**row, "unit": str(effect.found.unit)})
    if not rows:
        return None
    chart = alt.Chart().encode(
        y=alt.Y("track:N", title=None, sort=None),
        yOffset=alt.YOffset("where:N", sort="descending"),
        tooltip=["run:N", "track:N", "unit:N", "where:N", "change:Q", "low:Q", "high:Q"],
    )
    title = "change of the log-likelihood of a character, in nats, and its 95 % interval"
    kinds: dict[str, Any] = {"title": "characters", "sort": "descending"}
    bars = chart.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", title=title), x2="high:Q", color=colour("where:N", **kinds, legend=None)
    )
    points = chart.mark_point(filled=True, size=60).encode(
        x="change:Q", color=colour("where:N", **kinds), shape=alt.Shape("where:N", **kinds)
    )
    layers = alt.layer(bars, points, data=data(rows))
    return by_run(layers.properties(width=WIDTH, height=alt.Step(9)), seen)


def gates(seen: Seen) -> alt.TopLevelMixin | None:
    """How often each unit's gate is shut, and how often wide open."""
    every = _stride(seen)
    rows = [
        {"run": run, "layer": layer_of(it, s.source.module, s.source.layer), "gate": s.source.name,
         "unit": unit, "low": s.low[unit], "high": s.high[unit],
         "limits": f"{s.limits.low:g} and {s.limits.high:g}"}
        for run, it in seen.items()
        for s in it.saturations
        for unit in range(0, len(s.low), every)
    ]  # fmt: skip
    if not rows:
        return None
    share: dict[str, Any] = {"scale": alt.Scale(domain=[0, 1]), "axis": alt.Axis(format="%")}
    points = alt.Chart().mark_point(size=18, opacity=0.7).encode(
        x=alt.X("low:Q", title="time below the low limit", **share),
        y=alt.Y("high:Q", title="time above the high limit", **share),
        color=colour("layer:N", "layer"),
        shape=alt.Shape("layer:N", title="layer"),
        tooltip=["run:N", "layer:N", "gate:N", "unit:Q", "low:Q", "high:Q", "limits:N"],
    )  # fmt: skip
    limit = alt.Chart(alt.Data(values=[{"x": 0, "y": 1}, {"x": 1, "y": 0}]))
    edge = limit.mark_line(color=GREY, strokeDash=[4, 4]).encode(x="x:Q", y="y:Q")
    both = alt.layer(points, edge, data=data(rows)).properties(width=190, height=190)
    return by_run(both, seen, column=alt.Column("gate:N", title=None))


def _stride(seen: Seen) -> int:
    """Of which units a point is drawn: of all if there is one run, or few units."""
    points = sum(len(s.low) for it in seen.values() for s in it.saturations)
    return 1 if len(seen) == 1 else -(-points // POINTS) or 1
