"""Every error class is raised in a test that matches its text."""

import inspect
import pickle
import re
from pathlib import Path
from string import Formatter

from unrolled import errors

TESTS = "\n".join(path.read_text() for path in (Path(__file__).parents[1]).rglob("test_*.py"))
CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.UnrolledError) and kind is not errors.UnrolledError
]


def test_each_is_raised_in_a_test_that_matches_its_text():
    raised = re.findall(r"raises\(\s*(?:\w+\.)?\b(\w+)(?:,\s*match=|\) as )", TESTS)
    in_tables = re.findall(r"\b(\w+Error),\s*\(?\s*r?f?[\"']", TESTS)
    assert {kind.__name__ for kind in CLASSES} - {*raised, *in_tables} == set()


def test_each_says_its_facts_and_survives_pickling():
    for kind in CLASSES:
        fields = {name for _, name, _, _ in Formatter().parse(kind.template) if name}
        error = kind(**{re.split(r"[!.\[]", field)[0]: 7 for field in fields})
        assert "7" in str(error) or not fields
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
