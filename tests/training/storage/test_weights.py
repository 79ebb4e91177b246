"""Weights go into the model that they are of, whole, or not at all."""

import pytest
import torch
from torch import nn

from unrolled.errors import ForeignWeightsError
from unrolled.training.storage.weights import load_weights_into


def test_weights_of_the_same_model_are_copied():
    saved, model = nn.GRU(3, 4), nn.GRU(3, 4)
    load_weights_into(model, saved.state_dict())
    for ours, theirs in zip(model.parameters(), saved.parameters(), strict=True):
        assert torch.equal(ours, theirs)
        assert ours.data_ptr() != theirs.data_ptr()


def test_every_kind_of_difference_is_listed_with_its_shapes_and_nothing_is_loaded():
    model = nn.Linear(3, 4)
    before = model.weight.clone()
    weights = {"weight": torch.zeros(5, 3), "skip": torch.zeros(2, dtype=torch.int64)}
    with pytest.raises(ForeignWeightsError) as raised:
        load_weights_into(model, weights)
    assert str(raised.value) == (
        "These weights are not of this Linear:\n"
        "  missing: 'bias' (4,) float32\n"
        "  unexpected: 'skip' (2,) int64\n"
        "  different: 'weight' is (5, 3) float32, and the model's is (4, 3) float32\n"
        "Build the model with the settings that the weights were trained with."
    )
    assert torch.equal(model.weight, before)


def test_another_number_type_is_a_difference():
    model = nn.Linear(1, 1)
    with pytest.raises(
        ForeignWeightsError, match=r"is \(1, 1\) float64, and the model's is \(1, 1\)"
    ):
        load_weights_into(model, nn.Linear(1, 1, dtype=torch.float64).state_dict())


def test_a_model_without_memory_takes_over_the_tensors():
    saved = nn.LSTM(3, 4).state_dict()
    with torch.device("meta"):
        model = nn.LSTM(3, 4)
        giant = nn.Linear(2**40, 2**20)
    load_weights_into(model, saved)
    assert all(torch.equal(weight, saved[name]) for name, weight in model.state_dict().items())
    assert all(weight.requires_grad for weight in model.parameters())
    with pytest.raises(ForeignWeightsError, match=r"model's is \(1048576, 1099511627776\)"):
        load_weights_into(giant, nn.Linear(2, 2).state_dict())


def test_a_long_list_is_cut():
    with pytest.raises(ForeignWeightsError) as raised:
        load_weights_into(nn.LSTM(2, 2, num_layers=2), {f"w{i}": torch.ones(1) for i in range(9)})
    lines = str(raised.value).splitlines()
    assert lines[6] == "  missing: and 3 more"
    assert lines[12] == "  unexpected: and 4 more"
    assert len(lines) == 1 + 6 + 6 + 1


def test_a_name_that_steers_the_terminal_is_shown_as_text():
    with pytest.raises(ForeignWeightsError, match=r"unexpected: '\\x1b\[2J' \(1,\) float32"):
        load_weights_into(nn.Identity(), {"\x1b[2J": torch.ones(1)})
