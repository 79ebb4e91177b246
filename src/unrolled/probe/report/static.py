"""A page without a script: sentences, coloured texts, tables, charts; light, dark and printed."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from string import Template
from typing import Any

import altair as alt
import vl_convert

from unrolled.probe.report.charts.drawing import drawable
from unrolled.probe.report.shown import Shown, asset
from unrolled.probe.report.texts import Text, picture

FONT = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif'
_INK = "currentColor"  # the page's own, in light and in dark; black in a file
_WORDS = {"labelColor": _INK, "titleColor": _INK}
_LOOKS = {
    "font": FONT,
    "axis": {
        **_WORDS, "domainColor": _INK, "tickColor": _INK, "gridColor": _INK, "gridOpacity": 0.15,
        "labelFontSize": 11, "titleFontSize": 12, "titleFontWeight": "normal",
    },
    "legend": {**_WORDS, "symbolBaseStrokeColor": _INK},
    "header": _WORDS,
    "text": {"color": _INK},
    "title": {"color": _INK, "subtitleColor": _INK, "anchor": "start"},
    "view": {"stroke": None},
}  # fmt: skip
_MARK = re.compile(r'(<path aria-label="([^"]*)"[^>]*)/>')


@dataclass(frozen=True)
class Chart:
    """A chart of Altair's."""

    name: str
    """Of its files."""
    about: str
    """What it shows, for who does not see it, too."""
    drawn: alt.TopLevelMixin

    @property
    def html(self) -> str:
        """The chart as a part of a page; each mark says its numbers to who points at it."""
        svg = _MARK.sub(r"\1><title>\2</title></path>", self.svg(background=None))
        return (
            f'<figure id="{escape(self.name)}" aria-label="{escape(self.about)}" tabindex="0">'
            f"\n{svg}\n</figure>"
        )

    def svg(self, background: str | None = "white") -> str:
        """The chart as SVG.

        Args:
            background: A colour; None: none.
        """
        spec: dict[str, Any] = drawable(self.drawn.to_dict())
        looks = {**spec.get("config", {}), **_LOOKS, "background": background}
        return vl_convert.vegalite_to_svg({**spec, "config": looks})


@dataclass(frozen=True)
class Table:
    """Rows of words."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def html(self) -> str:
        """The table as a part of a page."""
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in self.heads)
        rows = "\n".join(
            f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows
        )
        return (
            f'<div class="wide" tabindex="0"><table class="words">'
            f"<caption>{escape(self.title)}</caption>\n<thead><tr>{heads}</tr></thead>"
            f"\n<tbody>{rows}</tbody></table></div>"
        )


@dataclass(frozen=True)
class Section:
    """A title, what is to be seen below it, and that."""

    title: str
    about: str
    parts: Sequence[Text | Chart | Table]
    legend: Mapping[str, str] | None = None
    """What the two ends of the scale of colours mean, where texts are coloured."""

    @property
    def html(self) -> str:
        """The section as a part of a page."""
        scale = ""
        if self.legend:
            against, in_favour = map(escape, (self.legend["against"], self.legend["for"]))
            scale = f'\n<p class="legend">{against} <span class="scale"></span> {in_favour}</p>'
        parts = "\n".join(part.html for part in self.parts)
        about = f'<p class="about">{escape(self.about)}</p>{scale}'
        return f"<section>\n<h2>{escape(self.title)}</h2>\n{about}\n{parts}\n</section>"

    def pictures(self) -> dict[str, str]:
        """Its charts as SVG, and its texts, if they are coloured, as one more."""
        found = {part.name: part.svg() for part in self.parts if isinstance(part, Chart)}
        if self.legend:
            name = re.sub(r"\W+", "-", self.title.lower())
            found[name] = picture([part for part in self.parts if isinstance(part, Text)])
        return found


class StaticPage(Shown):
    """What was seen of a model that answers sentences; the page needs no script.

    Attributes:
        title: At the top of the page.
        summary: What was seen, in sentences.
        sections: In the order of the page.
    """

    def __init__(self, title: str, summary: Sequence[str], sections: Sequence[Section]) -> None:
        self.title = title
        self.summary = list(summary)
        self.sections = list(sections)

    @property
    def words(self) -> list[str]:
        """What was seen, in sentences."""
        return self.summary

    def _page(self) -> str:
        style = asset("page.css") + asset("static.css")
        return Template(asset("static.html")).substitute(
            title=escape(self.title),
            hash=b64encode(sha256(style.encode()).digest()).decode(),
            style=style,
            summary="\n".join(f"<p>{escape(sentence)}</p>" for sentence in self.summary),
            sections="\n".join(section.html for section in self.sections),
        )

    def pictures(self) -> dict[str, str]:
        """The charts and the coloured texts of all sections."""
        return {name: svg for section in self.sections for name, svg in section.pictures().items()}
