"""Beam search: the likeliest continuation that a bounded search finds."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unrolled.errors import SamplingError
from unrolled.layers.states import map_state
from unrolled.models.language_model import LanguageModel
from unrolled.models.sampling import read

WIDEST = 10_000  # beams; each holds a state of its own


class Continuation(NamedTuple):
    """A continuation and its log probability in nats."""

    symbols: list[int]
    log_probability: float


@torch.no_grad()
def beam_search(
    model: LanguageModel, prime: Sequence[int], *, length: int, width: int
) -> Continuation:
    """The likeliest continuation among those that keep within the best `width` at each step.

    Args:
        model: The model, in evaluation mode.
        prime: What it reads first, at least one symbol.
        length: Symbols of the continuation.
        width: Beams kept; as long as there are fewer continuations, all of them.

    Raises:
        SamplingError: The length or the width is impossible.
    """
    if length < 1:
        raise SamplingError(option="length", got=length, wanted="1 or more")
    if not 1 <= width <= WIDEST:
        raise SamplingError(option="beam", got=width, wanted=f"1 to {WIDEST}")
    logits, state = read(model, prime)
    scores = logits.log_softmax(-1)  # V
    totals, symbols = scores.topk(min(width, len(scores)))
    histories = symbols.unsqueeze(-1)  # beams, symbols so far
    state = _rows(state, torch.zeros_like(symbols))
    for _ in range(length - 1):
        logits, state = model(histories[:, -1].unsqueeze(0), state)
        grown = totals.unsqueeze(-1) + logits[0].log_softmax(-1)  # beams V
        totals, best = grown.flatten().topk(min(width, grown.numel()))
        parents = best // grown.shape[-1]
        last = (best % grown.shape[-1]).unsqueeze(-1)
        histories = torch.cat([histories[parents], last], dim=-1)
        state = _rows(state, parents)
    return Continuation(histories[0].tolist(), float(totals[0]))


def _rows(state: Any, rows: Tensor) -> Any:
    """The state of the chosen beams; beams lie along the batch axis."""
    return map_state(lambda part: part.index_select(1, rows), state)
