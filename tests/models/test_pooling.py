"""One vector for a whole sequence, whatever stands beyond its end."""

import numpy as np
import pytest
import torch

from unrolled import find_cell
from unrolled.models.encoder import Shape
from unrolled.models.many_to_one import ManyToOne
from unrolled.models.pooling import Pooling

LENGTHS = [4, 1, 6]


@pytest.mark.parametrize("how", ["last", "mean", "attention"])
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_the_vector_is_a_mean_of_the_steps_within_each_sequence(how, lengths):
    torch.manual_seed(0)
    pooling = Pooling(5, how).double()
    steps, last = torch.randn(6, 3, 5).double(), torch.randn(3, 5).double()
    given = None if lengths is None else torch.tensor(lengths)
    whole, weights = pooling(steps, last, given)
    for row, length in enumerate(lengths or [6] * 3):
        inside = steps[:length, row].numpy()
        wanted = np.full(length, 1 / length)
        if how == "attention":
            hidden = np.tanh(inside @ pooling.hidden.weight.detach().numpy().T
                             + pooling.hidden.bias.detach().numpy())  # fmt: skip
            raised = np.exp(hidden @ pooling.score.weight[0].detach().numpy())
            wanted = raised / raised.sum()
        elif how == "last":
            wanted = np.eye(length)[-1]
        np.testing.assert_allclose(weights[:length, row].detach(), wanted, rtol=1e-12)
        assert not weights[length:, row].any()
        found = last[row] if how == "last" else wanted @ inside
        np.testing.assert_allclose(whole[row].detach(), found, rtol=1e-12)


@pytest.mark.parametrize("pooling", ["last", "mean", "attention"])
def test_a_row_alone_is_answered_as_in_a_batch_in_both_directions(pooling):
    torch.manual_seed(0)
    shape = Shape(9, 4, 2, embedding_size=3, bidirectional=True)
    model = ManyToOne(find_cell("lstm"), shape, 3, pooling).double().eval()
    symbols, lengths = torch.randint(9, (6, 3)), torch.tensor(LENGTHS)
    together, _ = model(symbols, lengths=lengths)
    for row, length in enumerate(LENGTHS):
        alone, _ = model(symbols[:length, row : row + 1])
        torch.testing.assert_close(together[row], alone[0], rtol=1e-9, atol=1e-9)
