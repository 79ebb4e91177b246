"""Pictures of errors: who would have known better, and what is closed rightly."""

import altair as alt
import numpy as np

from unrolled.probe.oracles import ORDER
from unrolled.probe.report.charts.drawing import HEIGHT, WIDTH, Row, Seen, colour, data


def peeled(seen: Seen) -> alt.TopLevelMixin | None:
    """Whose errors they are: what each oracle would have known."""
    rows: list[Row] = []
    for run, it in seen.items():
        for number, row in enumerate(it.peeling.oracles if it.peeling else ()):
            assert it.peeling
            share = row.removed / max(1, it.peeling.errors)
            rows.append({"run": run, "oracle": row.oracle, "order": number, "about": row.about,
                         "errors": row.removed, "share": share})  # fmt: skip
    if not rows:
        return None
    order = list(dict.fromkeys(row["oracle"] for row in rows))
    return alt.Chart(data(rows)).mark_bar(stroke="white", strokeWidth=1).encode(
        y=alt.Y("run:N", title=None, sort=None),
        x=alt.X("share:Q", title="share of the errors", axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1])),
        color=colour("oracle:N", "taken by", sort=order),
        order="order:Q",
        tooltip=["run:N", "oracle:N", "about:N", "errors:Q", alt.Tooltip("share:Q", format=".1%")],
    ).properties(width=WIDTH + 160, height=40 * len(seen) + 20)  # fmt: skip


def n_grams(seen: Seen) -> alt.TopLevelMixin | None:
    """Of the errors that n-grams take, how many at each order."""
    rows = [
        {"run": run, "order": number + 1, "errors": row.removed,
         "share": row.removed / max(1, it.peeling.errors)}
        for run, it in seen.items() if it.peeling
        for number, row in enumerate(r for r in it.peeling.rows if r.oracle == "n-gram")
    ]  # fmt: skip
    if not rows:
        return None
    return alt.Chart(data(rows)).mark_bar().encode(
        x=alt.X("order:O", title=f"order of the first n-gram model that knows it (to {ORDER})",
                axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("run:N", sort=[*seen]),
        y=alt.Y("share:Q", title="share of the errors", axis=alt.Axis(format="%")),
        color=colour("run:N", "run", sort=[*seen]),
        tooltip=["run:N", "order:O", "errors:Q", alt.Tooltip("share:Q", format=".1%")],
    ).properties(width=WIDTH, height=HEIGHT)  # fmt: skip


def closings(seen: Seen) -> alt.TopLevelMixin | None:
    """How often what was opened is closed rightly, by how long ago that was."""
    rows = [
        {"run": run, "kind": kind.name, "distance": bin_.first, "to": bin_.last,
         "signs": bin_.count, "right": bin_.accuracy,
         "low": np.clip(bin_.accuracy - 2 * bin_.accuracy_error, 0, 1),
         "high": np.clip(bin_.accuracy + 2 * bin_.accuracy_error, 0, 1),
         "given": bin_.probability}
        for run, it in seen.items() for kind in it.closings for bin_ in kind.bins
    ]  # fmt: skip
    if not rows:
        return None
    chart = alt.Chart().encode(
        x=alt.X("distance:Q", title="characters since it was opened (this many to twice as many)",
                scale=alt.Scale(type="log", base=2)),
        color=colour("run:N", "run", sort=[*seen]),
        tooltip=["run:N", "kind:N", "distance:Q", "to:Q", "signs:Q", "right:Q", "given:Q"],
    )  # fmt: skip
    title = "the closing sign was likeliest (bars: 2 standard errors)"
    share = alt.Y("right:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%"))
    lines = chart.mark_line(point={"filled": True, "size": 50}).encode(
        y=share,
        strokeDash=alt.StrokeDash("kind:N", title="sign"),
        shape=alt.Shape("kind:N", title="sign"),
    )
    bars = chart.mark_rule().encode(y=alt.Y("low:Q", title=title), y2="high:Q")
    layers = alt.layer(bars, lines, data=data(rows))
    return layers.properties(width=WIDTH, height=HEIGHT)
