"""What all charts share: data as JSON takes them, colours, sizes.

Colours are Okabe and Ito's (2008), which colour-blind eyes tell apart; where a colour says
something, so does a shape or a dash.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np

from unrolled.probe.examination import Examination

Seen = Mapping[str, Examination]
"""What was seen, by the names of the runs."""
Row = dict[str, Any]

COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999"]
GREY = "#808080"  # to be seen on white and on black
WIDTH, HEIGHT = 440, 240
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def data(rows: Sequence[Row]) -> alt.Data:
    """Rows as the data of a chart."""
    return alt.Data(values=[{k: _plain(v) for k, v in row.items()} for row in rows])


def drawable(part: Any) -> Any:
    """A text, or a chart as JSON, with no character that SVG cannot hold.

    Where vl_convert meets one, it ends the process.
    """
    if isinstance(part, dict):
        return {key: drawable(value) for key, value in part.items()}
    if isinstance(part, list):
        return [drawable(value) for value in part]
    return _NOT_XML.sub("\ufffd", part) if isinstance(part, str) else part


def _plain(value: Any) -> Any:
    """A number as JSON takes it, with four digits; not-a-number as null."""
    if isinstance(value, float | np.floating):
        return float(f"{value:.4g}") if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def colour(field: str, title: str | None, **more: Any) -> alt.Color:
    """A colour for each value of a field."""
    return alt.Color(field, title=title, scale=alt.Scale(range=COLOURS), **more)


def by_run(chart: Any, seen: Seen, **facets: Any) -> alt.TopLevelMixin:
    """A chart once, or once for each run if there are several."""
    if len(seen) > 1:
        facets["row"] = alt.Row("run:N", title=None, sort=[*seen])
    return chart.facet(**facets) if facets else chart


def fewer(count: int, seen: Seen) -> int:
    """How many of so many points each run has, so that a page of several is as large as of one."""
    return -(-count // len(seen))


def layer_of(it: Examination, module: str, layer: int) -> str:
    """What a layer is called: by its number, and by its module where there are several."""
    several = len({source.module for source in it.tape.values}) > 1
    return f"{module}, layer {layer}" if several else f"layer {layer}"
