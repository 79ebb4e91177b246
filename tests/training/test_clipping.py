"""Clipping by norm and by value does what numpy does, and is counted."""

import numpy as np
import pytest
import torch
from tests.training.tiny import TinyTask, fit, plain
from torch import nn

from unrolled.training.clipping import clip_by_norm, clip_by_value, gradients_of, total_norm
from unrolled.training.storage.metrics_log import read_metrics


@pytest.fixture
def gradients():
    generator = torch.Generator().manual_seed(5)
    shapes = [(3, 4), (7,), (1,), (2, 1, 5)]
    return [torch.randn(s, generator=generator, dtype=torch.float64) * 3 for s in shapes]


def norm_of(arrays):
    return np.sqrt(sum(float((a**2).sum()) for a in arrays))


def test_total_norm_is_over_all_gradients_together(gradients):
    assert total_norm(gradients) == pytest.approx(norm_of([g.numpy() for g in gradients]))
    assert total_norm([]) == 0.0


@pytest.mark.parametrize("threshold", [0.5, 5.0])
def test_clipping_by_norm_scales_all_gradients_alike(gradients, threshold):
    before = [g.numpy().copy() for g in gradients]
    assert clip_by_norm(gradients, threshold, total_norm(gradients)) is True
    for ours, original in zip(gradients, before, strict=True):
        np.testing.assert_allclose(ours.numpy(), original * threshold / norm_of(before), rtol=1e-12)
    assert total_norm(gradients) == pytest.approx(threshold)


def test_clipping_by_norm_leaves_a_small_gradient_alone(gradients):
    before = [g.clone() for g in gradients]
    norm = total_norm(gradients)
    assert clip_by_norm(gradients, norm, norm) is False
    assert all(torch.equal(a, b) for a, b in zip(gradients, before, strict=True))


def test_clipping_by_value_is_numpys_clip(gradients):
    before = [g.numpy().copy() for g in gradients]
    assert clip_by_value(gradients, 1.5) is True
    for ours, original in zip(gradients, before, strict=True):
        np.testing.assert_array_equal(ours.numpy(), np.clip(original, -1.5, 1.5))
    assert clip_by_value(gradients, 1.5) is False


def test_weights_without_a_gradient_are_passed_over():
    weights = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))]
    weights[1].grad = torch.ones(2)
    assert [g.tolist() for g in gradients_of(weights)] == [[1.0, 1.0]]


def counts(path):
    return [line["clipped"] for line in read_metrics(path) if line["kind"] == "train"]


def norms(path):
    return [line["gradient_norm"] for line in read_metrics(path) if line["kind"] == "train"]


def frozen(**changes):
    return plain(steps=8, optimizer="sgd", learning_rate=1e-300, **changes)


def test_steps_that_were_clipped_by_norm_are_counted(tmp_path):
    fit(TinyTask(chunks=8), frozen(), tmp_path / "free")
    free = norms(tmp_path / "free")
    threshold = sorted(free)[4]
    fit(TinyTask(chunks=8), frozen(clip_norm=threshold), tmp_path / "clipped")
    above = [norm > threshold for norm in free]
    assert counts(tmp_path / "clipped") == np.cumsum(above).tolist()
    assert norms(tmp_path / "clipped") == free, "the norm that is told is the one before clipping"
    assert counts(tmp_path / "free") == [0] * 8


def test_steps_that_were_clipped_by_value_are_counted_once(tmp_path):
    fit(TinyTask(chunks=8), frozen(clip_value=1e-9), tmp_path / "value")
    fit(TinyTask(chunks=8), frozen(clip_value=1e-9, clip_norm=1e-12), tmp_path / "both")
    fit(TinyTask(chunks=8), frozen(clip_value=1e9), tmp_path / "neither")
    assert counts(tmp_path / "value") == counts(tmp_path / "both") == list(range(1, 9))
    assert counts(tmp_path / "neither") == [0] * 8


def test_with_both_the_value_is_clipped_first(tmp_path):
    task = TinyTask(chunks=1, dtype=torch.float64)
    task.loss(0, None)[0].backward()
    clipped = [np.clip(p.grad.numpy(), -0.01, 0.01) for p in task.model.parameters()]
    expected = [c * min(1.0, 0.02 / norm_of(clipped)) for c in clipped]
    start = [p.detach().numpy().copy() for p in task.model.parameters()]
    once = plain(steps=1, optimizer="sgd", learning_rate=1.0, clip_value=0.01, clip_norm=0.02)
    fit(task, once, tmp_path / "run")
    for before, gradient, weight in zip(start, expected, task.model.parameters(), strict=True):
        np.testing.assert_allclose(weight.detach().numpy(), before - gradient, atol=1e-12)
