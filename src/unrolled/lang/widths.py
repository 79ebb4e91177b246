"""Who is how wide: widths follow from the operands, by solving linear equations over X and H.

A width is a sum of multiples of symbols: `4H`, `X + H`, `R`. Each parameter starts with an unknown
width of its own; each operation states which widths are equal; what the equations leave open for
a product is H. Equations between known symbols (a cell that adds x to h) become constraints that
are checked when a layer gives the symbols their sizes.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from unrolled.errors import OpenWidthError, SizeError, WidthError
from unrolled.lang.cell import Cell
from unrolled.lang.nodes import Node, is_scalar
from unrolled.lang.ops import OPS

Form = dict[str, Fraction]
"""A linear form: symbol -> multiple. Unknowns are symbols that start with "?"."""

ONE: Form = {"": Fraction(1)}


def symbol(name: str, times: int | Fraction = 1) -> Form:
    """The form `times * name`."""
    return {name: Fraction(times)}


def parse_form(text: str) -> Form:
    """The form that `"4H"`, `"R"` or `"X+2H"` stands for; an empty one if it is none."""
    form: Form = {}
    for part in text.replace(" ", "").split("+"):
        match = re.fullmatch(r"(\d{0,4})\*?([A-Z][A-Za-z]{0,15})", part, re.ASCII)
        if match is None:
            return {}
        form = add(form, symbol(match[2], int(match[1] or 1)))
    return form


def add(left: Form, right: Form, times: Fraction | int = 1) -> Form:
    """`left + times * right`, without zeros."""
    total = {name: left.get(name, 0) + times * right.get(name, 0) for name in {**left, **right}}
    return {name: Fraction(value) for name, value in total.items() if value}


def show_form(form: Form) -> str:
    """A form as people write it: `4H`, `X + H`."""
    parts = [
        f"{'' if times == 1 and name else times}{name}" for name, times in sorted(form.items())
    ]
    return " + ".join(parts) or "0"


@dataclass(frozen=True)
class Constraint:
    """A form that must be zero, and the node whose operands say so."""

    form: Form
    node: Node

    def sides(self) -> tuple[str, str]:
        """The constraint as an equation's two sides."""
        left = {name: times for name, times in self.form.items() if times > 0}
        right = {name: -times for name, times in self.form.items() if times < 0}
        return show_form(left), show_form(right)


@dataclass(frozen=True)
class Widths:
    """The width of every node of a cell, as forms over X, H and the cell's own symbols."""

    cell: Cell
    of: Mapping[Node, Form]
    matrices: Mapping[str, tuple[Form, Form]]
    constraints: tuple[Constraint, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that a layer must size, X and H first."""
        found = {name for form in self.of.values() for name in form if name}
        return ("X", "H", *sorted(found - {"X", "H"}))

    def resolve(self, sizes: Mapping[str, int]) -> dict[Node, int]:
        """The width of every node as a number (1 for scalars).

        Raises:
            SizeError: The sizes break a constraint of the equations, or leave a symbol open.
        """
        self._check(sizes)
        return {node: self._number(form, sizes) for node, form in self.of.items()}

    def shape(self, name: str, sizes: Mapping[str, int]) -> tuple[int, int]:
        """Rows and columns of a matrix."""
        rows, columns = self.matrices[name]
        return self._number(rows, sizes), self._number(columns, sizes)

    def _check(self, sizes: Mapping[str, int]) -> None:
        for name in self.symbols:
            if name not in sizes:
                raise OpenWidthError(cell=self.cell.name, symbol=name)
        for constraint in self.constraints:
            if sum(times * sizes[name] for name, times in constraint.form.items()) != 0:
                left, right = constraint.sides()
                raise SizeError(
                    cell=self.cell.name,
                    left=left,
                    right=right,
                    sizes=", ".join(f"{name}={sizes[name]}" for name in sorted(constraint.form)),
                    hint="",
                    place=_quote(constraint.node),
                )

    def _number(self, form: Form, sizes: Mapping[str, int]) -> int:
        total = sum((times * sizes.get(name, 1) for name, times in form.items()), Fraction(0))
        if total.denominator != 1:
            wanted = f"{show_form(form)} to be whole"
            given = ", ".join(f"{name}={sizes[name]}" for name in form)
            raise SizeError(
                cell=self.cell.name, left=wanted, right="", sizes=given, hint="", place=""
            )
        return int(total)


def infer(cell: Cell) -> Widths:
    """The width of every node of a cell.

    Raises:
        WidthError: Two widths can never be equal.
        OpenWidthError: A width follows from nothing.
    """
    return _Solver(cell).solve()


def _quote(node: Node) -> str:
    return node.place.quote() if node.place else ""


class _Solver:
    """Collects the equations between widths and solves them one by one."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.known: dict[str, Form] = {}
        self.forms: dict[Node, Form] = {}
        self.matrices: dict[str, tuple[Form, Form]] = {}
        self.constraints: list[Constraint] = []

    def solve(self) -> Widths:
        for node in self.cell.nodes:
            self.forms[node] = self._state_rule(node)
        for name, text in self.cell.widths.items():
            self._declare(self.cell.named[name], text)
        for state, result in zip(self.cell.states, self.cell.results, strict=True):
            if not is_scalar(result):
                self._equal(self.forms[state], self.forms[result], result)
        self._default_products()
        forms = {node: self._closed(form, node) for node, form in self.forms.items()}
        matrices = {
            name: (self._reduced(rows), self._reduced(columns))
            for name, (rows, columns) in self.matrices.items()
        }
        return Widths(self.cell, forms, matrices, tuple(self.constraints))

    def _state_rule(self, node: Node) -> Form:
        """A node's form, after stating what its operation says about its operands."""
        if is_scalar(node):
            return ONE
        kind = OPS[node.op].kind
        return getattr(self, f"_{kind}")(node)

    def _leaf(self, node: Node) -> Form:
        if node.op == "input":
            return symbol("X")
        if node.op == "state":
            text = self.cell.widths.get(node.label, "H")
            return self._parsed(text)
        return self._unknown(node.label)

    def _product(self, node: Node) -> Form:
        matrix, vector = node.args
        rows, columns = self.matrices.setdefault(
            matrix.label, (self._unknown(f"{matrix.label} rows"), self._unknown(matrix.label))
        )
        self._equal(columns, self.forms[vector], node)
        return rows

    def _pointwise(self, node: Node) -> Form:
        wide = [argument for argument in node.args if not is_scalar(argument)]
        for other in wide[1:]:
            self._equal(self.forms[wide[0]], self.forms[other], node)
        return self.forms[wide[0]]

    def _shape(self, node: Node) -> Form:
        if node.op == "concat":
            total: Form = {}
            for argument in node.args:
                total = add(total, self.forms[argument])
            return total
        assert isinstance(node.attribute, tuple)
        _, count = node.attribute
        return {name: times / count for name, times in self.forms[node.args[0]].items()}

    def _declare(self, node: Node, text: str) -> None:
        self._equal(self.forms[node], self._parsed(text), node)

    def _parsed(self, text: str) -> Form:
        form = parse_form(text)
        if not form:
            raise WidthError(
                cell=self.cell.name,
                reason=f"{ascii(text)} is no width; write H, X, 4H, or a symbol of your own",
                place="",
            )
        return form

    def _unknown(self, name: str) -> Form:
        return symbol(f"?{name}")

    def _reduced(self, form: Form) -> Form:
        """The form with every solved unknown put in."""
        while solved := next((name for name in form if name in self.known), None):
            times = form[solved]
            rest = {name: value for name, value in form.items() if name != solved}
            form = add(rest, self.known[solved], times)
        return form

    def _equal(self, left: Form, right: Form, node: Node) -> None:
        difference = self._reduced(add(left, right, -1))
        unknown = next((name for name in difference if name.startswith("?")), None)
        if unknown is not None:
            times = difference.pop(unknown)
            self.known[unknown] = {name: -value / times for name, value in difference.items()}
        elif difference:
            self._constrain(difference, node)

    def _constrain(self, difference: Form, node: Node) -> None:
        constraint = Constraint(difference, node)
        if len({value > 0 for value in difference.values()}) < 2:
            left, right = constraint.sides()
            reason = f"its operands differ in width: {left} is not {right}"
            raise WidthError(cell=self.cell.name, reason=reason, place=_quote(node))
        self.constraints.append(constraint)

    def _default_products(self) -> None:
        for product in self.cell.products:
            open_names = _unknowns(self._reduced(self.forms[product]))
            if open_names:
                self._equal(self.forms[product], symbol("H"), product)

    def _closed(self, form: Form, node: Node) -> Form:
        form = self._reduced(form)
        if node.op == "matrix":
            return self._reduced(self.matrices[node.label][0])
        if _unknowns(form):
            raise OpenWidthError(cell=self.cell.name, symbol=node.attribute)
        return form


def _unknowns(form: Iterable[str]) -> list[str]:
    return [name for name in form if name.startswith("?")]
