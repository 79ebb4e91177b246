"""Who computes something else is reported as wrong, who fails as failed; neither ends the run."""

import warnings

import pytest
import torch

from unrolled.study.speed.contest import contest
from unrolled.study.speed.measure import Budget
from unrolled.study.speed.trial import Trial, Values, difference, torch_trial

TRUTH = Values(torch.ones(2, 1, 3, dtype=torch.float64), torch.ones(2, 1, 2, dtype=torch.float64))
BUDGET = Budget(0, 1)


def answering(values):
    return lambda: Trial(lambda: values, lambda found: found)


def hold(**entrants):
    return contest(entrants, TRUTH, BUDGET, report=lambda doing: None)


def test_a_right_contender_is_timed():
    entry = hold(right=answering(TRUTH))["right"]
    assert (entry.status, entry.why) == ("timed", "")
    assert len(entry.times.seconds) == 1


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (Values(TRUTH.output * 1.01, TRUTH.x_gradient), "its output differs by 1.0e-02"),
        (Values(TRUTH.output, TRUTH.x_gradient * 2), "its gradient of x differs by 1.0e+00"),
        (Values(TRUTH.output * float("nan"), None), "its output differs by nan"),
        (Values(TRUTH.output[:1], None), "its output has the shape [1, 1, 3], not [2, 1, 3]"),
    ],
)
def test_a_wrong_contender_is_reported_and_not_timed(values, why):
    entries = hold(wrong=answering(values), right=answering(TRUTH))
    assert entries["wrong"].status == "wrong"
    assert entries["wrong"].why.startswith(why)
    assert entries["wrong"].times is None
    assert entries["right"].status == "timed"


def test_rounding_is_not_wrong_and_a_missing_gradient_is_not_compared():
    close = Values(TRUTH.output.float() * (1 + 1e-5), None)
    assert difference(close, TRUTH) == ""


def test_a_contender_that_cannot_be_built_is_named_with_its_errors_first_line():
    def build():
        raise ImportError("no such library\nmore")

    entries = hold(broken=build, right=answering(TRUTH))
    assert (entries["broken"].status, entries["broken"].why) == (
        "failed",
        "ImportError: no such library",
    )
    assert entries["right"].status == "timed"


def test_what_a_contender_warns_of_is_not_shown():
    def build():
        warnings.warn("slow path", stacklevel=1)
        return answering(TRUTH)()

    assert hold(warner=build)["warner"].status == "timed"


def test_without_a_truth_nothing_is_compared():
    entries = contest({"any": answering(TRUTH)}, None, BUDGET, report=lambda doing: None)
    assert entries["any"].status == "timed"


def test_a_torch_trial_starts_each_run_without_gradients():
    weight = torch.ones(3, requires_grad=True)
    x, d_output = torch.ones(2, 1, 3), torch.ones(2, 1, 3)
    trial = torch_trial(lambda x: x * weight, x, d_output, [weight], backward=True)
    for _ in range(2):
        trial.prepare()
        found = trial.values(trial.run())
    assert found.x_gradient.tolist() == [[[1.0] * 3]] * 2
    assert weight.grad.tolist() == [2.0] * 3
    assert x.grad is None


def test_forward_alone_builds_no_graph():
    weight = torch.ones(3, requires_grad=True)
    trial = torch_trial(lambda x: x * weight, torch.ones(1, 1, 3), None, [weight], backward=False)
    found = trial.run()
    assert not found.requires_grad
    assert trial.values(found).output.tolist() == [[[1.0] * 3]]
