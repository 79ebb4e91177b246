"""Tracks of program text: what a compiler would say of each character."""

import re
import tokenize
from collections.abc import Iterator
from itertools import accumulate, chain
from typing import Literal, NamedTuple

import numpy as np

from unrolled.errors import NotPythonError
from unrolled.probe.tracks import Track, track

Language = Literal["python", "c", "none"]

MOST_STARTS = 100  # of the tokenizer, in one text
_STARTS_STRING, _ENDS_STRING = ("FSTRING_START", "TSTRING_START"), ("FSTRING_END", "TSTRING_END")
_BETWEEN_STATEMENTS = ("NEWLINE", "NL", "COMMENT", "INDENT", "DEDENT", "ENDMARKER")
SAMPLE = 20_000  # characters by which the start is judged
_CODE = re.compile(
    r"^[ \t]*(?:def \w+\(|class \w+[:(]|import \w+$|from \w+ import |return\b|self\.|if .*:$)", re.M
)
_C = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"?|'(?:\\.|[^'\\\n])*'?|[()]|\bif\b", re.DOTALL
)


_LINE_OF_C = re.compile(r"^.*[;{}]\s*$|^\s*(?:#\s*(?:include|define|if|endif)|/\*| \* )", re.M)
OFTEN, OFTEN_C = 0.1, 0.3  # of a text's lines that hold something, from which on it is a program


def language_of(text: str) -> Language:
    """What a text is written in, as the ends and beginnings of its lines have it.

    Args:
        text: N characters.
    """
    sample = text[: 10 * SAMPLE]
    lines = max(1, sum(bool(line.strip()) for line in sample.split("\n")))
    if len(_LINE_OF_C.findall(sample)) > OFTEN_C * lines:
        return "c"
    return "python" if len(_CODE.findall(sample)) > OFTEN * lines else "none"


def language_tracks(text: str, language: Language) -> list[Track]:
    """What a text does in a language.

    Args:
        text: N characters.
        language: Which; "none" has no tracks of its own.

    Raises:
        NotPythonError: It is to be Python, and is not.
    """
    return {"python": python_tracks, "c": c_tracks, "none": lambda _: []}[language](text)


class Marks:
    """The tracks of a program: strings, comments, conditions."""

    def __init__(self, length: int) -> None:
        self.string, self.comment, self.condition = np.zeros((3, length))

    def tracks(self) -> list[Track]:
        """All of them."""
        return [
            track("inside string", "in a string literal, after its opening quote", self.string),
            track("inside comment", "in a comment", self.comment),
            track("inside if", "in the condition of an if", self.condition),
        ]


def python_tracks(text: str) -> list[Track]:
    """What a text of Python does, as Python's own tokenizer reads it.

    A text may begin and end anywhere: where the tokenizer stumbles, it starts again on the next
    line, and if a long string seems to be open where the text begins, after that.

    Args:
        text: N characters.

    Raises:
        NotPythonError: It stumbles again and again.
    """
    quotes = (text[:SAMPLE].find(quote) for quote in ('"""', "'''"))
    starts = [0, *(at + 3 for at in quotes if at >= 0)]
    best = min(starts, key=lambda start: _swallowed(text[:SAMPLE], start)) if len(starts) > 1 else 0
    return _python_marks(text, best).tracks()


def _swallowed(text: str, start: int) -> int:
    """How many lines of code would lie in strings if these were read from a start on."""
    try:
        string = _python_marks(text, start).string
    except NotPythonError:
        return len(text)
    return sum(bool(string[match.start()]) for match in _CODE.finditer(text))


def _python_marks(text: str, start: int) -> Marks:
    """The marks of a text that begins in a string if it is not read from its first character."""
    marks = Marks(len(text))
    marks.string[: max(start - 1, 0)] = 1
    strings: list[int] = []
    depth, condition, fresh = 0, None, True
    for token in _python_tokens(text, start):
        if token.kind == "STRING":
            marks.string[token.begin + _opening(token.text) - 1 : token.end - 1] = 1
        elif token.kind in _STARTS_STRING:
            strings.append(token.end - 1)
        elif token.kind in _ENDS_STRING and strings:
            marks.string[strings.pop() : token.end - 1] = 1
        elif token.kind == "COMMENT":
            marks.comment[token.begin : token.end] = 1
        elif fresh and token.text in ("if", "elif"):
            condition, depth = token.end - 1, 0
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        ends = token.kind == "NEWLINE" or (token.text == ":" and depth == 0)
        if condition is not None and ends:
            marks.condition[condition : token.begin] = 1
            condition = None
        fresh = token.kind in _BETWEEN_STATEMENTS
    return marks


class _Token(NamedTuple):
    kind: str
    text: str
    begin: int
    end: int


def _python_tokens(text: str, start: int) -> Iterator[_Token]:
    """The tokens of all that can be read from a start on, with their places in the text."""
    lines = [line + "\n" for line in text[start:].split("\n")]
    starts = [*accumulate(map(len, lines), initial=start)]
    row = 0
    for _ in range(MOST_STARTS):
        reading = row
        try:
            for token in tokenize.generate_tokens(chain(lines[row:], [""]).__next__):
                kind = tokenize.tok_name[token.type]
                if kind == "ERRORTOKEN" and token.string[0] in "\"'":
                    raise tokenize.TokenError("a quote that nothing closes")  # as later Pythons do
                begin, end = (starts[row + r - 1] + c for r, c in (token.start, token.end))
                yield _Token(kind, token.string, min(begin, len(text)), min(end, len(text)))
                reading = row + token.end[0]
            return
        except (tokenize.TokenError, SyntaxError) as error:
            if (cut := _cut_string(text, error, starts, row)) is not None:
                yield cut
                return
            row = max(reading, row + 1)
            if row >= len(lines):
                return
    raise NotPythonError(line=row, starts=MOST_STARTS)


def _cut_string(text: str, error: Exception, starts: list[int], row: int) -> _Token | None:
    """The long string that the text's end cuts off, if that is what the tokenizer says."""
    if not re.search("multi-line string|triple-quoted", str(error.args[0])):
        return None
    line, column = error.args[1]  # the column counts from 1 in later Pythons
    quotes = re.compile("\"\"\"|'''").search(text, starts[row + line - 1] + max(column - 1, 0))
    if quotes is None or len(text) - quotes.start() > SAMPLE:
        return None
    return _Token("STRING", quotes[0], quotes.start(), len(text) + 1)


def _opening(literal: str) -> int:
    """The length of a string's prefix and opening quotes."""
    match = re.match(r"[A-Za-z]*(?:\"\"\"|'''|\"|')", literal)
    assert match, literal
    return match.end()


def c_tracks(text: str) -> list[Track]:
    """What a text of C, or of a language with C's strings and comments, does.

    Args:
        text: N characters.
    """
    marks = Marks(len(text))
    opened: list[int | None] = []  # of each parenthesis, where the `if` ends that it belongs to
    condition: int | None = None
    for match in _C.finditer(text):
        found, begin, end = match[0], *match.span()
        if found[0] == "/":
            marks.comment[begin + 1 : end] = 1
        elif found[0] in "\"'":
            closed = len(found) > 1 and found[-1] == found[0]
            marks.string[begin : end - closed] = 1
        elif found == "if":
            condition = end - 1
        elif found == "(":
            opened.append(condition)
            condition = None
        elif opened and (of_if := opened.pop()) is not None:
            marks.condition[of_if:begin] = 1
    return marks.tracks()
