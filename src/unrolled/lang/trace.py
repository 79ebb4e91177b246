"""From a cell's text to its graph: the allowed syntax, statement by statement.

`cell` is the decorator, `read_cell` the same for a `FILE.py:name`. Both read the text and execute
nothing of it. `expressions` has what stands to the right of `=`.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeGuard, overload

from unrolled.errors import UnknownParameterError
from unrolled.lang.cell import Cell, Equation
from unrolled.lang.definition import Definition, definition_in, definition_of
from unrolled.lang.expressions import Reader, Value, refuse
from unrolled.lang.forms import parse_form
from unrolled.lang.masks import Mask
from unrolled.lang.names import (
    FAMILIES,
    LONGEST_WRITTEN,
    MOST_STATES,
    hint,
    is_name,
    printable,
    shown,
)
from unrolled.lang.nodes import Node, lift
from unrolled.lang.syntax import DECLARED, PLAIN_NAME, SIGNATURE, STATEMENTS_REFUSED

MOST_STEPS = 1000  # of one `for`: a cell deeper than this is a mistake


@overload
def cell(function: Callable[..., object]) -> Cell: ...
@overload
def cell(
    *, init: Mapping[str, float] | None = None, widths: Mapping[str, str] | None = None
) -> Callable[[Callable[..., object]], Cell]: ...
def cell(
    function: Callable[..., object] | None = None,
    *,
    init: Mapping[str, float] | None = None,
    widths: Mapping[str, str] | None = None,
) -> Cell | Callable[[Callable[..., object]], Cell]:
    """Turn a function of `x`, the states, `W` and `b` into a recurrent cell.

    The function's text is read, never executed. It returns its new states in order; the first is
    the output. Masks and constants are keyword arguments with defaults.

    Args:
        function: The equations.
        init: Initial values that differ from the layer's, such as `{"b.f": 1.0}`.
        widths: Widths that the equations leave open, such as `{"h": "R"}` or `{"a": "4H"}`.

    Raises:
        EquationError: A line is no equation of the language; the message quotes it.
    """
    if function is None:
        return lambda given: cell_from(definition_of(given, init or {}, widths or {}))
    return cell_from(definition_of(function, {}, {}))


def read_cell(reference: str) -> Cell:
    """The cell that `FILE.py:name` names, read without executing the file.

    Raises:
        CellFileError: The file cannot be read.
        CellNotInFileError: It has no such cell.
    """
    file, _, name = reference.rpartition(":")
    return cell_from(definition_in(Path(file), name))


def cell_from(definition: Definition, **changed: float | Mask) -> Cell:
    """Trace a definition, with some of its signature's defaults changed.

    Raises:
        EquationError: A line is no equation of the language; the message quotes it.
    """
    return _Tracer(definition, _defaults(definition, changed)).trace()


def _defaults(
    definition: Definition, changed: Mapping[str, float | Mask]
) -> dict[str, float | Mask]:
    for name, value in changed.items():
        declared = definition.defaults.get(name)
        same_kind = isinstance(value, Mask) == isinstance(declared, Mask)
        if declared is None or not same_kind or not (_is_number(value) or isinstance(value, Mask)):
            known = ", ".join(definition.defaults) or "none"
            raise UnknownParameterError(cell=definition.tree.name, name=name, known=known)
    return {**definition.defaults, **changed}


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Tracer:
    """Walks one function body and collects its equations."""

    def __init__(self, definition: Definition, defaults: Mapping[str, float | Mask]) -> None:
        self.definition = definition
        self.defaults = defaults
        self.equations: list[Equation] = []
        self.reader = Reader(definition)

    def trace(self) -> Cell:
        """The whole cell."""
        tree = self.definition.tree
        if not is_name(tree.name, LONGEST_WRITTEN):
            raise refuse(self.definition, tree, PLAIN_NAME)
        inputs = self._bind_signature(tree.args)
        doc = ast.get_docstring(tree)
        body = tree.body if doc is None else tree.body[1:]
        if not body or not isinstance(body[-1], ast.Return):
            raise refuse(self.definition, tree, "a cell ends with `return` of its new states")
        for statement in body[:-1]:
            self._statement(statement)
        states = inputs[1:]
        results = self._results(body[-1], states)
        self._check_declared()
        return Cell(
            tree.name,
            printable(doc or ""),
            inputs[0],
            states,
            tuple(self.equations),
            results,
            masks={k: v for k, v in self.defaults.items() if isinstance(v, Mask)},
            parameters={
                name: int(value) if isinstance(value, int) else float(value)
                for name, value in self.defaults.items()
                if isinstance(value, int | float)
            },
            init={name: float(value) for name, value in self.definition.init.items()},
            widths=dict(self.definition.widths),
            again=partial(cell_from, replace(self.definition, defaults=self.defaults)),
        )

    def _bind_signature(self, arguments: ast.arguments) -> tuple[Node, ...]:
        if arguments.vararg or arguments.kwarg or arguments.posonlyargs or arguments.defaults:
            raise refuse(self.definition, self.definition.tree, SIGNATURE)
        positional = [argument.arg for argument in arguments.args]
        if not 2 <= len(positional) <= MOST_STATES + 1:
            raise refuse(self.definition, self.definition.tree, SIGNATURE)
        inputs = tuple(
            Node("state" if index else "input", attribute=name)
            for index, name in enumerate(positional)
        )
        for name, node in zip(positional, inputs, strict=True):
            self.reader.bind(name, node, self.definition.tree)
        for argument in arguments.kwonlyargs:
            self._bind_keyword(argument)
        return inputs

    def _bind_keyword(self, argument: ast.arg) -> None:
        name, default = argument.arg, self.defaults.get(argument.arg)
        if name in FAMILIES and default is None:
            self.reader.families.add(name)
        elif isinstance(default, Mask):
            self.reader.bind(name, Node("mask", attribute=name), argument)
        elif _is_number(default):
            self.reader.bind(name, self.reader.finite(default, argument), argument)
        else:
            raise refuse(self.definition, argument, SIGNATURE)

    def _statement(self, statement: ast.stmt) -> None:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            self._assign(statement, statement.targets[0])
        elif isinstance(statement, ast.For) and not statement.orelse:
            self._unroll(statement)
        else:
            reason = STATEMENTS_REFUSED.get(type(statement), "this statement is no equation")
            raise refuse(self.definition, statement, reason)

    def _assign(self, statement: ast.Assign, target: ast.expr) -> None:
        if isinstance(target, ast.Name):
            names = [target]
            values = [self.reader.value(statement.value)]
        elif isinstance(target, ast.Tuple):
            names = [name for name in target.elts if isinstance(name, ast.Name)]
            values = self.reader.values(statement.value, len(target.elts))
        else:
            names, values = [], []
        if not names or len(names) != len(values):
            raise refuse(self.definition, target, "the left side is a name, or names with commas")
        comment = self._comment(statement)
        for name, value in zip(names, values, strict=True):
            self._equation(name, value, comment)

    def _equation(self, name: ast.Name, value: Value, comment: str) -> None:
        self.reader.bind(name.id, value, name)
        self.equations.append(Equation(name.id, lift(value), comment))

    def _comment(self, statement: ast.stmt) -> str:
        """What the author said beside a statement: on its last line, or else on its first."""
        said = self.definition.comments
        return said.get(statement.end_lineno or 0) or said.get(statement.lineno, "")

    def _unroll(self, loop: ast.For) -> None:
        steps = self.reader.range_of(loop.iter)
        if not isinstance(loop.target, ast.Name) or steps is None or len(steps) > MOST_STEPS:
            bounds = f"with whole numbers and at most {MOST_STEPS} steps"
            reason = f"only `for l in range(constant)` is unrolled, {bounds}"
            raise refuse(self.definition, loop.iter, reason)
        for step in steps:
            self.reader.bind(loop.target.id, step, loop.target)
            for statement in loop.body:
                self._statement(statement)

    def _results(self, statement: ast.Return, states: tuple[Node, ...]) -> tuple[Node, ...]:
        returned = statement.value
        parts = returned.elts if isinstance(returned, ast.Tuple) else [returned]
        if len(parts) != len(states) or returned is None:
            names = ", ".join(state.label for state in states)
            reason = f"a cell returns its new states, here {names}, in this order"
            raise refuse(self.definition, statement, reason)
        comment = self._comment(statement)
        return tuple(
            self._result(part, state.label, comment)
            for part, state in zip(parts, states, strict=True)
            if part is not None
        )

    def _result(self, part: ast.expr, name: str, comment: str) -> Node:
        value = self.reader.value(part)
        result = lift(value)
        if not (isinstance(part, ast.Name) and part.id == name and value is result):
            self.equations.append(Equation(name, result, comment))
        return result

    def _check_declared(self) -> None:
        if not all(hasattr(d, "items") for d in (self.definition.init, self.definition.widths)):
            raise refuse(self.definition, self.definition.tree, DECLARED)
        known = {node.label: None for node in self.reader.leaves.values()}
        known |= {name.partition("[")[0]: None for name in known}
        for name, value in self.definition.init.items():
            self._check_name(name, known, _is_number(value))
            self.reader.finite(value, self.definition.tree)
        bound = {equation.name: None for equation in self.equations}
        states = {argument.arg: None for argument in self.definition.tree.args.args[1:]}
        for name, text in self.definition.widths.items():
            self._check_name(name, states | bound, bool(parse_form(text)))

    def _check_name(self, name: object, known: Mapping[str, None], fits: bool) -> None:
        """Refuse what the decorator says of a name, if it cannot be."""
        if not fits or not isinstance(name, str):
            raise refuse(self.definition, self.definition.tree, DECLARED)
        if name not in known:
            guess = hint(name, known, "parameters have initial values, equations have widths")
            reason = f"the decorator names {shown(name)}, which the equations do not have; {guess}"
            raise refuse(self.definition, self.definition.tree, reason)
