"""What the values of a compiled step are called, after the names that the cell's author chose."""

from collections.abc import Mapping

from unrolled.compiler.adjoint import Adjoint
from unrolled.compiler.step import WHOLE, Step
from unrolled.lang.nodes import Node


def titles_of(step: Step, adjoint: Adjoint) -> dict[Node, str]:
    """A title for each value that has a name of its own, not always different ones.

    `i` for the value of an equation, `a_i` for the products that it adds up, `d_i` for the gradient
    of either.
    """
    titles = {node: equation.name for node, equation in step.equations.items()}
    totals = [node for node in step.nodes if node.op == "total"]
    titles |= {total: _title_of_total(total, step) for total in totals}
    for node, gradient in adjoint.gradients.items():
        if node in titles and gradient not in titles and gradient.args:
            titles[gradient] = f"d_{titles[node]}"
    return titles


def _title_of_total(total: Node, step: Step) -> str:
    for node, equation in step.equations.items():
        if total in _parts(node, step.equations):
            return f"a_{equation.name}"
    return "a_" + total.args[0].args[0].label.partition(".")[2]


def _parts(node: Node, named: Mapping[Node, object]) -> set[Node]:
    """What a value is made of, down to values that have names and to whole vectors."""
    found: set[Node] = set()
    stack = [node]
    while stack:
        for argument in stack.pop().args:
            if argument not in found:
                found.add(argument)
                if argument.op not in WHOLE and argument not in named:
                    stack.append(argument)
    return found
