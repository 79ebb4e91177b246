"""A nested state taken apart and put together is the same, types and all."""

import pytest
import torch

from unrolled.errors import ForeignStateError, NotJsonError
from unrolled.training.storage.json_text import read_json, write_json
from unrolled.training.storage.tensor_trees import pack_tree, unpack_tree


def test_a_tree_comes_back_with_every_type():
    h, c = torch.ones(2), torch.zeros(3, dtype=torch.int64)
    tree = {"state": (h, [c, None]), 3: {"a.b": 1.5, "rate": float("inf")}, "yes": True, "e": ()}
    tensors, packed = pack_tree(tree, "x")
    assert set(tensors) == {"x.state.0", "x.state.1.0"}
    again = unpack_tree(tensors, read_json(write_json({"t": packed}, place="test"))["t"])
    assert str(again) == str(tree)
    assert torch.equal(again["state"][0], h)
    assert again["state"][1][0].dtype == torch.int64


def test_two_paths_that_read_alike_keep_their_own_tensors():
    tree = {"a.b": torch.tensor(1), "a": {"b": torch.tensor(2)}}
    tensors, packed = pack_tree(tree, "x")
    assert set(tensors) == {"x.a.b", "x.a.b_"}
    assert unpack_tree(tensors, packed) == tree


def test_a_value_that_is_no_data_is_refused():
    with pytest.raises(NotJsonError, match=r"x\.f is a builtin_function_or_method, which JSON"):
        pack_tree({"f": print}, "x")


@pytest.mark.parametrize("packed", [{}, {"tuple": 3}, {"dict": [3]}, {"dict": [[[], 1]]}, {"x": 1}])
def test_what_was_never_packed_is_refused(packed: object):
    with pytest.raises(
        ForeignStateError, match="which is no packed value. Resume with the settings"
    ):
        unpack_tree({}, packed)
