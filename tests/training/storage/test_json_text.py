"""JSON that any parser reads, and that comes back bit for bit."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.errors import RecordTooLongError
from unrolled.training.storage import json_text
from unrolled.training.storage.json_text import read_json, write_json

WORDS = {"NaN", "Infinity", "-Infinity"}
TEXTS = st.text(st.characters(codec=None), max_size=8).filter(lambda text: text not in WORDS)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
TREES = st.recursive(
    LEAVES, lambda t: st.lists(t, max_size=3) | st.dictionaries(TEXTS, t, max_size=3)
)


@given(st.dictionaries(TEXTS, TREES, max_size=4))
def test_everything_comes_back_and_every_parser_could_read_it(value: dict):
    text = write_json(value, place="test")
    assert read_json(text) == value
    assert text.isascii()
    json.loads(text, parse_constant=pytest.fail)


def test_nan_and_infinities_are_words_and_come_back_as_floats():
    text = write_json({"a": [math.nan, math.inf, -math.inf]}, place="test", indent=None)
    assert text == b'{"a": ["NaN", "Infinity", "-Infinity"]}\n'
    first, *others = read_json(text)["a"]
    assert math.isnan(first)
    assert others == [math.inf, -math.inf]


def test_a_record_that_could_not_be_read_back_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_text, "JSON_LIMIT", 10)
    with pytest.raises(
        RecordTooLongError, match="progress takes 15 bytes as JSON, and at most 10 are"
    ):
        write_json({"a": "12345"}, place="progress", indent=None)
