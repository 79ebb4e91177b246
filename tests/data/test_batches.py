"""Which sequences make a batch, and how they lie in it."""

import numpy as np
import pytest
import torch

from unrolled.data.batches import bucketed, in_order, padded


def padding(lengths, batches):
    """The share of positions that are nobody's."""
    room = sum(len(batch) * lengths[batch].max() for batch in batches)
    return 1 - lengths.sum() / room


@pytest.mark.parametrize("count", [1, 31, 32, 33, 5_000])
def test_each_pass_has_every_sequence_once_in_batches_of_like_lengths(count):
    lengths = np.random.default_rng(0).integers(1, 60, size=count)
    passes = [bucketed(lengths, 32, np.random.default_rng(seed)) for seed in (0, 1)]
    for batches in passes:
        assert sorted(np.concatenate(batches)) == list(range(count))
        assert len(batches) == -(-count // 32)
        assert sum(len(batch) < 32 for batch in batches) <= 1
    if count > 1_000:
        assert padding(lengths, passes[0]) < 0.05
        assert {*map(tuple, passes[0])} != {*map(tuple, passes[1])}
        longest = [lengths[batch].max() for batch in passes[0]]
        assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


def test_of_pairs_both_sides_are_of_like_lengths():
    draws = np.random.default_rng(0)
    target = draws.integers(1, 40, size=4_000)
    source = np.maximum(1, target + draws.integers(-3, 4, size=4_000))
    batches = bucketed(np.stack([source, target], axis=1), 32, draws)
    assert padding(target, batches) < 0.08 and padding(source, batches) < 0.08


def test_what_is_measured_goes_from_short_to_long():
    lengths = np.array([5, 1, 4, 2, 3])
    assert [batch.tolist() for batch in in_order(lengths, 2)] == [[1, 3], [4, 2], [0]]


def test_sequences_stand_in_columns_with_zeros_beyond_their_ends():
    made = padded([np.array([3, 4], dtype=np.int32), np.array([5, 6, 7], dtype=np.int32)])
    assert made.steps.tolist() == [[3, 5], [4, 6], [0, 7]]
    assert (made.steps.dtype, made.lengths.tolist()) == (torch.int64, [2, 3])
    vectors = padded([np.ones((2, 3), dtype=np.float32), np.full((1, 3), 2, dtype=np.float32)])
    assert vectors.steps.shape == (2, 2, 3) and vectors.steps.dtype == torch.float32
    assert vectors.steps[1, 1].tolist() == [0, 0, 0]
