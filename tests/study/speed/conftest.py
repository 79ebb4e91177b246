"""A tiny point, the report of nobody, and cases that are made once."""

import pytest
import torch

from unrolled.cells import find_cell
from unrolled.study.speed.case import make_case
from unrolled.study.speed.points import Point
from unrolled.study.speed.settings import BenchSettings

# Under these settings a measurement takes no time.
SMALL = BenchSettings(cells=("rnn",), points=("2x3",), steps=4, seconds=1e-6, rounds=2)


@pytest.fixture
def small():
    """Settings under which a measurement takes no time."""
    return SMALL


@pytest.fixture
def case_of():
    """Makes the case of a cell at a tiny point."""

    def make(name, *, steps=5, with_lengths=False, dtype=torch.float32):
        point = Point(3, 4)
        return make_case(
            find_cell(name), point, steps=steps, dtype=dtype, with_lengths=with_lengths
        )

    return make


@pytest.fixture
def answer():
    """Builds a peer for a case, runs it once and gives its answer beside the truth."""

    def ask(build, case, *, backward=True):
        trial = build(case, backward=backward)
        trial.prepare()
        return trial.values(trial.run()), case.truth

    return ask
