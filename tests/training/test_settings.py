"""Settings that cannot be are refused with their name, what came and what was wanted."""

import math

import pytest

from unrolled.errors import SettingError
from unrolled.training.settings import TrainSettings, check_seed

WRONG = [
    ("minutes", 0, "more than 0"),
    ("minutes", math.nan, "more than 0"),
    ("epochs", -1, "more than 0"),
    ("steps", 0, "more than 0"),
    ("learning_rate", 0.0, "more than 0"),
    ("learning_rate", math.inf, "more than 0"),
    ("learning_rate", math.nan, "more than 0"),
    ("evaluate_every", 0, "more than 0"),
    ("log_every", -3, "more than 0"),
    ("keep", 0, "more than 0"),
    ("weight_decay", -0.1, "0 or more"),
    ("momentum", math.nan, "0 or more"),
    ("warmup_steps", -1, "0 or more"),
    ("clip_norm", -1.0, "0 or more"),
    ("clip_value", math.inf, "0 or more"),
    ("omega", -0.5, "0 or more"),
    ("omega", math.nan, "0 or more"),
    ("patience", -1, "0 or more"),
    ("save_seconds", math.nan, "0 or more"),
    ("threads", -1, "0 or more"),
    ("threads", 10**6, "1024 at most"),
    ("seed", -1, "a whole number from 0"),
    ("seed", 2**63, "a whole number from 0"),
]


@pytest.mark.parametrize(("name", "value", "wanted"), WRONG)
def test_what_cannot_be_is_refused(name, value, wanted):
    with pytest.raises(SettingError, match=f"^{name}={value} cannot be; wanted {wanted}"):
        TrainSettings(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("minutes", math.inf), ("seed", 2**63 - 1), ("steps", 10**400), ("save_seconds", math.inf)],
)
def test_what_is_large_but_can_be_is_taken(name, value):
    assert getattr(TrainSettings(**{name: value}), name) == value


def test_torch_takes_the_largest_seed():
    import torch

    check_seed(2**63 - 1)
    generator = torch.Generator().manual_seed(2**63 - 1)
    assert generator.initial_seed() == 2**63 - 1
