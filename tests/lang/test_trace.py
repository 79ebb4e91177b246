"""Tracing: what a cell's text becomes, and how everything else is refused."""

import inspect
import math
import time

import pytest
from tests.lang.mistakes import MISTAKES
from tests.lang.writing import (
    MARK,
    place_in_quote,
    place_of_mark,
    read_body,
    read_source,
    run_step,
    source_of,
)

from unrolled import cell, dropout, sigmoid, zone
from unrolled.errors import EquationError, UnknownParameterError

MOST_SECONDS = 8  # for what takes one or two on a quiet machine


def logistic(value):
    return 1 / (1 + math.exp(-value))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_refused_at_its_line_and_column(name, tmp_path):
    mistake = MISTAKES[name]
    source = source_of(mistake.body, mistake.signature, mistake.decorator)
    marked = source if MARK in source else source.replace("def mine", f"{MARK}def mine")
    begin = time.perf_counter()
    with pytest.raises(EquationError, match=mistake.says) as caught:
        read_source(tmp_path, source.replace(MARK, ""))
    message = str(caught.value)
    assert time.perf_counter() - begin < MOST_SECONDS
    assert message.startswith("cell mine: ")
    assert f"\n{tmp_path / 'cells.py'}:" in message
    assert place_in_quote(message) == place_of_mark(marked)
    assert len(message) < 1500


@pytest.mark.parametrize("name", ["_mine", "__init__", "\u00e9t\u00e9", "a" * 41])
def test_a_cell_has_a_plain_name(name, tmp_path):
    with pytest.raises(EquationError, match="names have ASCII letters, digits and _") as caught:
        read_source(tmp_path, source_of("return h").replace("mine", name), name)
    assert place_in_quote(str(caught.value)) == (2, 1, "d")


def test_there_are_enough_mistakes():
    assert len(MISTAKES) > 180


def test_a_live_functions_mistake_is_quoted_from_its_file():
    with pytest.raises(EquationError, match="nothing is named 'gaet' here; did you mean gate") as e:

        @cell
        def mine(x, h, *, W):
            gate = sigmoid(W.a @ x)  # noqa: F841
            return gaet * h  # noqa: F821

    lines = inspect.getsource(inspect.getmodule(test_there_are_enough_mistakes)).splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "return gaet" in line)
    place = f"{__file__}:{number}:20\n    return gaet * h  # noqa: F821\n           ^"
    assert str(e.value).endswith(place)


BODIES = {
    "rebinding": ("h = h + x\nh = h * x\nreturn h", (3 + 2) * 2),
    "rebinding x": ("x = x + h\nreturn x * h", (2 + 3) * 3),
    "names together": ("a, c = h, x\na, c = c, a\nreturn 10 * a + c", 10 * 2 + 3),
    "a tuple is read before it is bound": ("h, c = h + 1, h\nreturn 10 * h + c", 10 * 4 + 3),
    "brackets on the left": ("(a, c) = (h, x)\nreturn a - c", 3 - 2),
    "one name with a comma": ("a, = split(h, 1)\nreturn a", 3),
    "semicolons": ("a = h; c = a * 2\nreturn c", 6),
    "loop": ("a = h\nfor l in range(3):\n    a = a + l\nreturn a", 3 + 0 + 1 + 2),
    "loop from": ("a = h\nfor l in range(2, 5):\n    a = a + l\nreturn a", 3 + 2 + 3 + 4),
    "loop by steps": ("a = h\nfor l in range(1, 8, 3):\n    a = a + l\nreturn a", 3 + 1 + 4 + 7),
    "loop downwards": ("a = h\nfor l in range(5, 0, -2):\n    a = a * l\nreturn a", 3 * 5 * 3 * 1),
    "empty loop": ("a = h\nfor l in range(2, 2):\n    a = x\nreturn a", 3),
    "loops in loops": (
        "a = h\nfor i in range(2):\n  for j in range(i, 3):\n    a = a + 10 * i + j\nreturn a",
        3 + 0 + 1 + 2 + 11 + 12,
    ),
    "loop's number afterwards": ("for l in range(4):\n    a = h\nreturn a * l", 3 * 3),
    "loop over matrices": (
        "a = h\nfor l in range(1, 3):\n    a = W.R[l] @ a + b.R[l]\nreturn a",
        (5 * 3 + 11) * 7 + 13,
    ),
    "numbers": ("k = 2\nk = k * 3 + 1\nreturn h * k", 3 * 7),
    "state from a number": ("return 1.5", 1.5),
    "state unchanged": ("return h", 3),
    "docstring": ('"""Doc."""\nreturn h + 1', 4),
    "empty docstring": ('""""""\nreturn h + 1', 4),
    "several lines": ("a = (\n    h\n    + x\n)\nreturn a * \\\n    2", 10),
}
VALUES = {"x": 2, "h": 3, "W.R[1]": 5, "W.R[2]": 7, "b.R[1]": 11, "b.R[2]": 13}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_computes_what_python_would(name, tmp_path):
    body, expected = BODIES[name]
    assert run_step(read_body(tmp_path, body), VALUES)["h"].item() == expected


def test_states_are_returned_in_the_order_of_the_signature(tmp_path):
    swap = read_body(tmp_path, "return c, h, h + c", "x, h, c, s, *, W")
    assert swap.state_names == ("h", "c", "s")
    new = run_step(swap, {"x": 0, "h": 2, "c": 3, "s": 5})
    assert {name: value.item() for name, value in new.items()} == {"h": 3, "c": 2, "s": 5}


def test_any_name_will_do_for_the_input_and_the_states(tmp_path):
    other = read_body(tmp_path, "return frame * memory", "frame, memory")
    assert (other.input.label, other.state_names) == ("frame", ("memory",))
    assert run_step(other, {"frame": 2, "memory": 5})["memory"].item() == 10


def test_a_name_stands_for_its_last_value_and_a_state_for_its_new_one(tmp_path):
    body = "a = h\na = a + x\nk = 3\nc = c + a\nreturn tanh(c), c"
    traced = read_body(tmp_path, body, "x, h, c, *, W")
    assert [equation.name for equation in traced.equations] == ["a", "a", "k", "c", "h"]
    assert traced.named["a"].op == "add"
    assert traced.named["k"].attribute == 3.0
    assert traced.named["h"] is traced.results[0]
    assert traced.named["c"] is traced.results[1]


def test_a_number_takes_the_place_of_an_earlier_value(tmp_path):
    traced = read_body(tmp_path, "a = tanh(h)\na = 2\nc = 0\nreturn h * a, c", "x, h, c")
    assert traced.named["a"].attribute == 2.0
    new = run_step(traced, {"x": 1, "h": 3, "c": 5})
    assert (new["h"].item(), new["c"].item()) == (6, 0)


def test_nothing_need_read_the_input_or_a_state(tmp_path):
    traced = read_body(tmp_path, "return b.a, 2 * b.a", "x, h, c, *, b")
    new = run_step(traced, {"x": 1, "h": 1, "c": 1, "b.a": 7})
    assert (new["h"].item(), new["c"].item()) == (7, 14)


def test_parameters_appear_once_in_order_of_appearance(tmp_path):
    body = "a = W.b @ x + b.a\nreturn W.a @ h + W.b @ h + b.a * p.g + b.c[3]"
    traced = read_body(tmp_path, body)
    assert [node.label for node in traced.leaves("matrix")] == ["W.b", "W.a"]
    assert [node.label for node in traced.leaves("vector")] == ["b.a", "p.g", "b.c[3]"]


def test_masks_are_declared_with_their_rate_and_period(tmp_path):
    signature = "x, h, *, W, m=dropout(0.25), d=zone(0.1, per='sequence')"
    traced = read_body(tmp_path, "return m * h + d * x", signature)
    assert dict(traced.masks) == {"m": dropout(0.25), "d": zone(0.1, per="sequence")}
    new = run_step(traced, {"x": 10, "h": 3})  # at evaluation a mask is its expectation
    assert new["h"].item() == 3 + 0.1 * 10


def test_a_cell_is_called_for_another_depth_or_another_mask(tmp_path):
    body = "a = h\nfor l in range(depth):\n    a = a + scale * x\nreturn m * a"
    signature = "x, h, *, W=None, depth=3, scale=0.5, m=dropout(0.5)"
    traced = read_body(tmp_path, body, signature)
    assert dict(traced.parameters) == {"depth": 3, "scale": 0.5}
    deeper = traced(depth=5)(scale=2)
    assert dict(deeper.parameters) == {"depth": 5, "scale": 2}
    assert run_step(deeper, {"x": 1, "h": 0})["h"].item() == 10
    assert dict(deeper(m=dropout(0.1)).masks) == {"m": dropout(0.1)}
    assert traced() is traced


@pytest.mark.parametrize(
    "changed",
    [{"width": 3}, {"W": 3}, {"depth": dropout(0.1)}, {"m": 0.5}, {"depth": "3"}, {"depth": None}],
)
def test_parameters_that_a_signature_lacks_are_refused(changed, tmp_path):
    traced = read_body(tmp_path, "return m * h * depth", "x, h, *, W, depth=2, m=dropout(0.5)")
    says = f"cell mine has no parameter {next(iter(changed))} of that kind; .* declares: depth, m"
    with pytest.raises(UnknownParameterError, match=says):
        traced(**changed)


def test_a_changed_parameter_is_traced_with_the_same_care(tmp_path):
    traced = read_body(tmp_path, "for l in range(k):\n    a = h\nreturn h * k", "x, h, *, k=2")
    with pytest.raises(EquationError, match="at most 1000 steps"):
        traced(k=1001)
    with pytest.raises(EquationError, match="this number is not finite, or too large"):
        traced(k=float("nan"))


def test_the_decorator_declares_initial_values_and_widths():
    @cell(init={"b.f": 1, "W.R": 0.5}, widths={"a": "2H", "c": "H + X"})
    def mine(x, h, c, *, W, b):
        a = W.a @ h + b.f
        c = W.R[1] @ c
        return sigmoid(W.b @ a), W.R[2] @ c

    assert dict(mine.init) == {"b.f": 1.0, "W.R": 0.5}
    assert dict(mine.widths) == {"a": "2H", "c": "H + X"}


@pytest.mark.parametrize("declared", [{"init": ["b.f"]}, {"widths": "H"}, {"init": 5}])
def test_a_decorator_that_declares_no_mapping_is_refused(declared):
    with pytest.raises(EquationError, match="a decorator says init="):

        @cell(**declared)
        def mine(x, h, *, b):
            return h + b.f


COMMENTED = '''
# before everything
@cell
# between
def mine(x, h, *, W, b):
    """Doc."""
    # above
    a = W.a @ x  # beside
    c = (  # at the beginning
        h
        + x
    )
    d = (
        h  # in the middle
        + x
    )  # at the end
    # between
    e = h; f = x  # for both
    g = "#" if 0 else h
'''.replace('    g = "#" if 0 else h\n', "    return tanh(h)  # the result: 100 %\n    # after\n")


def test_comments_stay_with_the_equations_beside_which_they_stand(tmp_path):
    traced = read_source(tmp_path, COMMENTED)
    said = [(equation.name, equation.comment) for equation in traced.equations]
    assert said == [
        ("a", "beside"),
        ("c", "at the beginning"),
        ("d", "at the end"),
        ("e", "for both"),
        ("f", "for both"),
        ("h", "the result: 100 %"),
    ]
    assert traced.doc == "Doc."


def test_what_could_drive_a_terminal_is_taken_out(tmp_path):
    body = '"""Doc \\x1b[31m."""\na = h  # see \x1b[2J\u202e\nreturn a'
    traced = read_body(tmp_path, body)
    assert traced.doc == "Doc  [31m."
    assert traced.equations[0].comment == "see  [2J"
    with pytest.raises(EquationError, match="nothing is named 'c'") as caught:
        read_body(tmp_path, "return c  # \x1b[2J\u202e")
    assert "\n    return c  #  [2J\n" in str(caught.value)
