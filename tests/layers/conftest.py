"""Every test of the layers starts from the same seed."""

import pytest
import torch


@pytest.fixture(autouse=True)
def seeded():
    """Weights that a test does not set are the same in every run."""
    torch.manual_seed(0)
