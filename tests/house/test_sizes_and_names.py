"""The house style that a machine can check: sizes, names, docstrings of packages."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION = 500, 50
BARRED = re.compile(
    r"\b(utils|helpers|common|misc|base|manager)\b|^(new|fast)_|^Optimized|_v2\b", re.IGNORECASE
)


def shown(path):
    return str(path.relative_to(ROOT))


def functions(path):
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=shown)
def test_files_and_functions_stay_short(path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE
    for function in functions(path):
        length = function.end_lineno - function.lineno + 1
        assert length <= LONGEST_FUNCTION, f"{function.name} has {length} lines"


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_names_say_what_a_thing_is(path):
    names = [path.stem, *(function.name for function in functions(path))]
    names += [n.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ClassDef)]
    assert [name for name in names if BARRED.search(name)] == []


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_annotations_stay_real_objects(path):
    text = path.read_text()
    assert "from __future__ import annotations" not in text
    assert "@jaxtyped" not in text


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name == "__init__.py"], ids=shown)
def test_every_package_says_what_lives_in_it(path):
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert len(doc.splitlines()) >= 3


def asserts_something(function, known):
    """Whether a function asserts, itself or through a function of the same file."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("raises", "warns") or name.startswith("assert_"):
                return True
            if name in known and asserts_something(known[name], {}):
                return True
    return False


@pytest.mark.parametrize("path", [p for p in TESTS if p.name.startswith("test_")], ids=shown)
def test_every_test_asserts_and_none_hides_an_error(path):
    known = {function.name: function for function in functions(path)}
    for function in known.values():
        if function.name.startswith("test_"):
            assert asserts_something(function, known), f"{function.name} asserts nothing"
            hidden = [node for node in ast.walk(function) if isinstance(node, ast.Try)]
            assert hidden == [], f"{function.name} has a try"
