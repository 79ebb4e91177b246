"""The house style that a machine can check: sizes, names, docstrings of packages."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
EVERY = [*SOURCES, *TESTS]
LONGEST_FILE, LONGEST_FUNCTION = 500, 50
BARRED = re.compile(
    r"\b(utils|helpers|common|misc|base|manager)\b|^(new|fast)_|^Optimized|_v2\b", re.IGNORECASE
)


def shown(path):
    return str(path.relative_to(ROOT))


@cache
def nodes(path):
    return [*ast.walk(ast.parse(path.read_text()))]


def functions(path):
    return [
        node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def lines_of(function):
    return function.end_lineno - function.lineno + 1


def test_files_stay_short():
    lengths = {shown(path): len(path.read_text().splitlines()) for path in EVERY}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_functions_stay_short():
    lengths = {f"{shown(p)} {node.name}": lines_of(node) for p in EVERY for node in functions(p)}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


def test_names_say_what_a_thing_is():
    kinds = ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    names = [path.stem for path in SOURCES]
    names += [node.name for path in SOURCES for node in nodes(path) if isinstance(node, kinds)]
    assert [name for name in names if BARRED.search(name)] == []


def test_annotations_stay_real_objects():
    spoiling = ("from __future__ import annotations", "@jaxtyped")
    texts = {shown(path): path.read_text() for path in SOURCES}
    assert [name for name, text in texts.items() if any(line in text for line in spoiling)] == []


def test_every_package_says_what_lives_in_it():
    packages = [path for path in SOURCES if path.name == "__init__.py"]
    said = {shown(path): ast.get_docstring(nodes(path)[0]) or "" for path in packages}
    assert [name for name, doc in said.items() if len(doc.splitlines()) < 3] == []


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


def test_every_test_asserts_and_none_hides_an_error():
    faults = []
    for path in TESTS:
        known = {function.name: function for function in functions(path)}
        for function in (known[name] for name in known if name.startswith("test_")):
            if not asserts_something(function, known):
                faults.append(f"{shown(path)} {function.name} asserts nothing")
            if any(isinstance(node, ast.Try) for node in ast.walk(function)):
                faults.append(f"{shown(path)} {function.name} has a try")
    assert faults == []
