"""Masks: possible rates, and what stands for them at evaluation."""

import pytest

from unrolled import dropout, zone
from unrolled.errors import MaskRateError
from unrolled.lang.masks import Mask


def test_a_mask_is_its_expectation_at_evaluation():
    assert dropout(0.25).at_evaluation == 1.0
    assert zone(0.25).at_evaluation == 0.25


def test_a_mask_is_drawn_each_step_unless_it_says_otherwise():
    assert (dropout(0.5).per, zone(0).per) == ("step", "step")
    assert dropout(0.5, per="sequence") == Mask("dropout", 0.5, "sequence")


@pytest.mark.parametrize(
    "rate", [1, 1.0, -0.1, 2, float("nan"), float("inf"), "0.5", True, None, [0.5]]
)
@pytest.mark.parametrize("make", [dropout, zone])
def test_an_impossible_rate_is_refused(make, rate):
    with pytest.raises(MaskRateError, match="wanted 0 <= rate < 1 and per"):
        make(rate)


def test_an_impossible_period_is_refused():
    with pytest.raises(MaskRateError, match='a mask got rate=0.5 per="batch"'):
        dropout(0.5, per="batch")
