"""A cell's text: found in a function or in a file, taken apart, never executed."""

import ast
import inspect
import io
import re
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from unrolled.errors import (
    CellFileError,
    CellNotInFileError,
    CellSourceError,
    DecoratorError,
    OtherDecoratorError,
)
from unrolled.lang.masks import MASKS, Mask
from unrolled.lang.names import printable
from unrolled.lang.nodes import Place

LARGEST_FILE = 2**18  # bytes; parsed in about a second at worst
LONGEST_QUOTE = 160  # characters of a line that an error shows
LONGEST_COUNTED = 10_000  # a longer line that is not ASCII is quoted by bytes, which costs nothing
_NO_TEXT = (  # what a text says that is not the function's, or is too deep, or has null bytes
    *(OSError, TypeError, SyntaxError, ValueError, IndexError),
    *(RecursionError, MemoryError, tokenize.TokenError),
)


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
        if not text.isascii() and len(text) <= LONGEST_COUNTED:
            column = len(text.encode()[:column].decode(errors="replace"))
        start = len(text) - len(text.lstrip())
        if column - start > LONGEST_QUOTE * 3 // 4:
            start = column - LONGEST_QUOTE // 2
        shown = printable(text[start : start + LONGEST_QUOTE]).rstrip()
        return Place(self.file, self.first_line + line - 1, column + 1, shown, start)


def definition_of(
    function: Callable[..., object], init: Mapping[str, float], widths: Mapping[str, str]
) -> Definition:
    """The definition of a live function, found through `inspect`; the function is not called.

    Raises:
        CellSourceError: Python does not know the function's source, or it is no plain `def`.
        OtherDecoratorError: Another decorator has wrapped the function.
    """
    name = getattr(function, "__name__", type(function).__name__)
    try:
        lines, first_line = inspect.getsourcelines(function)
        file = inspect.getsourcefile(function) or "<unknown>"
        if lines[0][:1].isspace():  # a function inside another, or inside a class
            lines, first_line = ["if True:\n", *lines], first_line - 1
        tree = ast.parse("".join(lines)).body[0]
    except _NO_TEXT as error:
        raise CellSourceError(name=name) from error
    tree = tree.body[0] if isinstance(tree, ast.If) else tree
    if not isinstance(tree, ast.FunctionDef) or tree.name != name:
        raise CellSourceError(name=name)
    defaults: dict[str, Any] = getattr(function, "__kwdefaults__", None) or {}
    found = _definition(tree, file, first_line, [line.rstrip("\n") for line in lines])
    if hasattr(function, "__wrapped__"):
        raise OtherDecoratorError(cell=name, place=found.place(tree).quote())
    return replace(found, defaults=defaults, init=init, widths=widths)


def definition_in(path: Path, name: str) -> Definition:
    """The definition of the cell `name` in a Python file, of which nothing is executed.

    Raises:
        CellFileError: The file cannot be read, or is no Python.
        CellNotInFileError: The file decorates no function of that name with `@cell`.
    """
    lines, module = _parse_file(path)
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
    bare = _definition(tree, str(path), 1, lines)
    if decorator is not tree.decorator_list[-1]:
        raise OtherDecoratorError(cell=name, place=bare.place(tree).quote())
    defaults = {
        argument.arg: _default(value, bare)
        for argument, value in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True)
        if value is not None
    }
    return replace(bare, defaults=defaults, **_decorator_arguments(decorator, bare))


def _definition(tree: ast.FunctionDef, file: str, first_line: int, lines: list[str]) -> Definition:
    """A definition whose signature and decorator declare nothing yet."""
    begin = min(node.lineno for node in (tree, *tree.decorator_list))
    comments = _comments(lines[begin - 1 : tree.end_lineno], begin)
    return Definition(tree, file, first_line, tuple(lines), comments, {})


def _parse_file(path: Path) -> tuple[list[str], ast.Module]:
    try:
        is_file = path.is_file()  # not a device, a pipe, a folder
        content = b""
        if is_file:
            with path.open("rb") as file:
                content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise CellFileError(path=path, reason=error.strerror) from error
    if not is_file:
        raise CellFileError(path=path, reason="there is no such file")
    if len(content) > LARGEST_FILE:
        raise CellFileError(path=path, reason=f"it is larger than {LARGEST_FILE} bytes")
    try:
        source = re.sub(r"\r\n?", "\n", content.decode("utf-8-sig"))
        return source.split("\n"), ast.parse(source, filename=str(path))
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
    if decorator.args:
        raise DecoratorError(place=definition.place(decorator).quote())
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
        options = {str(key.arg): _literal(key.value, definition) for key in value.keywords}
        try:
            return MASKS[value.func.id](*arguments, **options)
        except TypeError as error:
            raise DecoratorError(place=definition.place(value).quote()) from error
    return _literal(value, definition)


def _literal(value: ast.expr, definition: Definition) -> Any:
    try:
        if isinstance(value, ast.BinOp) and isinstance(value.op, ast.BitOr):
            return _literal(value.left, definition) | _literal(value.right, definition)
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        raise DecoratorError(place=definition.place(value).quote()) from error


def _comments(lines: list[str], first: int) -> dict[int, str]:
    """The trailing comment of each line that has one, by line number."""
    text = "\n".join(lines) + "\n\n"  # the last line may end in a backslash
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0] + first - 1: printable(token.string).lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip()
    }
