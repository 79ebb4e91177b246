"""The page: one HTML file with everything in it, and its pictures as files of their own."""

from collections.abc import Mapping
from functools import cached_property
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

import altair as alt
import vl_convert

from unrolled.probe.examination import Examination
from unrolled.probe.report.charts import PICTURES
from unrolled.probe.report.content import as_json, content
from unrolled.probe.report.passages import passages, picture
from unrolled.probe.report.words import is_good, summary
from unrolled.training.storage.disk_faults import reported
from unrolled.training.storage.durable import replace_file

ASSETS = files("unrolled.probe.report") / "assets"
SCRIPTS = ("state", "elements", "views", "text", "pictures", "page")
"""Of the page, in the order in which they are joined."""
MOST_TEXTS = 8  # in one picture
SHARPNESS = 2  # pixels of a PNG for each of its SVG


class Report:
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

    @cached_property
    def html(self) -> str:
        """The page: it needs no other file and no network."""
        version = ".".join(alt.SCHEMA_VERSION.split(".")[:2])
        vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=version)
        return Template(_asset("page.html")).substitute(
            title=escape(self.title),
            style=_asset("page.css"),
            content=as_json(content(self.seen)),
            vega=vega.replace("</script", "<\\/script"),
            script="\n".join(_asset(f"{name}.js") for name in SCRIPTS),
        )

    def _repr_html_(self) -> str:
        page = escape(self.html)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 90vh; border: 0"></iframe>'

    def save(self, path: Path | str) -> None:
        """Write the page, aside and renamed.

        Args:
            path: The HTML file.

        Raises:
            SaveFailedError: The disk refuses.
        """
        with reported(Path(path)):
            replace_file(Path(path), [self.html.encode()])

    def save_figures(self, folder: Path | str) -> list[Path]:
        """Write every picture as SVG and as PNG.

        Args:
            folder: Made if it is not there.

        Raises:
            SaveFailedError: The disk refuses.
        """
        place = Path(folder)
        with reported(place):
            place.mkdir(parents=True, exist_ok=True)
            return [
                path for name, svg in self._pictures().items() for path in _both(place, name, svg)
            ]

    def _pictures(self) -> dict[str, str]:
        """Every picture as SVG: the charts, and for each run the texts of its best units."""
        drawn = {each.name: each.draw(self.seen) for each in PICTURES}
        found = {
            name: vl_convert.vegalite_to_svg(chart.to_json())
            for name, chart in drawn.items() if chart is not None
        }  # fmt: skip
        for number, it in enumerate(self.seen.values()):
            shown = passages(it)
            good = [passage for passage in shown if is_good(passage.found)]
            if shown:
                name = f"texts-{number + 1}" if len(self.seen) > 1 else "texts"
                found[name] = picture((good or shown)[:MOST_TEXTS])
        return found


def _asset(name: str) -> str:
    return (ASSETS / name).read_text("utf-8")


def _both(folder: Path, name: str, svg: str) -> list[Path]:
    made = {"svg": svg.encode(), "png": vl_convert.svg_to_png(svg, scale=SHARPNESS)}
    for kind, image in made.items():
        replace_file(folder / f"{name}.{kind}", [image])
    return [folder / f"{name}.{kind}" for kind in made]
