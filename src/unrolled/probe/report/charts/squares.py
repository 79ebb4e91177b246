"""Pictures made of squares: what was attended to, and what was taken for what."""

import json
from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np

from unrolled.probe.report.charts.drawing import Row, data, drawable

ERRORS = "#D55E00"
FULL = 0.75  # of that colour, behind the darkest number
SMALL = 1 / 256  # a weight below this is not drawn: no shade of grey shows it
WIDE, NARROW, MANY = 19, 13, 48  # pixels of a square, of few units and of many
UPRIGHT = 2  # characters of a label that need not be turned


def attention(
    source: Sequence[str], written: Sequence[str], weights: np.ndarray, title: Sequence[str]
) -> alt.TopLevelMixin:
    """Where a writer looked: the darker a square, the more it heeded what stands above it.

    Args:
        source: What was read, unit by unit, along the top.
        written: What was written, down the side.
        weights: How much each unit heeded each (T x S); a row sums to 1.
        title: What was written, and lines below it.
    """
    rows: list[Row] = [
        {"source": s, "written": t, "weight": weights[t, s],
         "said": f"{written[t]} heeds {source[s]}: {weights[t, s]:.1%}"}
        for t, s in zip(*np.nonzero(weights >= SMALL), strict=True)
    ]  # fmt: skip
    size = WIDE if max(len(source), len(written)) <= MANY else NARROW
    return alt.Chart(data(rows)).mark_rect(fill="currentColor").encode(
        x=alt.X("source:O", **_units(source, "top")),
        y=alt.Y("written:O", **_units(written, "left")),
        fillOpacity=alt.FillOpacity(
            "weight:Q", scale=alt.Scale(domain=[0, 1], range=[0, 1]), legend=None
        ),
        description="said:N",
    ).properties(
        title=alt.TitleParams(title[0], subtitle=[*title[1:]], offset=12),
        width=alt.Step(size), height=alt.Step(size),
        view=alt.ViewBackground(stroke="currentColor", strokeOpacity=0.15),
    )  # fmt: skip


def _units(units: Sequence[str], side: Literal["top", "left"]) -> dict[str, Any]:
    """One side of the picture: each unit in its place, though it come several times."""
    turned = side == "top" and max(map(len, units)) > UPRIGHT
    axis = alt.Axis(
        orient=side, ticks=False, domain=False, labelOverlap=False, labelLimit=160, labelPadding=6,
        labelExpr=f"{json.dumps(drawable([*units]), ensure_ascii=False)}[datum.value]",
        labelAngle=-60 if turned else 0, labelAlign="left" if turned else alt.Undefined,
        grid=True, bandPosition=0,
    )  # fmt: skip
    return {"axis": axis, "title": None, "scale": alt.Scale(domain=[*range(len(units))])}


def confusion(names: Sequence[str], counts: np.ndarray) -> alt.TopLevelMixin:
    """What was taken for what, as shares of each row; what is right is but outlined.

    Args:
        names: Of rows (what is so) and columns (what was said).
        counts: How often (N x N).
    """
    totals = counts.sum(1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    wrong = shares * (1 - np.eye(len(names)))
    rows: list[Row] = [
        {"so": names[so], "as": names[said], "share": wrong[so, said], "right": bool(so == said),
         "percent": _percent(shares[so, said]), "said": f"{names[so]} as {names[said]}: "
         f"{counts[so, said]:,} of {totals[so, 0]:,} ({shares[so, said]:.1%})"}
        for so, said in zip(*np.nonzero(counts), strict=True)
    ]  # fmt: skip
    shown = alt.Chart(data(rows)).encode(
        x=alt.X("as:N", sort=None, title="said", scale=alt.Scale(domain=[*names]),
                axis=alt.Axis(orient="top", labelAngle=-60, labelAlign="left", labelPadding=9,
                              domain=False, ticks=False)),
        y=alt.Y("so:N", sort=None, title="is", scale=alt.Scale(domain=[*names]),
                axis=alt.Axis(domain=False, ticks=False)),
        description="said:N",
    )  # fmt: skip
    right = alt.datum.right
    most = max(float(wrong.max()), 0.01)
    squares = shown.mark_rect(stroke="currentColor").encode(
        fill=alt.value(ERRORS),
        fillOpacity=alt.FillOpacity(
            "share:Q", legend=None, scale=alt.Scale(type="sqrt", domain=[0, most], range=[0, FULL])
        ),
        strokeOpacity=alt.condition(right, alt.value(0.35), alt.value(0)),
    )
    numbers = shown.mark_text(fontSize=9, color="currentColor").encode(
        text="percent:N", opacity=alt.condition(right, alt.value(0.75), alt.value(1))
    )
    return alt.layer(squares, numbers).properties(width=alt.Step(24), height=alt.Step(20))


def _percent(share: float) -> str:
    """A share as it stands in its square; nothing if it is less than half a percent."""
    return f"{100 * share:.0f}" if share >= 0.005 else ""
