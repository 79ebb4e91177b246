"""Text coloured by a unit: which piece of it to show, and the piece as a picture of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from unrolled.probe.examination import Examination
from unrolled.probe.tracks import Track
from unrolled.probe.units import Found

LENGTH, ROWS = 420, 8  # of a passage, at most: characters and lines
TRIED = 400  # places where it might begin
LOW, HIGH = (0, 114, 178), (230, 140, 0)
"""Blue where a unit is low, orange where it is high: told apart by colour-blind eyes, too."""
FULL = 0.65  # of the colour, behind the letters
COLUMNS, ADVANCE, LINE, SIZE = 100, 7.25, 19, 12  # of a picture: characters, and pixels each


def scale_of(course: np.ndarray) -> tuple[float, float]:
    """The value that is drawn white, the unit's median, and how far from it colours are full.

    Both as they are in the half of the text that is judged.

    Args:
        course: The unit's values, all of them.
    """
    low, middle, high = np.quantile(course[len(course) // 2 :], (0.01, 0.5, 0.99))
    return float(middle), float(max(high - middle, middle - low, 1e-6))


def scaled(course: np.ndarray, scale: tuple[float, float]) -> np.ndarray:
    """Values from -1 for far below the median to 1 for far above."""
    middle, span = scale
    return np.clip((course - middle) / span, -1, 1)


@dataclass(frozen=True, eq=False)
class Passage:
    """A piece of text, coloured by the unit that follows a track."""

    found: Found
    start: int
    text: str
    level: np.ndarray
    """Of each character, from -1 to 1."""
    on: np.ndarray
    """Whether the track is on there, or above its mean."""


def passages(seen: Examination) -> list[Passage]:
    """One for each track that has a unit, in a place where the track changes."""
    best = seen.finding.best if seen.finding else []
    return [_passage(seen, found) for found in best]


def _passage(seen: Examination, found: Found) -> Passage:
    half, values = len(seen.text) // 2, found.track.values
    pieces = [_piece(seen.text, start) for start in _starts(values, half)]
    part = max(pieces, key=lambda piece: values[piece].std())
    course = seen.tape.values[found.unit.source][found.unit.index]
    level = scaled(course[part], scale_of(course))
    on = values[part] > underlined_above(found.track)
    return Passage(found, part.start, seen.text[part], level, on)


def underlined_above(track: Track) -> float:
    """What a track has to exceed to be underlined: its mean, if it is one of numbers."""
    return float(track.values.mean()) if track.is_number else 0.0


def _starts(values: np.ndarray, half: int) -> np.ndarray:
    """Places of the second half to try: evenly spread, and before the track changes."""
    last = max(half, len(values) - LENGTH)
    evenly = np.linspace(half, last, TRIED).astype(int)
    changes = half + np.flatnonzero(np.diff(values[half:]))
    some = changes[np.linspace(0, len(changes) - 1, TRIED).astype(int)] if len(changes) else changes
    return np.unique(np.clip([*evenly, *(some - LENGTH // 3)], half, last))


def _piece(text: str, start: int) -> slice:
    """Some whole lines from a place on, if they are not too long."""
    start += text[start : start + COLUMNS].find("\n") + 1
    piece = "".join(text[start : start + LENGTH].splitlines(keepends=True)[:ROWS])
    whole = piece.rfind("\n") + 1
    return slice(start, start + (whole if whole > len(piece) // 2 else len(piece)))


def ground(level: float) -> str:
    """The colour behind a character, on white."""
    hue = HIGH if level > 0 else LOW
    return "#" + "".join(f"{round(255 + (part - 255) * abs(level) * FULL):02x}" for part in hue)


def picture(shown: Sequence[Passage]) -> str:
    """Passages below each other, as SVG: the colour is the unit, a line below marks the track."""
    blocks: list[str] = []
    y = LINE
    for passage in shown:
        found = passage.found
        title = f"{found.track.name}: {found.unit}, {found.measure} {found.score:.2f}"
        blocks.append(f'<text x="8" y="{y}" font-weight="bold">{escape(title)}</text>')
        y += 6
        for row in _rows(passage.text):
            blocks += _row(passage, row, y)
            y += LINE
        y += 2 * LINE
    width = round(COLUMNS * ADVANCE + 16)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y - LINE}" '
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{SIZE}">'
        '<rect width="100%" height="100%" fill="white"/>'
    )
    return "\n".join([head, *blocks, "</svg>"])


def _rows(text: str) -> Iterator[slice]:
    """The lines of a text, long ones cut."""
    start = 0
    for line in text.splitlines(keepends=True):
        for at in range(0, len(line), COLUMNS):
            yield slice(start + at, start + min(at + COLUMNS, len(line)))
        start += len(line)


def _row(passage: Passage, row: slice, y: int) -> Iterator[str]:
    for column, at in enumerate(range(*row.indices(len(passage.text)))):
        x = 8 + column * ADVANCE
        fill = ground(float(passage.level[at]))
        yield f'<rect x="{x:.2f}" y="{y}" width="{ADVANCE}" height="{LINE - 3}" fill="{fill}"/>'
        if passage.on[at]:
            yield f'<rect x="{x:.2f}" y="{y + LINE - 2.5}" width="{ADVANCE}" height="1.5"/>'
        symbol = passage.text[at]
        if symbol.isprintable() and not symbol.isspace():
            yield f'<text x="{x:.2f}" y="{y + SIZE}">{escape(symbol)}</text>'
