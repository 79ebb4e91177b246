"""Cells as JSON: the same cell comes back, and nothing else than a cell ever does."""

import contextlib
import copy
import json
import time
from random import Random

import pytest
from tests.lang.graphs import random_cell
from tests.lang.writing import read_body

from unrolled import find_cell
from unrolled.cells import GALLERY
from unrolled.errors import FreeWidthError, StoredCellError, WidthError
from unrolled.lang.cell import Cell
from unrolled.lang.ops import OPS
from unrolled.lang.stored import from_json, to_json
from unrolled.lang.tex import tex
from unrolled.lang.text import equations, listing
from unrolled.lang.widths import infer

LARGE = [f"{name}{wrapper}" for name in GALLERY for wrapper in ("", "+zoneout", "+variational")]
CELLS = [name for name in LARGE if not ("+" in name and name.startswith(("zone", "vari")))]


def stored(name):
    """A cell as JSON that went through text."""
    return json.loads(json.dumps(to_json(find_cell(name))))


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_comes_back_as_it_was(name):
    cell = find_cell(name)
    again = from_json(stored(name))
    assert to_json(again) == to_json(cell)
    assert (listing(again), tex(again)) == (listing(cell), tex(cell))
    assert (again.doc, again.init, again.widths) == (cell.doc, cell.init, cell.widths)
    assert (again.masks, again.parameters) == (cell.masks, cell.parameters)
    assert infer(again).symbols == infer(cell).symbols


def test_random_cells_come_back_as_they_were():
    for seed in range(100):
        cell = random_cell(seed)
        again = from_json(json.loads(json.dumps(to_json(cell))))
        assert to_json(again) == to_json(cell)


def test_everything_that_can_be_written_can_be_read_again(tmp_path):
    long = "a" * 40
    body = f'"""{"Doc. " * 50_000}"""\n{long} = W.{"b" * 64}[999999] @ h\nreturn {long}'
    cell = read_body(tmp_path, body)
    assert to_json(from_json(to_json(cell))) == to_json(cell)
    large = "a = h\nfor i in range(1000):\n    for j in range(16):\n        a = a + x\nreturn a"
    cell = read_body(tmp_path, large)
    assert len(from_json(to_json(cell)).nodes) == 16_002


RNN = stored("rnn")
HOSTILE = {
    "nothing": None,
    "a list": [],
    "a number": 3,
    "a text": "rnn",
    "an empty object": {},
    "a function": print,
}
CHANGES = {
    "format": [2, 0, "1", None, [1]],
    "name": ["", "2h", "_h", "a.b", "a" * 65, "if", "h\n", "\u0445", None, 3, ["h"], "../../x"],
    "doc": [None, 3, "a" * (2**18 + 1), ["a"]],
    "input": [-1, 10**9, True, 0.0, "0", None, [0]],
    "states": [[], [True], [-1], [0], [10**9], None, 3, "1", [1, 1], [[1]], {"h": 1}],
    "results": [[], [True], [-1], [10**9], [0], [1], None, [8, 8], "8"],
    "equations": [None, [[]], [["h"]], [["h", 8, "", ""]], [["h", -1, ""]], [["h", True, ""]]]
    + [[["W", 8, ""]], [["tanh", 8, ""]], [["if", 8, ""]], [["h", 8, 3]], [[3, 8, ""]], ["h8c"]]
    + [[["h", 8, "a" * (2**18 + 1)]], [["h", 0, ""]], [], 3, [["h", 10**30, ""]]],
    "masks": [None, [], {"m": []}, {"m": ["dropout", 0.5]}, {"m": ["dropout", 0.5, "year"]}]
    + [
        {"m": ["dropout", 1.5, "step"]},
        {"m": ["dropout", True, "step"]},
        {"x": ["zoneout", 0, "step"]},
    ]
    + [{"m": ["drop", 0.5, "step"]}, {"m": ["dropout", "a", "step"]}, {"2": ["dropout", 0, "step"]}]
    + [{"m": [["dropout"], 0.5, "step"]}, {"m": None}, {"W": ["dropout", 0, "step"]}, {"m": {}}],
    "parameters": [
        None,
        {"a": "b"},
        {"a": float("nan")},
        {"a": True},
        {"2": 2},
        {"a": 10**400},
        [],
    ],
    "init": [
        None,
        {"b.h": "1"},
        {"b.h": float("inf")},
        {"b.q": 1},
        {"h": 1},
        {"b.h": None},
        {"": 1},
    ]
    + [{"W.xh[1]": 1}, {"b.h": True}, [["b.h", 1]]],
    "widths": [
        None,
        {"h": 5},
        {"h": "two H"},
        {"q": "H"},
        {"x": "H"},
        {"h": ""},
        {"h": "H+" * 10**5},
    ]
    + [{"W.xh": "H"}, {"h": None}, {"h": ["H"]}, "H"],
}
NODES = {
    "no list": 3,
    "no nodes": [],
    "a word": ["input"],
    "short": [["input", []]],
    "long": [["input", [], "x", 1]],
    "unknown": [["system", [], "x"]],
    "no text": [[3, [], "x"]],
    "unhashable": [[["input"], [], "x"]],
    "operands of a leaf": [["input", [], "x"], ["state", [0], "h"]],
    "itself": [["input", [], "x"], ["neg", [1], None]],
    "a later one": [["input", [], "x"], ["neg", [2], None], ["neg", [0], None]],
    "from the end": [["input", [], "x"], ["neg", [-1], None]],
    "True": [["input", [], "x"], ["input", [], "y"], ["neg", [True], None]],
    "a float": [["input", [], "x"], ["neg", [0.0], None]],
    "too few": [["input", [], "x"], ["add", [0], None]],
    "too many": [["input", [], "x"], ["neg", [0, 0], None]],
    "one to concat": [["input", [], "x"], ["concat", [0], None]],
    "an attribute": [["input", [], "x"], ["neg", [0], "x"]],
    "no name": [["input", [], None]],
    "a number for a name": [["input", [], 3]],
    "a word for a name": [["input", [], "tanh"]],
    "NaN": [["constant", [], float("nan")]],
    "infinity": [["constant", [], float("inf")]],
    "huge": [["constant", [], 10**400]],
    "a constant True": [["constant", [], True]],
    "a constant text": [["constant", [], "1"]],
    "a bias named as a matrix": [["vector", [], "W.a"]],
    "a matrix named as a bias": [["matrix", [], "b.a"]],
    "a parameter without a dot": [["matrix", [], "W"]],
    "a matrix as a vector": [["matrix", [], "W.a"], ["neg", [0], None]],
    "a matrix in a sum": [["matrix", [], "W.a"], ["add", [0, 0], None]],
    "a product of vectors": [["input", [], "x"], ["product", [0, 0], None]],
    "a product of matrices": [["matrix", [], "W.a"], ["product", [0, 0], None]],
    "a matrix on the right": [["input", [], "x"], ["matrix", [], "W.a"], ["product", [0, 1], None]],
    "an exponent that is a vector": [["input", [], "x"], ["pow", [0, 0], None]],
    "a slice without a place": [["input", [], "x"], ["slice", [0], None]],
    "a slice outside": [["input", [], "x"], ["slice", [0], [2, 2]]],
    "a slice before": [["input", [], "x"], ["slice", [0], [-1, 2]]],
    "a slice of a billion": [["input", [], "x"], ["slice", [0], [0, 10**9]]],
    "a slice of halves": [["input", [], "x"], ["slice", [0], [0.0, 2]]],
    "a slice of True": [["input", [], "x"], ["slice", [0], [True, 2]]],
    "ten million": [["input", [], "x"]] * 10**7,
}
REFUSED = "the stored cell cannot be read: .* The run's config.json was damaged or made by hand"


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_object_is_refused(name):
    with pytest.raises(StoredCellError, match=REFUSED):
        from_json(HOSTILE[name])


@pytest.mark.parametrize("key", CHANGES)
def test_a_part_that_is_wrong_or_missing_is_refused(key):
    for value in CHANGES[key]:
        with pytest.raises(StoredCellError, match=REFUSED) as caught:
            from_json({**RNN, key: value})
        assert len(str(caught.value)) < 400
        assert str(caught.value).isascii()
    with pytest.raises(StoredCellError, match=f"KeyError: .*{key}"):
        from_json({name: part for name, part in RNN.items() if name != key})


@pytest.mark.parametrize("name", NODES)
def test_nodes_that_are_wrong_are_refused(name):
    begin = time.perf_counter()
    with pytest.raises(StoredCellError, match=REFUSED):
        from_json({**RNN, "nodes": NODES[name]})
    assert time.perf_counter() - begin < 2


def test_leaves_are_declared_and_there_once():
    leaves = [["input", [], "x"], ["state", [], "h"]]
    for more, says in {
        (("mask", "m"),): "masks declared",
        (("input", "y"),): "inputs and states declared",
        (("state", "c"),): "inputs and states declared",
        (("vector", "b.a"), ("vector", "b.a")): "one node for each mask and parameter",
    }.items():
        nodes = [*leaves, *([op, [], name] for op, name in more)]
        nodes += [["add", [1, len(nodes) - 1], None], ["add", [2, len(nodes)], None]]
        changed = {"nodes": nodes, "input": 0, "states": [1], "results": [len(nodes) - 1]}
        equations = [["h", len(nodes) - 1, ""]]
        with pytest.raises(StoredCellError, match=says):
            from_json({**RNN, **changed, "equations": equations, "init": {}})


def test_what_could_drive_a_terminal_is_taken_out():
    changed = copy.deepcopy(RNN)
    changed["doc"] = "a\x1b[2J\u202eb\nc"
    changed["equations"][0][2] = "\x1b]0;title\x07"
    cell = from_json(changed)
    assert cell.doc == "a [2J b\nc"
    assert cell.equations[0].comment == " ]0;title "


def doubling(count):
    """A graph in which each node reads the one before twice."""
    nodes = [["input", [], "x"], ["state", [], "h"]]
    nodes += [["mul", [position, position], None] for position in range(1, count + 1)]
    nodes.append(["matrix", [], "W.a"])
    nodes.append(["product", [len(nodes) - 1, len(nodes) - 2], None])
    last = len(nodes) - 1
    changed = {"nodes": nodes, "input": 0, "states": [1], "results": [last], "init": {}}
    return {**RNN, **changed, "equations": [["h", last, ""]]}


def test_a_deep_graph_that_doubles_loads_and_prints_in_time():
    begin = time.perf_counter()
    cell = from_json(doubling(8000))
    infer(cell)
    assert len(listing(cell)) < 10**7
    assert len(tex(cell)) < 10**7
    assert to_json(cell) == to_json(from_json(to_json(cell)))
    assert time.perf_counter() - begin < 10


JUNK = [None, True, False, 0, 1, -1, 2, 7, 10**6, 10**30, 0.5, -0.0, float("nan"), float("inf"), ""]
JUNK += ["h", "x", "c", "W.xi", "b.f", "tanh", "product", "constant", "slice", "mask", "\x00", "4H"]
JUNK += [[], {}, [0, 1], [1, 0], [[]], {"h": "R"}, {"b.f": 1}, ["dropout", 0.5, "step"]]


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    inner = enumerate(value) if isinstance(value, list) else ()
    for key, part in value.items() if isinstance(value, dict) else inner:
        yield from places(part, (*path, key))


def mutated(value, random):
    """The value with one to three places changed, removed, doubled, or changed within reason."""
    value = copy.deepcopy(value)
    for _ in range(random.randint(1, 3)):
        if random.random() < 0.6:
            change_within_reason(value, random)
            continue
        *path, last = random.choice([place for place in places(value) if place])
        holder = value
        for key in path:
            holder = holder[key]
        act = random.random()
        if act < 0.2:
            del holder[last]
        elif act < 0.4 and isinstance(holder, list):
            holder.insert(last, copy.deepcopy(random.choice(holder)))
        else:
            holder[last] = copy.deepcopy(random.choice(JUNK))
    return value


def change_within_reason(value, random):
    """Another operation of the same arity, another operand, another number or name."""
    nodes = [node for node in value.get("nodes") or [] if isinstance(node, list) and len(node) == 3]
    with contextlib.suppress(IndexError, TypeError, KeyError):
        number, node = random.choice(list(enumerate(nodes)))
        same = [op for op in OPS if OPS[op].arity == OPS[node[0]].arity and op != "constant"]
        if node[1] and random.random() < 0.5:
            node[1][random.randrange(len(node[1]))] = random.randrange(number)
        elif node[1]:
            node[0] = random.choice(same)
        elif node[0] == "constant":
            node[2] = random.choice([0, 0.5, -3, 1e300])
        else:
            random.choice(value["equations"])[0] = random.choice(["h", "a", "part1", "old_h", "x"])


def load(value):
    """The cell, or None where the stored value is refused as such."""
    with contextlib.suppress(StoredCellError):
        return from_json(value)
    return None


def widths_of(cell):
    """The cell's widths, or None where the equations cannot have any."""
    with contextlib.suppress(WidthError, FreeWidthError):
        return infer(cell)
    return None


@pytest.mark.parametrize("name", ["rnn", "lstm+zoneout", "layernorm_lstm", "mut2", "rhn:2"])
def test_a_mutated_cell_is_a_cell_or_refused(name):
    random, whole, loaded = Random(name), stored(name), []
    for _ in range(200):
        cell = load(mutated(whole, random))
        if cell is not None:
            loaded.append(cell)
            assert isinstance(cell, Cell)
            assert to_json(from_json(json.loads(json.dumps(to_json(cell))))) == to_json(cell)
            assert all(f" = {right}" in listing(cell) for _, right, _ in equations(cell))
            assert tex(cell).startswith("\\begin{aligned}")
            assert widths_of(cell) is None or len(widths_of(cell).of) == len(cell.nodes)
    assert 20 < len(loaded) < 150
