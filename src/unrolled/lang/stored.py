"""A cell as JSON, so that a run holds its equations; loading executes and trusts nothing."""

import math
from collections.abc import Mapping
from typing import Any

from unrolled.errors import StoredCellError
from unrolled.lang.cell import Cell, Equation
from unrolled.lang.forms import parse_form
from unrolled.lang.masks import Mask
from unrolled.lang.names import (
    FAMILIES,
    MOST_NODES,
    MOST_PARTS,
    MOST_STATES,
    RESERVED,
    is_name,
    is_parameter,
    printable,
)
from unrolled.lang.nodes import Node, in_order
from unrolled.lang.ops import OPS

FORMAT = 1
LONGEST_TEXT = 2**18  # as long as the longest file of equations


def to_json(cell: Cell) -> dict[str, Any]:
    """Everything that a cell computes, as JSON values."""
    nodes = tuple(in_order([cell.input, *cell.states, *cell.nodes]))
    index = {node: position for position, node in enumerate(nodes)}
    return {
        "format": FORMAT,
        "name": cell.name,
        "doc": cell.doc,
        "nodes": [[node.op, [index[a] for a in node.args], node.attribute] for node in nodes],
        "input": index[cell.input],
        "states": [index[state] for state in cell.states],
        "equations": [[e.name, index[e.value], e.comment] for e in cell.equations],
        "results": [index[result] for result in cell.results],
        "masks": {name: [m.kind, m.rate, m.per] for name, m in cell.masks.items()},
        "parameters": dict(cell.parameters),
        "init": dict(cell.init),
        "widths": dict(cell.widths),
    }


def from_json(stored: Any) -> Cell:
    """The cell that `to_json` wrote.

    Raises:
        StoredCellError: The values describe no cell; they are checked one by one.
    """
    try:
        return _cell(stored)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {ascii(str(error))[:200]}"
        raise StoredCellError(reason=reason) from error


def _cell(stored: Mapping[str, Any]) -> Cell:
    _require(
        stored["format"] == FORMAT, f"format {stored['format']!r}, this version reads {FORMAT}"
    )
    nodes = _nodes(stored["nodes"])
    _require(len(stored["equations"]) <= MOST_NODES, f"at most {MOST_NODES} equations")
    _require(is_name(stored["name"]), "a cell's name")
    cell = Cell(
        stored["name"],
        _text(stored["doc"]),
        _leaf(nodes, stored["input"], "input"),
        tuple(_leaf(nodes, index, "state") for index in stored["states"]),
        tuple(_equation(nodes, *fields) for fields in stored["equations"]),
        tuple(nodes[_position(index)] for index in stored["results"]),
        masks={_name(name): _mask(*fields) for name, fields in stored["masks"].items()},
        parameters={_name(key): _finite(value) for key, value in stored["parameters"].items()},
        init={_parameter(key): float(_finite(value)) for key, value in stored["init"].items()},
        widths={_name(key): _width(value) for key, value in stored["widths"].items()},
    )
    _check_names(cell)
    return cell


def _check_names(cell: Cell) -> None:
    """What one part of the cell says of another must be so."""
    states = cell.state_names
    _require(0 < len(states) <= MOST_STATES, f"1 to {MOST_STATES} states")
    _require(len(states) == len(cell.results), "as many results as states")
    leaves = [cell.input.label, *states, *cell.masks]
    _require(len(set(leaves)) == len(leaves), "inputs, states and masks whose names differ")
    bound = {equation.name: equation.value for equation in cell.equations}
    for state, result in zip(cell.states, cell.results, strict=True):
        _require(bound.get(state.label, state) is result, "results that the equations name")
    labels = [node.label for op in ("mask", "vector", "matrix") for node in cell.leaves(op)]
    _require(len(set(labels)) == len(labels), "one node for each mask and parameter")
    inputs = {cell.input, *cell.states}
    for node in cell.nodes:
        _require(node.op not in ("input", "state") or node in inputs, "inputs and states declared")
        _require(node.op != "mask" or node.label in cell.masks, "masks declared")
    known = {*labels, *(label.partition("[")[0] for label in labels)}
    _require(set(cell.init) <= known, "initial values of parameters that the equations have")
    _require(set(cell.widths) <= {*bound, *states}, "widths of names that the equations have")


def _nodes(stored: list[Any]) -> list[Node]:
    _require(len(stored) <= MOST_NODES, f"at most {MOST_NODES} nodes")
    nodes: list[Node] = []
    for op, arguments, attribute in stored:
        _require(op in OPS, f"{op!r} is no operation")
        arity, count = OPS[op].arity, len(arguments)
        _require(count == arity or (arity == -1 and count >= 2), f"operands of {op}")
        before = [_position(index, below=len(nodes)) for index in arguments]
        args = tuple(nodes[index] for index in before)
        matrix_first = op == "product" and args[0].op == "matrix"
        stray = sum(argument.op == "matrix" for argument in args) - matrix_first
        _require((op == "product") == matrix_first and not stray, f"operands of {op}")
        _require(op != "pow" or args[1].op == "constant", "an exponent that is a number")
        nodes.append(Node(op, args, _attribute(op, attribute)))
    return nodes


def _attribute(op: str, value: Any) -> Any:
    if op == "constant":
        return float(_finite(value))
    if op in ("matrix", "vector"):
        _require(FAMILIES[_parameter(value)[0]] == op, f"a {op}'s name, got {value!r}")
        return value
    if op in ("input", "state", "mask"):
        return _name(value)
    if op == "slice":
        index, count = value
        _require(type(index) is int and type(count) is int, "a slice of whole numbers")
        _require(0 <= index < count <= MOST_PARTS, "a slice that is there")
        return index, count
    _require(value is None, f"{op} has no attribute")
    return None


def _equation(nodes: list[Node], name: str, index: int, comment: str) -> Equation:
    return Equation(_name(name), nodes[_position(index)], _text(comment))


def _leaf(nodes: list[Node], index: int, op: str) -> Node:
    node = nodes[_position(index)]
    _require(node.op == op, f"a node of kind {op}")
    return node


def _position(index: Any, below: int = MOST_NODES) -> int:
    _require(type(index) is int and 0 <= index < below, f"a position below {below}, got {index!r}")
    return index


def _name(name: Any) -> str:
    _require(is_name(name) and name not in RESERVED, f"a name, got {name!r}")
    return name


def _parameter(name: Any) -> str:
    _require(is_parameter(name), f"a parameter's name, got {name!r}")
    return name


def _mask(kind: Any, rate: Any, per: Any) -> Mask:
    _require(kind in ("dropout", "zoneout"), f"a kind of mask, got {kind!r}")
    return Mask(kind, rate, per)


def _width(text: Any) -> str:
    _require(bool(parse_form(text)), f"a width, got {text!r}")
    return text


def _text(text: Any) -> str:
    _require(isinstance(text, str) and len(text) <= LONGEST_TEXT, "a text")
    return printable(text)


def _finite(number: Any) -> float:
    _require(type(number) in (int, float) and math.isfinite(number), f"a number, got {number!r}")
    return number


def _require(holds: bool, wanted: str) -> None:
    if not holds:
        raise ValueError(f"wanted {wanted}")
