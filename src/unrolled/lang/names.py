"""What may be called what: one rule for equations that are read and for graphs that are loaded."""

import re
from collections.abc import Container, Iterable
from difflib import get_close_matches
from itertools import islice
from keyword import iskeyword

from unrolled.lang.words import WORDS

LONGEST_WRITTEN = 40  # what an author may write; wrappers put a prefix before it
LONGEST_STORED = 64
LONGEST_SHOWN = 60
MOST_GUESSES = 1000
MOST_NODES = 100_000
MOST_PARTS = 4096  # of one split
MOST_STATES = 100
FAMILIES = {"W": "matrix", "b": "vector", "p": "vector"}
RESERVED = frozenset({*WORDS, *FAMILIES, "split", "range"})

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_PARAMETER = re.compile(r"[Wbp]\.[A-Za-z][A-Za-z0-9_]{0,63}(\[-?\d{1,6}\])?", re.ASCII)


def is_name(text: object, longest: int = LONGEST_STORED) -> bool:
    """Whether a value, a state or a cell may be called so."""
    if not isinstance(text, str) or len(text) > longest or iskeyword(text):
        return False
    return _NAME.fullmatch(text) is not None


def is_parameter(text: object) -> bool:
    """Whether a matrix or a vector may be called so: `W.xi`, `b.R[2]`."""
    return isinstance(text, str) and _PARAMETER.fullmatch(text) is not None


def printable(text: str) -> str:
    """The text with a space for each control character, which could drive a terminal."""
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)


def shown(name: str) -> str:
    """A name as a message quotes it: in ASCII, and not at any length."""
    return ascii(name) if len(name) <= LONGEST_SHOWN else f"{ascii(name[:LONGEST_SHOWN])}..."


def hint(name: str, known: Iterable[str], otherwise: str) -> str:
    """What to say of a name that nobody knows: the nearest known one, or something else."""
    guess = get_close_matches(name[:LONGEST_SHOWN], list(islice(known, MOST_GUESSES)), n=1)
    return f"did you mean {guess[0]}?" if guess else otherwise


def unused(name: str, taken: Container[str], number: int = 2) -> str:
    """The name, or if that is taken, with a number after it."""
    while name in taken:
        name = f"{name}_{number}"
    return name
