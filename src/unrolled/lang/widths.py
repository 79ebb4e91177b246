"""Who is how wide: widths follow from the operands, by solving linear equations over X and H.

Each parameter starts with an unknown
width of its own; each operation states which widths are equal; what the equations leave open for
a product is H. Equations between known symbols (a cell that adds x to h) become constraints that
are checked when a layer gives the symbols their sizes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from unrolled.errors import FreeWidthError, OpenWidthError, SizeError, WidthError
from unrolled.lang.cell import Cell
from unrolled.lang.forms import ONE, Form, add, parse_form, show_form, substituted, symbol, value_of
from unrolled.lang.nodes import Node, scalars
from unrolled.lang.ops import OPS

MOST_TERMS = 64
LARGEST_MULTIPLE = 2**20


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
        return {node: self._whole(node, sizes) for node in self.of}

    def shape(self, name: str, sizes: Mapping[str, int]) -> tuple[int, int]:
        """Rows and columns of a matrix."""
        rows, columns = self.matrices[name]
        return int(value_of(rows, sizes)), int(value_of(columns, sizes))

    def _check(self, sizes: Mapping[str, int]) -> None:
        for name in self.symbols:
            if name not in sizes:
                raise OpenWidthError(cell=self.cell.name, symbol=name)
        for constraint in self.constraints:
            if value_of(constraint.form, sizes) != 0:
                raise self._size_error(constraint, *constraint.sides(), sizes)

    def _whole(self, node: Node, sizes: Mapping[str, int]) -> int:
        form = self.of[node]
        total = value_of(form, sizes)
        if total.denominator != 1 or total < 1:
            wanted = show_form(form), "a whole number from 1"
            raise self._size_error(Constraint(form, node), *wanted, sizes)
        return int(total)

    def _size_error(
        self, broken: Constraint, left: str, right: str, sizes: Mapping[str, int]
    ) -> SizeError:
        given = ", ".join(f"{name}={sizes[name]}" for name in sorted(broken.form) if name)
        place = _quote(broken.node)
        return SizeError(
            cell=self.cell.name, left=left, right=right, sizes=given, hint="", place=place
        )


def infer(cell: Cell) -> Widths:
    """The width of every node of a cell.

    Raises:
        WidthError: Two widths can never be equal.
        FreeWidthError: A width follows from nothing.
    """
    return _Solver(cell).solve()


def _quote(node: Node) -> str:
    return node.place.quote() if node.place else ""


class _Solver:
    """Collects the equations between widths and solves them one by one."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.scalars = scalars(cell.nodes)
        self.numbers: set[Node] = set()
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
            if result not in self.scalars:
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
        if node.op == "constant" or (node.args and self.numbers.issuperset(node.args)):
            self.numbers.add(node)
        if node in self.scalars:
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
        if vector in self.numbers:
            raise self._error("a matrix multiplies a vector, and this is a number", node)
        rows, columns = self.matrices.setdefault(
            matrix.label, (self._unknown(f"{matrix.label} rows"), self._unknown(matrix.label))
        )
        self._equal(columns, self.forms[vector], node)
        return rows

    def _pointwise(self, node: Node) -> Form:
        wide = [argument for argument in node.args if argument not in self.scalars]
        for other in wide[1:]:
            self._equal(self.forms[wide[0]], self.forms[other], node)
        return self.forms[wide[0]]

    def _shape(self, node: Node) -> Form:
        if node.op == "concat":
            total: Form = {}
            for argument in node.args:
                total = self._bounded(add(total, self.forms[argument]), node)
            return total
        assert isinstance(node.attribute, tuple)
        _, count = node.attribute
        if node.args[0] in self.scalars:
            raise self._error("split cuts a vector, and this is one number a row", node)
        parts = {name: times / count for name, times in self.forms[node.args[0]].items()}
        return self._bounded(parts, node)

    def _bounded(self, form: Form, node: Node) -> Form:
        ratios = (number for times in form.values() for number in times.as_integer_ratio())
        if len(form) > MOST_TERMS or any(abs(number) > LARGEST_MULTIPLE for number in ratios):
            raise self._error("this is wider, or narrower, than any cell needs", node)
        return form

    def _error(self, reason: str, node: Node) -> WidthError:
        return WidthError(cell=self.cell.name, reason=reason, place=_quote(node))

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
        for name in [name for name in form if name in self.known]:
            form = substituted(form, name, self._solution(name))
        return form

    def _solution(self, name: str) -> Form:
        """What an unknown is, in symbols that are not solved; long chains are walked only once."""
        waiting = [name]
        while waiting:
            form = self.known[waiting[-1]]
            solved = [other for other in form if other in self.known]
            open_still = [o for o in solved if any(n in self.known for n in self.known[o])]
            if open_still:
                waiting += open_still
                continue
            for other in solved:
                form = substituted(form, other, self.known[other])
            self.known[waiting.pop()] = form
        return self.known[name]

    def _equal(self, left: Form, right: Form, node: Node) -> None:
        left, right = self._reduced(left), self._reduced(right)
        difference = self._bounded(add(left, right, -1), node)
        unknown = next((name for name in difference if name.startswith("?")), None)
        if unknown is not None:
            times = difference.pop(unknown)
            solution = {name: -value / times for name, value in difference.items()}
            self.known[unknown] = self._bounded(solution, node)
        elif difference and len({value > 0 for value in difference.values()}) < 2:
            reason = f"its operands differ in width: {show_form(left)} is not {show_form(right)}"
            raise self._error(reason, node)
        elif difference:
            self.constraints.append(Constraint(difference, node))

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
            raise FreeWidthError(cell=self.cell.name, name=node.attribute, place=_quote(node))
        if all(times <= 0 for times in form.values()):
            raise self._error(f"its width can only be {show_form(form)}", node)
        return form


def _unknowns(form: Iterable[str]) -> list[str]:
    return [name for name in form if name.startswith("?")]
