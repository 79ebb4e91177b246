"""A whole cell: its parts by name, and copies of it."""

import copy
import pickle

import pytest

from unrolled import GALLERY, find_cell
from unrolled.errors import NoParametersError
from unrolled.lang.stored import from_json, to_json

LSTM, RHN = find_cell("lstm"), find_cell("rhn")


def test_a_cell_says_its_name_and_states():
    assert repr(LSTM) == "<cell lstm: h, c>"
    assert LSTM.state_names == ("h", "c")
    assert LSTM.names == {"x", "h", "c", "i", "f", "g", "o"}


def test_every_name_has_its_last_value_and_a_state_its_new_one():
    assert LSTM.named["h"] is LSTM.results[0]
    assert LSTM.named["c"] is LSTM.results[1]
    assert RHN.named["u"] is [e.value for e in RHN.equations if e.name == "u"][-1]
    assert set(LSTM.named) == {"i", "f", "g", "o", "c", "h"}


def test_nodes_have_every_input_and_operands_first():
    for row in GALLERY.values():
        position = {node: number for number, node in enumerate(row.cell.nodes)}
        assert {row.cell.input, *row.cell.states, *row.cell.results} <= set(position)
        for node in row.cell.nodes:
            assert all(position[argument] < position[node] for argument in node.args)


def test_products_stand_in_order_of_appearance():
    labels = [product.args[0].label for product in LSTM.products]
    assert labels == ["W.xi", "W.hi", "W.xf", "W.hf", "W.xg", "W.hg", "W.xo", "W.ho"]


def test_a_copy_is_the_cell_itself_and_a_pickle_is_its_graph():
    assert copy.deepcopy(LSTM) is LSTM
    again = pickle.loads(pickle.dumps(RHN))
    assert to_json(again) == to_json(RHN)


def test_a_cell_that_was_stored_has_no_other_parameters():
    stored = from_json(to_json(RHN))
    assert stored() is stored
    with pytest.raises(NoParametersError, match="cell rhn was read from a stored graph"):
        stored(depth=3)
