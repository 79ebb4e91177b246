"""Pictures of a run's training, from the lines of its metrics."""

from collections.abc import Mapping
from typing import Any

import altair as alt

from unrolled.probe.examination import Examination
from unrolled.probe.report.charts.drawing import (
    HEIGHT,
    WIDTH,
    Row,
    Seen,
    by_run,
    colour,
    data,
    fewer,
)

POINTS = 400  # of a curve, those of all runs together, at most
HOLDS = {
    "train": {"step", "loss", "gradient_norm", "clipped"},
    "validation": {"step", "loss"},
    "lens": {"step", "layers", "parameters"},
}
"""What a line of each kind has to hold to be drawn; one that others wrote may not."""


def losses(seen: Seen) -> alt.TopLevelMixin | None:
    """The loss on what was learned and on what was held out."""
    names = {"train": "training", "validation": "held out"}
    rows = [
        {"run": run, "part": names[kind], "step": line["step"], "loss": line["loss"]}
        for run, it in seen.items() for kind in names for line in _lines(it, kind, seen)
    ]  # fmt: skip
    if not rows:
        return None
    return alt.Chart(data(rows)).mark_line(clip=True).encode(
        x=alt.X("step:Q", title="step"),
        y=alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False)),
        color=colour("run:N", "run", sort=[*seen]),
        strokeDash=alt.StrokeDash("part:N", title="text"),
        tooltip=["run:N", "part:N", "step:Q", "loss:Q"],
    ).properties(width=WIDTH, height=HEIGHT)  # fmt: skip


def clipping(seen: Seen) -> alt.TopLevelMixin | None:
    """The norm of the whole gradient, and how often it was clipped."""
    rows: list[Row] = []
    for run, it in seen.items():
        before: Mapping[str, Any] = {"step": 0, "clipped": 0}
        for line in _lines(it, "train", seen):
            steps = max(1, line["step"] - before["step"])
            share = (line["clipped"] - before["clipped"]) / steps
            rows.append({"run": run, "step": line["step"], "norm": line["gradient_norm"],
                         "clipped": max(0.0, share)})  # fmt: skip
            before = line
    if not rows:
        return None
    return by_run(
        alt.Chart(data(rows)).mark_point(filled=True, size=24).encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("norm:Q", title="norm of the gradient before clipping",
                    scale=alt.Scale(type="log")),
            color=alt.Color("clipped:Q", title="steps clipped", legend=alt.Legend(format="%"),
                            scale=alt.Scale(scheme="viridis", domain=[0, 1])),
            tooltip=["run:N", "step:Q", "norm:Q", alt.Tooltip("clipped:Q", format=".0%")],
        ).properties(width=WIDTH, height=HEIGHT),
        seen,
    )  # fmt: skip


def horizons(seen: Seen) -> alt.TopLevelMixin | None:
    """How the memory of each layer grew, where training ran with --lens."""
    rows = [
        {"run": run, "step": line["step"], "state": state, "horizon": of_state["horizon"]}
        for run, it in seen.items() for line in _lines(it, "lens", seen)
        for state, of_state in line["layers"].items() if of_state["horizon"] is not None
    ]  # fmt: skip
    if not rows:
        return None
    return by_run(
        alt.Chart(data(rows)).mark_line(point=True).encode(
            x=alt.X("step:Q", title="step"),
            y=alt.Y("horizon:Q", title="memory horizon, in steps back"),
            color=colour("state:N", "state"),
            strokeDash=alt.StrokeDash("state:N", title="state"),
            tooltip=["run:N", "state:N", "step:Q", "horizon:Q"],
        ).properties(width=WIDTH, height=HEIGHT),
        seen,
    )  # fmt: skip


def updates(seen: Seen) -> alt.TopLevelMixin | None:
    """The norm of each parameter, and of its last update as a share of it."""
    kinds = {"norm": "norm of the parameter", "update": "norm of its last update, as a share"}
    rows = [
        {"run": run, "step": line["step"], "parameter": name, "what": kinds[kind], "value": value}
        for run, it in seen.items() for line in _lines(it, "lens", seen)
        for name, of_name in line["parameters"].items()
        for kind, value in of_name.items() if value
    ]  # fmt: skip
    if not rows:
        return None
    chart = alt.Chart(data(rows)).mark_line().encode(
        x=alt.X("step:Q", title="step"),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(type="log")),
        color=colour("parameter:N", "parameter"),
        strokeDash=alt.StrokeDash("parameter:N", title="parameter"),
        tooltip=["run:N", "parameter:N", "what:N", "step:Q", "value:Q"],
    ).properties(width=300, height=HEIGHT)  # fmt: skip
    shown = by_run(chart, seen, column=alt.Column("what:N", title=None))
    return shown.resolve_scale(y="independent")


def _lines(it: Examination, kind: str, seen: Seen) -> list[Mapping[str, Any]]:
    """The lines of a kind, thinned out evenly."""
    history = (line for line in it.subject.history if line.get("kind") == kind)
    lines = [line for line in history if HOLDS[kind] <= line.keys()]
    return lines[:: -(-len(lines) // fewer(POINTS, seen)) or 1]
