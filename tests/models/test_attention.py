"""Attention of a recurrent model, against the papers' formulas written out."""

import numpy as np
import pytest
import torch

from unrolled.models.attention import Attention

T, S, B, Q, M = 3, 5, 4, 6, 7


def softmax(scores):
    raised = np.exp(scores - scores.max())
    return raised / raised.sum()


@pytest.mark.parametrize("form", ["additive", "multiplicative"])
@pytest.mark.parametrize("lengths", [None, [5, 1, 3, 4]])
def test_weights_and_what_is_found_are_the_papers(form, lengths):
    torch.manual_seed(0)
    attention = Attention(Q, M, form).double()
    query, steps = (
        torch.randn(*shape, dtype=torch.float64) for shape in ((T, B, Q), (S, B, M))
    )  # fmt: skip
    kept = None if lengths is None else torch.tensor(lengths)
    found, weights = attention(query, attention.remember(steps, kept))
    w = {name: parameter.detach().numpy() for name, parameter in attention.named_parameters()}
    for t in range(T):
        for b in range(B):
            q, memory = (
                query[t, b].numpy(),
                steps[:, b].numpy()[: None if kept is None else kept[b]],
            )
            if form == "additive":
                hidden = w["query.weight"] @ q + w["query.bias"] + memory @ w["memory.weight"].T
                scores = np.tanh(hidden) @ w["score.weight"][0]
            else:
                scores = memory @ w["memory.weight"].T @ q
            wanted = softmax(scores)
            np.testing.assert_allclose(weights[t, b, : len(wanted)].detach(), wanted, rtol=1e-10)
            assert not weights[t, b, len(wanted) :].any()
            np.testing.assert_allclose(found[t, b].detach(), wanted @ memory, rtol=1e-10)
