"""A cell's text: found in a function or in a file, taken apart, never executed."""

import ast
import inspect
import io
import textwrap
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from unrolled.errors import CellFileError, CellNotInFileError, CellSourceError, DecoratorError
from unrolled.lang.masks import MASKS, Mask
from unrolled.lang.nodes import Place

LARGEST_FILE = 4 * 2**20  # bytes; a file of equations is a few kilobytes


@dataclass(frozen=True)
class Definition:
    """The text of one cell and what its decorator and its signature's defaults declare."""

    tree: ast.FunctionDef
    file: str
    first_line: int
    lines: tuple[str, ...]
    comments: Mapping[int, str]
    defaults: Mapping[str, float | Mask]
    init: Mapping[str, float] = field(default_factory=dict[str, float])
    widths: Mapping[str, str] = field(default_factory=dict[str, str])

    def place(self, node: ast.AST) -> Place:
        """Where a piece of syntax stands in the user's file."""
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0)
        text = self.lines[line - 1]
        column = len(text.encode()[:column].decode(errors="replace"))
        indent = len(text) - len(text.lstrip())
        return Place(self.file, self.first_line + line - 1, column - indent + 1, text.strip())


def definition_of(
    function: Callable[..., object], init: Mapping[str, float], widths: Mapping[str, str]
) -> Definition:
    """The definition of a live function, found through `inspect`; the function is not called.

    Raises:
        CellSourceError: Python does not know the function's source (typed into a bare prompt).
    """
    try:
        lines, first_line = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function) or "<unknown>"
    except (OSError, TypeError) as error:
        raise CellSourceError(name=getattr(function, "__name__", repr(function))) from error
    source = textwrap.dedent("".join(lines))
    tree = ast.parse(source).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise CellSourceError(name=getattr(function, "__name__", repr(function)))
    return Definition(
        tree,
        file,
        first_line,
        tuple(source.splitlines()),
        _comments(source),
        getattr(function, "__kwdefaults__", None) or {},
        init,
        widths,
    )


def definition_in(path: Path, name: str) -> Definition:
    """The definition of the cell `name` in a Python file, of which nothing is executed.

    Raises:
        CellFileError: The file cannot be read, or is no Python.
        CellNotInFileError: The file decorates no function of that name with `@cell`.
    """
    source, module = _parse_file(path)
    found = {
        node.name: (node, decorator)
        for node in module.body
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if _is_cell(decorator)
    }
    if name not in found:
        raise CellNotInFileError(path=path, name=name, found=", ".join(found) or "none")
    tree, decorator = found[name]
    lines = tuple(source.splitlines())
    bare = Definition(tree, str(path), 1, lines, _comments(source), {})
    declared = _decorator_arguments(decorator, bare)
    defaults = {
        argument.arg: _default(value, bare)
        for argument, value in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True)
        if value is not None
    }
    return Definition(tree, str(path), 1, lines, bare.comments, defaults, **declared)


def _parse_file(path: Path) -> tuple[str, ast.Module]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CellFileError(path=path, reason=f"it is larger than {LARGEST_FILE} bytes")
        source = path.read_bytes().decode()
        return source, ast.parse(source, filename=str(path))
    except OSError as error:
        raise CellFileError(path=path, reason=error.strerror) from error
    except SyntaxError as error:
        raise CellFileError(path=path, reason=f"line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise CellFileError(path=path, reason=f"it is no Python source ({error})") from error


def _is_cell(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    return getattr(target, "id", getattr(target, "attr", None)) == "cell"


def _decorator_arguments(
    decorator: ast.expr, definition: Definition
) -> dict[str, dict[str, object]]:
    if not isinstance(decorator, ast.Call):
        return {}
    declared: dict[str, dict[str, object]] = {}
    for keyword in decorator.keywords:
        value = _literal(keyword.value, definition)
        if keyword.arg not in ("init", "widths") or not isinstance(value, dict):
            raise DecoratorError(place=definition.place(decorator).quote())
        declared[keyword.arg] = value
    return declared


def _default(value: ast.expr, definition: Definition) -> float | Mask:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in MASKS:
        arguments = [_literal(argument, definition) for argument in value.args]
        options = {key.arg: _literal(key.value, definition) for key in value.keywords if key.arg}
        try:
            return MASKS[value.func.id](*arguments, **options)
        except TypeError as error:
            raise DecoratorError(place=definition.place(value).quote()) from error
    return _literal(value, definition)


def _literal(value: ast.expr, definition: Definition):  # noqa: ANN202
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise DecoratorError(place=definition.place(value).quote()) from error


def _comments(source: str) -> dict[int, str]:
    """The trailing comment of each line that has one, by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }
