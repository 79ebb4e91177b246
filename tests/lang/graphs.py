"""Random cells, one number wide: every operation, and names that are taken again and again."""

from random import Random

import torch

from unrolled.lang.cell import Cell, Equation
from unrolled.lang.masks import Mask
from unrolled.lang.nodes import Node, in_order, lift
from unrolled.runtime.meaning import MEANING

INPUT = Node("input", attribute="x")
STATES = (Node("state", attribute="h"), Node("state", attribute="c"))
MASK = Node("mask", attribute="m")
VECTORS = tuple(Node("vector", attribute=name) for name in ("b.a", "b.R[2]", "p.g"))
MATRICES = tuple(Node("matrix", attribute=name) for name in ("W.a", "W.R[1]", "W.R[2]"))
VALUES = {"x": 0.7, "h": 1.3, "c": 0.4, "b.a": -0.6, "b.R[2]": 1.1, "p.g": 2.3, "m": 1.0}
VALUES |= {"W.a": -0.9, "W.R[1]": 0.8, "W.R[2]": 1.7}

UNARY = "sigmoid tanh relu softplus exp log sqrt abs sin cos mean var detach".split()
CALLS = dict.fromkeys(UNARY, 1)
CALLS |= {"minimum": 2, "maximum": 2, "where": 3}
SIGNS = {name: 2 for name in "add sub mul div lt le gt ge eq ne".split()} | {"neg": 1}
NUMBERS = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.5, -0.25, 1e-05, -1e-05, 1e15, 2.0**53, 12345678.9]
EXPONENTS = [0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, -0.5]


def operation(op, *args):
    """The node; where a sign stands between numbers, Python would do it, so x joins in."""
    numbers = op not in CALLS and all(node.op == "constant" for node in args)
    return Node(op, (INPUT, *args[1:]) if numbers else args)


def product(matrix, vector):
    """A product; numbers have no width, so x joins in."""
    return Node("product", (matrix, operation("mul", vector, INPUT)))


def tree(random, leaves, depth):
    """An expression over these leaves."""
    if depth == 0 or random.random() < 0.1:
        few = [lift(random.choice(NUMBERS)), *random.choices(leaves, k=4)]
        return random.choice(few)
    op = random.choice([*CALLS, *SIGNS, *SIGNS, "pow", "product", "product"])
    if op == "product":
        return product(random.choice(MATRICES), tree(random, leaves, depth - 1))
    if op == "pow":
        base = tree(random, leaves, depth - 1)
        return operation("pow", base, lift(random.choice(EXPONENTS)))
    count = CALLS.get(op) or SIGNS[op]
    return operation(op, *(tree(random, leaves, depth - 1) for _ in range(count)))


def random_cell(seed):
    """A cell whose lines take the names of x, of states, of masks and of one another."""
    random = Random(seed)
    tied = INPUT * STATES[0] * STATES[1] * MASK * VECTORS[0] * VECTORS[1] * VECTORS[2]
    equations = [Equation("tied", tied)]  # makes everything equally wide
    values = [INPUT, *STATES, tied]
    for _ in range(random.randint(1, 7)):
        alone = random.random() < 0.25
        leaves = [*values, MASK, *VECTORS]
        value = random.choice(values) if alone else tree(random, leaves, random.randint(1, 3))
        equations.append(Equation(random.choice("aafxhhccm"), value))
        values.append(value)
    bound = {equation.name: equation.value for equation in equations}
    results = tuple(bound.get(state.label, state) for state in STATES)
    masks = {"m": Mask("dropout", 0.5, "step")}
    return Cell("mine", "", INPUT, STATES, tuple(equations), results, masks=masks)


def meaning_of(result, values):
    """What the runtime's table computes for a node, on numbers."""
    found = {}
    for node in in_order([result]):
        if node.op == "constant":
            found[node] = torch.full((1, 1), node.attribute, dtype=torch.float64)
        elif not node.args:
            found[node] = torch.full((1, 1), values[node.label], dtype=torch.float64)
        else:
            found[node] = MEANING[node.op](*(found[argument] for argument in node.args))
    return found[result]
