"""JSON as a run writes it: any reader's JSON parser takes it, and floats come back bit for bit.

JSON has no NaN and no infinities, and a diverged run is full of them. They are written as the
strings "NaN", "Infinity" and "-Infinity" (which Python's `float` and JavaScript's `Number` both
understand) and come back as floats; so a text that is one of those three words comes back as a
float too.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from unrolled.errors import NotJsonError, RecordTooLongError

JSON_LIMIT = 64 << 20  # bytes; no record of a run comes near it
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def write_json(value: Mapping[str, Any], *, place: str, indent: int | None = 2) -> bytes:
    """Write a dict as JSON, in a form that depends on nothing but its content.

    Args:
        value: The dict.
        place: What it is, for the messages.
        indent: Spaces a level, or None for a single line.

    Returns:
        ASCII text with a line feed at its end.

    Raises:
        NotJsonError: A value in it is none that JSON can hold.
        RecordTooLongError: The text is longer than a reader would accept.
    """
    plain = _to_plain(value, place)
    text = (json.dumps(plain, indent=indent, allow_nan=False) + "\n").encode("ascii")
    if len(text) > JSON_LIMIT:
        raise RecordTooLongError(place=place, size=len(text), limit=JSON_LIMIT)
    return text


def read_json(text: bytes) -> dict[str, Any]:
    """Read a dict from JSON.

    Args:
        text: Bytes from anywhere.

    Returns:
        The dict, with NaN and infinities as floats.

    Raises:
        ValueError: The text is not JSON, or is something other than a dict.
    """
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=_refuse)
        if isinstance(value, dict):
            return _from_plain(value)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    raise ValueError(f"it holds a {type(value).__name__} instead of an object")


def _to_plain(value: Any, place: str) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else _word(value)
        case list() | tuple():
            return [_to_plain(item, f"{place}[{at}]") for at, item in enumerate(value)]
        case Mapping():
            return {
                _key(key, place): _to_plain(item, f"{place}[{key!r}]")
                for key, item in value.items()
            }
        case _:
            raise NotJsonError(place=place, kind=type(value).__name__)


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _key(key: Any, place: str) -> str:
    if not isinstance(key, str):
        raise NotJsonError(place=f"the key {key!r} of {place}", kind=type(key).__name__)
    return key


def _from_plain(value: Any) -> Any:
    match value:
        case str():
            return _WORDS.get(value, value)
        case list():
            return [_from_plain(item) for item in value]
        case dict():
            return {key: _from_plain(item) for key, item in value.items()}
        case _:
            return value


def _refuse(word: str) -> None:
    raise ValueError(f"it holds a bare {word}, which is not JSON")
