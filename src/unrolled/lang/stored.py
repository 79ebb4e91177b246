"""A cell as JSON, so that a run holds its equations; loading executes and trusts nothing."""

import math
import re
from collections.abc import Mapping
from typing import Any

from unrolled.errors import StoredCellError
from unrolled.lang.cell import Cell, Equation
from unrolled.lang.masks import Mask
from unrolled.lang.nodes import Node, in_order
from unrolled.lang.ops import OPS

FORMAT = 1
MOST_NODES = 100_000
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}", re.ASCII)
PARAMETER = re.compile(r"[Wbp]\.[A-Za-z][A-Za-z0-9_]{0,63}(\[-?\d{1,6}\])?", re.ASCII)


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
    states = tuple(_leaf(nodes, index, "state") for index in stored["states"])
    results = tuple(nodes[_position(index)] for index in stored["results"])
    _require(0 < len(states) == len(results), "as many results as states")
    masks = {_name(name): Mask(*fields) for name, fields in stored["masks"].items()}
    cell = Cell(
        _name(stored["name"]),
        _text(stored["doc"]),
        _leaf(nodes, stored["input"], "input"),
        states,
        tuple(_equation(nodes, *fields) for fields in stored["equations"]),
        results,
        masks=masks,
        parameters={_name(key): _finite(value) for key, value in stored["parameters"].items()},
        init={_parameter(key): _finite(value) for key, value in stored["init"].items()},
        widths={_name(key): _text(value) for key, value in stored["widths"].items()},
    )
    _require(len(set(cell.state_names)) == len(states), "state names that differ")
    _require(set(cell.widths) <= set(cell.named), "widths of names that the equations have")
    known = {cell.input, *states, *(node for node in nodes if node.op in ("mask",))}
    for node in cell.nodes:
        _require(node.op not in ("input", "state") or node in known, "inputs and states declared")
        _require(node.op != "mask" or node.label in masks, "masks declared")
    return cell


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
        nodes.append(Node(op, args, _attribute(op, attribute)))
    return nodes


def _attribute(op: str, value: Any) -> Any:
    if op == "constant":
        return float(_finite(value))
    if op in ("matrix", "vector"):
        return _parameter(value)
    if op in ("input", "state", "mask"):
        return _name(value)
    if op == "slice":
        index, count = value
        _require(type(index) is int and type(count) is int and 0 <= index < count <= 4096, "slice")
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
    _require(isinstance(name, str) and NAME.fullmatch(name) is not None, f"a name, got {name!r}")
    return name


def _parameter(name: Any) -> str:
    matches = isinstance(name, str) and PARAMETER.fullmatch(name) is not None
    _require(matches, f"a parameter's name, got {name!r}")
    return name


def _text(text: Any) -> str:
    _require(isinstance(text, str) and len(text) <= 100_000, "a text")
    return text


def _finite(number: Any) -> float:
    _require(type(number) in (int, float) and math.isfinite(number), f"a number, got {number!r}")
    return number


def _require(holds: bool, wanted: str) -> None:
    if not holds:
        raise ValueError(f"wanted {wanted}")
