"""Every error class is raised in a test that matches its text."""

import inspect
import re
from pathlib import Path

import pytest

from unrolled import errors

TESTS = "\n".join(path.read_text() for path in (Path(__file__).parents[1]).rglob("test_*.py"))
CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.UnrolledError) and kind is not errors.UnrolledError
]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_is_raised_in_a_test_that_matches_its_text(kind):
    name = rf"\b{kind.__name__}"
    matched = re.search(rf"raises\(\s*(\w+\.)?{name}(,\s*match=|\) as )", TESTS)
    in_a_table = re.search(rf"{name},\s*\(?\s*r?f?[\"']", TESTS)
    assert matched or in_a_table, f"no test raises {kind.__name__} and looks at its text"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_says_its_facts_and_survives_pickling(kind):
    import pickle
    from string import Formatter

    names = {name.split("!")[0] for _, name, _, _ in Formatter().parse(kind.template) if name}
    error = kind(**{name.split(".")[0].split("[")[0]: 7 for name in names})
    assert "7" in str(error) or not names
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
