"""Pictures of gradients: how far back they reach, and what one step does."""

import altair as alt
import numpy as np

from unrolled.probe.gradients import GradientMap
from unrolled.probe.report.charts.drawing import (
    GREY,
    HEIGHT,
    Row,
    Seen,
    by_run,
    colour,
    data,
    fewer,
    layer_of,
)

CELLS = 48  # of a map, each way; of several runs' fewer, so that there are as many in all
FIRST, POINTS = 16, 64  # of a curve: the first lags, and others evenly spread
FAINTEST = 1e-6  # of the strongest, where the scale ends


def lags(seen: Seen) -> alt.TopLevelMixin | None:
    """The mean gradient by lag, through everything and through each state alone."""
    rows: list[Row] = []
    for run, it in seen.items():
        several = {"everything": it.maps, **{f"{s} alone": maps for s, maps in it.paths.items()}}
        for path, maps in several.items():
            for source, found in maps.items():
                layer = layer_of(it, source.module, source.layer)
                shared = {"run": run, "path": path, "state": source.name, "layer": layer}
                rows += [{**shared, **point} for point in _by_lag(found, fewer(POINTS, seen))]
    if not rows:
        return None
    chart = alt.Chart(data(rows)).mark_line().encode(
        x=alt.X("lag:Q", title="lag k"),
        y=alt.Y("norm:Q", title="mean |∂loss(t)/∂state(t-k)|",
                scale=alt.Scale(type="log", clamp=True), axis=alt.Axis(format=".0e")),
        color=colour("path:N", "gradients through", sort=None),
        strokeDash=alt.StrokeDash("state:N", title="state"),
        tooltip=["run:N", "layer:N", "state:N", "path:N", "lag:Q", "norm:Q"],
    ).properties(width=300, height=HEIGHT)  # fmt: skip
    return by_run(chart, seen, column=alt.Column("layer:N", title=None))


def _by_lag(found: GradientMap, points: int) -> list[Row]:
    """The curve of one state, as far as it is to be seen and is a mean of enough steps."""
    curve = found.by_lag[: found.reach]
    evenly = np.linspace(0, len(curve) - 1, points).astype(int)
    lags = np.union1d(np.arange(min(FIRST, len(curve))), evenly)
    floor = FAINTEST * curve.max()
    return [{"lag": lag, "norm": curve[lag]} for lag in lags if curve[lag] > floor]


def gradient_maps(seen: Seen) -> alt.TopLevelMixin | None:
    """The lag by time picture of each state."""
    rows: list[Row] = []
    cells = round(CELLS / len(seen) ** 0.5) or 1
    for run, it in seen.items():
        for source, found in it.maps.items():
            layer = layer_of(it, source.module, source.layer)
            shared = {"run": run, "state": f"{source.name}, {layer}"}
            rows += [{**shared, **cell} for cell in _cells(found.norms, cells)]
    if not rows:
        return None
    chart = alt.Chart(data(rows)).mark_rect().encode(
        x=alt.X("t:Q", title="step t of the loss", bin="binned"), x2="t2:Q",
        y=alt.Y("k:Q", title="lag k", bin="binned"), y2="k2:Q",
        color=alt.Color("norm:Q", title="|∂loss(t)/∂state(t-k)|",
                        scale=alt.Scale(type="log", scheme="viridis", clamp=True),
                        legend=alt.Legend(format=".0e")),
        tooltip=["run:N", "state:N", "t:Q", "k:Q", "norm:Q"],
    ).properties(width=240, height=200)  # fmt: skip
    if len(seen) > 1:
        return by_run(chart, seen, column=alt.Column("state:N", title=None))
    return chart.facet(facet=alt.Facet("state:N", title=None), columns=2)


def _cells(norms: np.ndarray, most: int) -> list[Row]:
    """A map in cells of equal size, each with the mean of what is in it."""
    length = len(norms)
    size = -(-length // most)
    floor = FAINTEST * np.nanmax(norms)
    found: list[Row] = []
    for t in range(0, length, size):
        for k in range(0, t + size, size):
            part = norms[t : t + size, k : k + size]
            if not np.isnan(part).all() and (mean := float(np.nanmean(part))) > floor:
                found.append({"t": t, "t2": t + size, "k": k, "k2": k + size, "norm": mean})
    return found


def jacobians(seen: Seen) -> alt.TopLevelMixin | None:
    """What single steps do to a small change of the states."""
    rows = [
        {"run": run, "layer": layer_of(it, j.module, j.layer), "step": step, "what": what,
         "value": value}
        for run, it in seen.items() for j in it.jacobians
        for what, values in (("largest singular value", j.largest_singular_values),
                             ("spectral radius", j.spectral_radii))
        for step, value in zip(j.steps, values, strict=True)
    ]  # fmt: skip
    if not rows:
        return None
    chart = alt.Chart().encode(
        x=alt.X("step:Q", title="character of the text"),
        y=alt.Y("value:Q", title="of the step's Jacobian", scale=alt.Scale(type="log")),
        color=colour("what:N", None),
        shape=alt.Shape("what:N", legend=None),
        tooltip=["run:N", "layer:N", "step:Q", "what:N", "value:Q"],
    )
    limit = alt.Chart(alt.Data(values=[{"y": 1}]))
    one = limit.mark_rule(color=GREY, strokeDash=[4, 4]).encode(y="y:Q")
    layers = alt.layer(chart.mark_line(point={"filled": True}), one, data=data(rows))
    shown = layers.properties(width=300, height=180)
    return by_run(shown, seen, column=alt.Column("layer:N", title=None))
