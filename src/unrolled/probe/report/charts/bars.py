"""Pictures of means and shares: bars by name, and how far a probability is to be believed."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import altair as alt

from unrolled.probe.report.charts.drawing import COLOURS, GREY, Row, data

WIDTH, HEIGHT = 230, 16  # of a panel, and of a bar
SIDE = 260  # of a square chart


class Bar(NamedTuple):
    """A name with its value."""

    name: str
    value: float
    note: str
    """What is said of it to who points at it."""


def bars(
    panels: Mapping[str, Sequence[Bar]], title: str, number: str, *, whole: bool = False
) -> alt.TopLevelMixin:
    """Bars from above to below, panels side by side.

    Args:
        panels: The bars of each, by its title.
        title: What a value is.
        number: How a value is written, as d3 has it.
        whole: Whether values are shares of 1.
    """
    most = 1.0 if whole else max((b.value for each in panels.values() for b in each), default=1.0)
    scale = alt.Scale(domain=[0, most])
    drawn = [_panel(name, each, title, number, scale) for name, each in panels.items()]
    return alt.hconcat(*drawn, spacing=30)


def _panel(
    name: str, each: Sequence[Bar], title: str, number: str, scale: alt.Scale
) -> alt.LayerChart | alt.FacetChart:
    rows: list[Row] = [
        {"name": bar.name, "value": bar.value, "said": f"{bar.name}: {bar.note}"} for bar in each
    ]
    chart = alt.Chart(data(rows)).encode(
        x=alt.X(
            "value:Q",
            title=title,
            scale=scale,
            axis=alt.Axis(format=number, tickCount=5, labelFlush=False),
        ),
        y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=160, ticks=False)),
        description="said:N",
    )
    numbers = chart.mark_text(align="left", dx=4, fontSize=10).encode(
        text=alt.Text("value:Q", format=number)
    )
    layers = alt.layer(chart.mark_bar(color=COLOURS[1]), numbers)
    return layers.properties(width=WIDTH, height=alt.Step(HEIGHT), title=name)


class Bin(NamedTuple):
    """Answers whose confidence was about the same."""

    confidence: float
    """The mean of what was given to what was said."""
    accuracy: float
    answers: int


def reliability(bins: Sequence[Bin]) -> alt.TopLevelMixin:
    """How often answers are right, by how sure they are; on the dashed line as often as said.

    Args:
        bins: From the least sure on; none is empty.
    """
    rows: list[Row] = [
        {**each._asdict(), "said": f"given {each.confidence:.0%} in the mean: {each.accuracy:.1%} "
         f"of {each.answers:,} right"}
        for each in bins
    ]  # fmt: skip
    share = {"scale": alt.Scale(domain=[0, 1]), "axis": alt.Axis(format="%", tickCount=5)}
    edge = alt.Chart(data([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    line = edge.mark_line(color=GREY, strokeDash=[4, 4]).encode(x="x:Q", y="y:Q")
    chart = alt.Chart(data(rows)).encode(
        x=alt.X("confidence:Q", title="probability that it gave", **share),
        y=alt.Y("accuracy:Q", title="share that is right", **share),
        description="said:N",
    )
    points = chart.mark_point(filled=True, opacity=1, color=COLOURS[0]).encode(
        size=alt.Size("answers:Q", title="texts", scale=alt.Scale(range=[30, 300]))
    )
    course = chart.mark_line(color=COLOURS[0])
    return alt.layer(line, course, points).properties(width=SIDE, height=SIDE)
