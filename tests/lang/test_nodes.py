"""Nodes: order, scalars, quotes, at any depth."""

import time

from unrolled.lang.nodes import Node, Place, in_order, lift, scalars

X, H = Node("input", attribute="x"), Node("state", attribute="h")


def test_operands_come_first_and_nothing_twice():
    shared = X * H
    result = shared + (shared - 2)
    order = list(in_order([result, shared, H]))
    assert [node.op for node in order] == ["input", "state", "mul", "constant", "sub", "add"]
    assert len(set(order)) == len(order)


def test_what_is_known_is_left_out_with_all_that_only_it_reads():
    shared = X * H
    assert [node.op for node in in_order([shared + H], known={shared})] == ["state", "add"]
    assert list(in_order([shared], known={shared})) == []


def test_operators_build_the_nodes_that_they_look_like():
    built = [X + 1, 1 + X, X - 1, 1 - X, X * 2, 2 * X, X / 2, -X]
    assert [node.op for node in built] == ["add", "add", "sub", "sub", "mul", "mul", "div", "neg"]
    assert [node.args[0] is X for node in built] == [True, False] * 3 + [True, True]
    assert lift(3).attribute == 3.0
    assert lift(X) is X


def test_scalars_are_numbers_and_row_means_and_what_is_made_of_them():
    mean = Node("mean", (H,))
    both = Node("sqrt", (mean + 1,)) * 2
    product = Node("product", (Node("matrix", attribute="W.a"), both))
    joined = Node("concat", (mean, mean))
    part = Node("slice", (joined,), (0, 2))
    nodes = list(in_order([both, mean * H, product, joined, part]))
    assert {node.op for node in scalars(nodes)} == {"mean", "constant", "add", "sqrt", "mul"}
    assert mean * H not in scalars(nodes)


def test_a_graph_that_doubles_takes_no_longer_than_its_nodes():
    node = Node("mean", (H,))
    for _ in range(20_000):
        node = node + node
    begin = time.perf_counter()
    nodes = list(in_order([node]))
    assert len(scalars(nodes)) == 20_001
    assert repr(node) == "<add of 2>"
    assert time.perf_counter() - begin < 2


def test_a_nodes_text_shows_its_attribute():
    assert repr(X) == "<input x>"
    assert repr(Node("slice", (X,), (0, 2))) == "<slice (0, 2) of 1>"


def test_nodes_are_told_apart_by_identity():
    assert Node("input", attribute="x") != X
    assert len({X, Node("input", attribute="x")}) == 2


def test_a_quote_has_its_caret_under_the_column_of_the_file():
    place = Place("cells.py", 12, 9, "a = h + gaet", 4)
    assert place.quote() == "cells.py:12:9\n    a = h + gaet\n        ^"
