"""What may stand to the right of `=`: names, numbers, arithmetic, products and calls of words."""

import ast
from collections.abc import Callable
from typing import TypeAlias

from unrolled.errors import EquationError
from unrolled.lang.definition import Definition
from unrolled.lang.names import (
    FAMILIES,
    LONGEST_WRITTEN,
    MOST_NODES,
    MOST_PARTS,
    RESERVED,
    hint,
    is_name,
    is_parameter,
    shown,
)
from unrolled.lang.nodes import Node, in_order, lift
from unrolled.lang.syntax import BINARY, COMPARE, EXPRESSIONS_REFUSED, PLAIN_NAME
from unrolled.lang.words import WORDS

Value: TypeAlias = Node | int | float

DEEPEST = 200  # nested expressions; equations that people write stay under ten
LARGEST_NUMBER = 2**53  # beyond it a float64 no longer holds every whole number
LARGEST_EXPONENT = 64
INFINITY = float("inf")


def refuse(definition: Definition, node: ast.AST, reason: str) -> EquationError:
    """The error that quotes the user's line and says why it is no equation."""
    quote = definition.place(node).quote()
    return EquationError(cell=definition.tree.name, reason=reason, place=quote)


class Reader:
    """Turns expressions into nodes, given the names bound so far."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.names: dict[str, Value] = {}
        self.families: set[str] = set()
        self.leaves: dict[str, Node] = {}
        self._depth = 0
        self._nodes = 0

    def bind(self, name: str, value: Value, place: ast.AST) -> None:
        """Give a name its value from here on; words and parameter families keep theirs."""
        if name in RESERVED:
            reason = f"the name {name} is a word of the language; choose another"
            raise refuse(self.definition, place, reason)
        if not is_name(name, LONGEST_WRITTEN):
            reason = f"{shown(name)} is no name here; {PLAIN_NAME}"
            raise refuse(self.definition, place, reason)
        self.count(1, place)
        self.names[name] = value

    def count(self, nodes: int, place: ast.AST) -> None:
        """Refuse a graph that has grown beyond all reason."""
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise refuse(self.definition, place, f"a cell has at most {MOST_NODES} operations")

    def value(self, expression: ast.expr) -> Value:
        """The node, or the plain number, that an expression stands for."""
        self._depth += 1
        self.count(1, expression)
        if self._depth > DEEPEST:
            raise refuse(self.definition, expression, f"this is nested over {DEEPEST} deep")
        read = _READERS.get(type(expression))
        if read is None:
            reason = EXPRESSIONS_REFUSED.get(
                type(expression), "this is no part of the equation language"
            )
            raise refuse(self.definition, expression, reason)
        result = read(self, expression)
        self._depth -= 1
        return result

    def values(self, expression: ast.expr, count: int) -> list[Value]:
        """The values for several names on the left: a tuple, or `split(v, count)`."""
        if isinstance(expression, ast.Tuple) and len(expression.elts) == count:
            return [self.value(part) for part in expression.elts]
        if _calls(expression, "split") and isinstance(expression, ast.Call):
            return self._split(expression, count)
        reason = f"{count} names on the left need {count} values: split(v, {count}) or a tuple"
        raise refuse(self.definition, expression, reason)

    def range_of(self, expression: ast.expr) -> range | None:
        """The `range(...)` of a loop over constants, or None if it is anything else."""
        if not _calls(expression, "range") or not isinstance(expression, ast.Call):
            return None
        bounds = [self.value(argument) for argument in expression.args]
        whole = [bound for bound in bounds if isinstance(bound, int)]
        zero_step = len(whole) == 3 and whole[2] == 0
        if len(whole) != len(bounds) or not 1 <= len(whole) <= 3 or zero_step:
            return None
        steps = range(*whole)
        if (steps.stop - steps.start) * steps.step < 0:
            reason = f"range({steps.start}, {steps.stop}) ends before it begins"
            raise refuse(self.definition, expression, reason)
        return steps

    def name(self, expression: ast.Name) -> Value:
        """A name's value, or the error with the nearest known name."""
        if expression.id in self.names:
            return self.names[expression.id]
        if expression.id in self.families:
            reason = f"{expression.id} alone is no value; name one: {expression.id}.name"
            raise refuse(self.definition, expression, reason)
        if expression.id in RESERVED - FAMILIES.keys():
            reason = f"{expression.id} is a word: it is called, as in {expression.id}(v)"
            raise refuse(self.definition, expression, reason)
        known = [*WORDS, *self.families, *self.names]
        otherwise = "bind it first, or declare it by keyword"
        guess = hint(expression.id, known, otherwise)
        reason = f"nothing is named {shown(expression.id)} here; {guess}"
        raise refuse(self.definition, expression, reason)

    def constant(self, expression: ast.Constant) -> Value:
        """A finite number."""
        number = expression.value
        if not isinstance(number, int | float) or isinstance(number, bool):
            raise refuse(self.definition, expression, "only numbers are constants")
        return self.finite(number, expression)

    def finite(self, number: float, expression: ast.AST) -> float:
        """The number itself, unless it is none that a float64 holds well."""
        if isinstance(number, complex) or not abs(number) <= LARGEST_NUMBER:
            raise refuse(self.definition, expression, "this number is not finite, or too large")
        return number

    def unary(self, expression: ast.UnaryOp) -> Value:
        """A sign; `not` and `~` are refused."""
        operand = self.value(expression.operand)
        if isinstance(expression.op, ast.UAdd):
            return operand
        if not isinstance(expression.op, ast.USub):
            raise refuse(self.definition, expression, "only + and - stand before a value")
        return self._node("neg", (operand,), expression) if isinstance(operand, Node) else -operand

    def binary(self, expression: ast.BinOp) -> Value:
        """Arithmetic between two values, or a product `W.name @ v`."""
        if isinstance(expression.op, ast.MatMult):
            return self._product(expression)
        if type(expression.op) not in BINARY:
            raise refuse(self.definition, expression, "the operators are + - * / ** and @")
        op, _ = BINARY[type(expression.op)]
        left, right = self.value(expression.left), self.value(expression.right)
        if isinstance(left, Node) or isinstance(right, Node):
            if op == "pow" and isinstance(right, Node):
                raise refuse(self.definition, expression.right, "an exponent is a plain number")
            return self._node(op, (left, right), expression)
        return self._fold(left, right, expression)

    def _fold(self, left: float, right: float, expression: ast.BinOp) -> float:
        _, on_numbers = BINARY[type(expression.op)]
        try:
            small = not isinstance(expression.op, ast.Pow) or abs(right) <= LARGEST_EXPONENT
            return self.finite(on_numbers(left, right) if small else INFINITY, expression)
        except ArithmeticError as error:
            raise refuse(self.definition, expression, f"this number is none: {error}") from None

    def _product(self, expression: ast.BinOp) -> Node:
        matrix = self._parameter(expression.left)
        if matrix is None or matrix.op != "matrix":
            reason = "the left side of @ is a matrix, W.name; a product of vectors is written *"
            raise refuse(self.definition, expression.left, reason)
        vector = self.value(expression.right)
        if not isinstance(vector, Node):
            raise refuse(
                self.definition, expression.right, "a matrix multiplies a vector: W.name @ v"
            )
        return self._node("product", (matrix, vector), expression)

    def parameter(self, expression: ast.Attribute | ast.Subscript) -> Value:
        """A bias or vector by name; a matrix stands only to the left of @; or a part of a split."""
        if isinstance(expression, ast.Subscript) and _calls(expression.value, "split"):
            return self._part(expression)
        leaf = self._parameter(expression)
        if leaf is None:
            raise refuse(self.definition, expression, EXPRESSIONS_REFUSED[type(expression)])
        if leaf.op == "matrix":
            raise refuse(self.definition, expression, f"a matrix multiplies: {leaf.label} @ v")
        return leaf

    def _parameter(self, expression: ast.expr) -> Node | None:
        """The leaf that an expression names, or None if it has not the form of a parameter."""
        index, named = "", expression
        if isinstance(named, ast.Subscript):
            index, named = f"[{self._index(named)}]", named.value
        if not isinstance(named, ast.Attribute) or not isinstance(named.value, ast.Name):
            return None
        family, name = named.value.id, f"{named.value.id}.{named.attr}{index}"
        if family in FAMILIES.keys() - self.families:
            reason = f"{family} is not declared; write it among the keywords of `def`"
            raise refuse(self.definition, expression, reason)
        if family not in FAMILIES or not is_parameter(name):
            return None
        return self.leaves.setdefault(name, Node(FAMILIES[family], attribute=name))

    def _index(self, expression: ast.Subscript) -> int:
        number = self.value(expression.slice)
        if not isinstance(number, int):
            reason = "an index is a whole number, as in W.R[2]"
            raise refuse(self.definition, expression, reason)
        return number

    def _part(self, expression: ast.Subscript) -> Value:
        """One part alone: `split(v, 4)[0]`."""
        call, index = expression.value, self._index(expression)
        count = self.value(call.args[-1]) if isinstance(call, ast.Call) and call.args else 0
        if not isinstance(call, ast.Call) or not isinstance(count, int) or not 0 <= index < count:
            reason = "a part of a split is split(v, count)[index], with 0 <= index < count"
            raise refuse(self.definition, expression, reason)
        return self._split(call, count)[index]

    def comparison(self, expression: ast.Compare) -> Node:
        """One comparison, 1 where it holds and 0 elsewhere."""
        if len(expression.ops) != 1 or type(expression.ops[0]) not in COMPARE:
            reason = "one comparison at a time: where(a < b, ...)"
            raise refuse(self.definition, expression, reason)
        sides = self.value(expression.left), self.value(expression.comparators[0])
        return self._node(COMPARE[type(expression.ops[0])], sides, expression)

    def call(self, expression: ast.Call) -> Node:
        """A word of the language applied to its operands."""
        if not isinstance(expression.func, ast.Name) or expression.keywords:
            reason = "calls are of the language's own words, by position: tanh(v), where(c, a, b)"
            raise refuse(self.definition, expression, reason)
        word = WORDS.get(expression.func.id)
        if word is None:
            raise refuse(self.definition, expression, self._unknown_word(expression.func.id))
        operands = [lift(self.value(argument)) for argument in expression.args]
        if len(operands) != word.arity and not (word.arity == -1 and len(operands) >= 2):
            wanted = "two or more" if word.arity == -1 else word.arity
            reason = f"{word.name} takes {wanted} operands, got {len(operands)}"
            raise refuse(self.definition, expression, reason)
        node = word.build(*operands)
        self.count(sum(1 for _ in in_order([node], known=operands)), expression)
        return self._placed(node, expression)

    def _unknown_word(self, name: str) -> str:
        if name == "split":
            return "split gives several values; bind them: a, b = split(v, 2)"
        guess = hint(name, WORDS, f"it has {', '.join(WORDS)}")
        return f"{shown(name)} is no word of the equation language; {guess}"

    def _split(self, expression: ast.Call, count: int) -> list[Value]:
        arguments = [self.value(argument) for argument in expression.args]
        fits = len(arguments) == 2 and arguments[1] == count <= MOST_PARTS
        if not fits or not isinstance(arguments[0], Node):
            reason = f"here it is split(v, {count}), of a vector, for {count} values"
            raise refuse(self.definition, expression, reason)
        self.count(count, expression)
        whole, place = arguments[0], self.definition.place(expression)
        return [Node("slice", (whole,), (index, count), place) for index in range(count)]

    def _node(self, op: str, operands: tuple[Value, ...], expression: ast.AST) -> Node:
        place = self.definition.place(expression)
        return Node(op, tuple(lift(operand) for operand in operands), place=place)

    def _placed(self, node: Node, expression: ast.AST) -> Node:
        return Node(node.op, node.args, node.attribute, self.definition.place(expression))


def _calls(expression: ast.expr, name: str) -> bool:
    return (
        isinstance(expression, ast.Call)
        and isinstance(expression.func, ast.Name)
        and expression.func.id == name
        and not expression.keywords
    )


_READERS: dict[type[ast.expr], Callable[..., Value]] = {
    ast.Name: Reader.name,
    ast.Constant: Reader.constant,
    ast.UnaryOp: Reader.unary,
    ast.BinOp: Reader.binary,
    ast.Attribute: Reader.parameter,
    ast.Subscript: Reader.parameter,
    ast.Compare: Reader.comparison,
    ast.Call: Reader.call,
}
