"""The tables of the language have the same keys, and every word and error is where it belongs."""

import inspect
import re
import string
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import unrolled
from unrolled import errors
from unrolled.compiler.c_words import C
from unrolled.compiler.derivatives import DERIVATIVES
from unrolled.lang.ops import OPS
from unrolled.lang.syntax import BINARY, COMPARE
from unrolled.lang.tex import TEX
from unrolled.lang.text import TEXT
from unrolled.lang.words import WORDS
from unrolled.runtime.meaning import MEANING
from unrolled.runtime.onnx.meaning import ONNX
from unrolled.tasks.sentiment.run import SentimentRun
from unrolled.tasks.tag.run import TagRun
from unrolled.tasks.translate.run import TranslateRun

TABLES = {"MEANING": MEANING, "ONNX": ONNX, "TEXT": TEXT.rows, "TEX": TEX.rows}
CLASSES = inspect.getmembers(errors, inspect.isclass)
ERRORS = [kind for _, kind in CLASSES if kind.__module__ == errors.__name__]
BUILT_IN = {"abs"}  # Python's own function, which a cell reads as the word


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_a_row_for_every_operation_and_no_other(name):
    assert set(TABLES[name]) == set(OPS)


@pytest.mark.parametrize("op", [op for op in OPS if OPS[op].kind != "leaf"])
@pytest.mark.parametrize("notation", [TEXT, TEX], ids=["text", "tex"])
def test_a_row_shows_every_operand_once(op, notation):
    row = notation.rows[op]
    shown = [name for _, name, _, _ in string.Formatter().parse(row.template) if name]
    count = {"concat": 1, "slice": 3}.get(op, OPS[op].arity)
    assert sorted(shown) == [str(number) for number in range(count)]
    assert 1 <= len(row.needs) <= max(count, 1)


def test_derivatives_and_c_know_every_operation_that_is_made_unit_by_unit():
    pointwise = {op for op, row in OPS.items() if row.kind == "pointwise"}
    assert set(DERIVATIVES) == pointwise
    assert set(C.rows) == pointwise | {"wide"}


def test_every_operation_can_be_written_in_a_cell():
    signs = {op for op, _ in BINARY.values()} | set(COMPARE.values()) | {"neg", "product", "slice"}
    leaves = {op for op in OPS if OPS[op].kind == "leaf"}
    assert signs | leaves | (set(WORDS) & set(OPS)) == set(OPS)


@pytest.mark.parametrize("run", [SentimentRun, TagRun, TranslateRun])
def test_a_task_numbers_examples_for_each_of_its_models(run):
    assert set(run.coder_types) == set(get_args(get_type_hints(run.settings_type)["model"]))


def test_every_word_is_exported():
    for name in set(WORDS) - BUILT_IN:
        assert getattr(unrolled, name) is WORDS[name]
    assert {*WORDS, "split"} - BUILT_IN <= set(unrolled.__all__)
    assert BUILT_IN <= set(dir(__builtins__) if inspect.ismodule(__builtins__) else __builtins__)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_an_error_is_ours_and_its_message_takes_its_facts(kind):
    assert issubclass(kind, errors.UnrolledError)
    assert kind.__doc__
    names = [name for _, name, _, _ in string.Formatter().parse(kind.template) if name]
    facts = {name.split(".")[0].split("[")[0]: 1 for name in names}
    assert str(kind(**facts))
    assert kind is errors.UnrolledError or kind.template != errors.UnrolledError.template


def test_errors_live_in_one_place():
    elsewhere = []
    for path in Path(unrolled.__file__).parent.rglob("*.py"):
        classes = re.findall(r"^class (\w+)\(.*Error", path.read_text(), re.MULTILINE)
        elsewhere += classes if path.parent.name != "errors" else []
    assert elsewhere == []
