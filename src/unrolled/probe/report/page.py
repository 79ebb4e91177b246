"""The page of what networks do with a text: one HTML file with everything in it."""

from collections.abc import Mapping
from html import escape
from string import Template

import altair as alt
import vl_convert

from unrolled.probe.examination import Examination
from unrolled.probe.report.charts import PICTURES
from unrolled.probe.report.charts.drawing import drawable
from unrolled.probe.report.content import as_json, content
from unrolled.probe.report.passages import passages, picture
from unrolled.probe.report.shown import Shown, asset
from unrolled.probe.report.words import is_good, summary

SCRIPTS = ("state", "elements", "views", "text", "pictures", "page")
"""Of the page, in the order in which they are joined."""
MOST_TEXTS = 8  # in one picture


class Report(Shown):
    """What was seen of one or more networks; in a notebook it shows itself.

    Attributes:
        seen: The examinations, by the names of the runs.
        title: At the top of the page.
    """

    def __init__(self, seen: Mapping[str, Examination], title: str) -> None:
        self.seen = seen
        self.title = title

    @property
    def words(self) -> list[str]:
        """What was seen, in sentences, run by run."""
        return [str(sentence) for it in self.seen.values() for sentence in summary(it)]

    def _page(self) -> str:
        version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
        vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
        return Template(asset("page.html")).substitute(
            title=escape(self.title),
            style=asset("page.css"),
            content=as_json(content(self.seen)),
            vega=vega.replace("</script", "<\\/script"),
            script="\n".join(asset(f"{name}.js") for name in SCRIPTS),
        )

    def pictures(self) -> dict[str, str]:
        """The charts, and for each run the texts of its best units."""
        drawn = {each.name: each.draw(self.seen) for each in PICTURES}
        found = {
            name: vl_convert.vegalite_to_svg(drawable(chart.to_dict()))
            for name, chart in drawn.items() if chart is not None
        }  # fmt: skip
        for number, it in enumerate(self.seen.values()):
            shown = passages(it)
            good = [passage for passage in shown if is_good(passage.found)]
            if shown:
                name = f"texts-{number + 1}" if len(self.seen) > 1 else "texts"
                found[name] = picture((good or shown)[:MOST_TEXTS])
        return found
