"""Texts whose words are coloured: in a page, and as a picture of their own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from unrolled.probe.report.charts.drawing import drawable
from unrolled.probe.report.passages import ADVANCE, COLUMNS, LINE, SIZE, ground

SHADES = 10  # of each colour
BORDER = 8  # pixels around a picture


class Piece(NamedTuple):
    """A piece of a text: a word, or what stands between words."""

    text: str
    level: float = 0.0
    """From -1, against (blue), to 1, for (orange)."""
    note: str = ""
    """What is shown where one points at it."""
    below: str = ""
    """What stands below it."""


@dataclass(frozen=True)
class Text:
    """A text, with what is said of it above."""

    lead: str
    pieces: Sequence[Piece]

    @property
    def html(self) -> str:
        """The text as a part of a page."""
        pieces = "".join(map(_spelled, self.pieces))
        return f'<h3>{escape(self.lead)}</h3>\n<p class="said">{pieces}</p>'


def _spelled(piece: Piece) -> str:
    text = escape(piece.text)
    if piece.below:
        text = f"<ruby>{text}<rt>{escape(piece.below)}</rt></ruby>"
    shade = min(SHADES, round(abs(piece.level) * SHADES))
    if not (shade or piece.note):
        return text
    side = "for" if piece.level > 0 else "against"
    colour = f'class="{side} shade-{shade}" ' if shade else ""
    return f'<span {colour}title="{escape(piece.note)}">{text}</span>'


def picture(texts: Sequence[Text]) -> str:
    """Texts below each other, as SVG.

    Args:
        texts: In the order in which they are shown.
    """
    blocks: list[str] = []
    y = LINE
    for text in texts:
        blocks.append(f'<text x="{BORDER}" y="{y}" font-weight="bold">{escape(text.lead)}</text>')
        for row in _rows(text.pieces):
            y += LINE
            blocks += _row(row, y)
        y += 2 * LINE
    width = round(COLUMNS * ADVANCE + 2 * BORDER)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y - LINE}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}">'
        '<rect width="100%" height="100%" fill="white"/>'
    )
    return drawable("\n".join([head, *blocks, "</svg>"]))


def _rows(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces line by line, broken between words."""
    row: list[Piece] = []
    used = 0
    for piece in pieces:
        if row and used + len(piece.text) > COLUMNS:
            yield row
            row, used = [], 0
        if piece.text.strip() or (row and piece.text):
            shown = " ".join(piece.text.split()) or " "
            row.append(piece._replace(text=shown[:COLUMNS]))
            used += len(shown)
    if row:
        yield row


def _row(row: Sequence[Piece], y: int) -> Iterator[str]:
    column = 0
    for piece in row:
        x, width = BORDER + column * ADVANCE, len(piece.text) * ADVANCE
        if piece.level:
            yield (
                f'<rect x="{x:.2f}" y="{y - SIZE}" width="{width:.2f}" height="{LINE - 3}" '
                f'fill="{ground(piece.level)}"/>'
            )
        yield (
            f'<text x="{x:.2f}" y="{y}" textLength="{width:.2f}" '
            f'lengthAdjust="spacingAndGlyphs">{escape(piece.text)}</text>'
        )
        column += len(piece.text)
