"""Tracks: what a text does at each of its characters, as a person would say it.

A track has one number for each character: what holds when that character has just been read.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unrolled.data.alphabet import code_points

NEAR = 8  # characters before the end of a line
TAB = 8  # columns, as Python counts them


@dataclass(frozen=True, eq=False)
class Track:
    """What a text does."""

    name: str
    about: str
    values: np.ndarray  # N, float32

    @property
    def is_number(self) -> bool:
        """Whether it has other values than 0 and 1."""
        return not np.isin(self.values, (0, 1)).all()


def text_tracks(text: str, *, quotes: bool = True) -> list[Track]:
    """What any text does.

    Args:
        text: N characters.
        quotes: Whether quotation marks hold speech; in a program they hold strings, which its
            language knows better.
    """
    code = code_points(text)
    ends = code == ord("\n")
    column = _since_latest(ends)
    letter, upper, digit = (_where(text, of) for of in (str.isalpha, str.isupper, str.isdigit))
    ending = _until_next(ends) <= NEAR
    paragraphs = ends & _before(ends)  # after which nothing is open: one stray sign is forgotten
    return [
        *([_inside_quotes(code, paragraphs)] if quotes else []),
        track("position in line", "characters since the line began", column),
        track("line about to end", f"one of the next {NEAR} characters ends the line", ending),
        track("bracket depth", "how many of ( [ { are open", _depth(code, paragraphs)),
        track("indentation", "columns of space before the line", _indentation(code, ends)),
        track("word start", "the first letter of a word", letter & ~_before(letter)),
        track("word end", "the last letter of a word", letter & ~_after(letter)),
        track("digit", "a digit", digit),
        track("capitals", "a capital after a capital", upper & _before(upper)),
    ]


def track(name: str, about: str, values: np.ndarray) -> Track:
    """A track of values of any type."""
    return Track(name, about, values.astype(np.float32))


def _where(text: str, holds: Callable[[str], bool]) -> np.ndarray:
    """At which characters something holds."""
    known = {symbol: holds(symbol) for symbol in set(text)}
    return np.fromiter(map(known.__getitem__, text), dtype=bool, count=len(text))


def _before(marks: np.ndarray) -> np.ndarray:
    """What the character before has: whether it is marked, or its number."""
    return np.concatenate([np.zeros(1, marks.dtype), marks[:-1]])


def _after(marks: np.ndarray) -> np.ndarray:
    """Whether the next character is marked."""
    return np.concatenate([marks[1:], [False]])


def _since_latest(marks: np.ndarray) -> np.ndarray:
    """Characters since the latest mark: 0 on it; from the first character on 1, 2, ... else."""
    places = np.arange(len(marks))
    return places - np.maximum.accumulate(np.where(marks, places, -1))


def _until_next(marks: np.ndarray) -> np.ndarray:
    """Characters until the next mark: from 1 on, on a mark, too; the text's end counts as one."""
    following = np.append(marks, True)[1:]
    return _since_latest(following[::-1])[::-1] + 1


def _since_start(counts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """A running count as it has grown since the latest start."""
    at = np.maximum.accumulate(np.where(starts, np.arange(len(counts)), -1))
    return counts - np.where(at < 0, 0, counts[at])


def _inside_quotes(code: np.ndarray, paragraphs: np.ndarray) -> Track:
    straight = _since_start(np.cumsum(code == ord('"')), paragraphs)
    opened, closed = (_since_start(np.cumsum(code == ord(q)), paragraphs) for q in "“”")
    inside = (straight % 2 == 1) | (opened > closed)
    return track("inside quotes", 'between " and ", or “ and ”', inside)


def _depth(code: np.ndarray, paragraphs: np.ndarray) -> np.ndarray:
    """Open brackets, none of which a closing one too many takes away."""
    opened, closed = (np.isin(code, [*map(ord, brackets)]) for brackets in ("([{", ")]}"))
    total = _since_start(np.cumsum(opened.astype(int) - closed), paragraphs)
    below = np.cumsum(paragraphs) * (len(code) + 1)  # each paragraph's lowest is its own
    lowest = np.minimum.accumulate(np.minimum(total, 0) - below) + below
    return total - lowest


def _indentation(code: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Columns before the first other character of the line, as far as they have been read."""
    tabs = code == ord("\t")
    other = (code != ord(" ")) & ~tabs & ~ends
    spaces = _since_latest(ends | tabs)
    to_tab = np.where(tabs, (_before(spaces) // TAB + 1) * TAB, 0)
    column = _since_start(np.cumsum(to_tab), ends) + spaces
    first = other & (_since_start(np.cumsum(other), ends) == 1)
    places = np.arange(len(code))
    latest = np.maximum.accumulate(np.where(first | ends, places, -1))
    known = np.where(latest >= 0, column[latest] - ~ends[latest], 0)
    leading = (latest < 0) | ends[latest]
    return np.where(leading, column, np.where(ends, 0, known))
