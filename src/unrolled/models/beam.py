"""The likeliest continuation of a text that a search with some beams finds."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from unrolled.errors import SamplingError
from unrolled.models.sampling import Predictor, read
from unrolled.models.search import Ends, search

_NEVER = -1  # the end of a continuation: it has as many symbols as are asked for


class Continuation(NamedTuple):
    """A continuation and its log probability in nats."""

    symbols: list[int]
    log_probability: float


def beam_search(model: Predictor, prime: Sequence[int], *, length: int, width: int) -> Continuation:
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
    *before, last = prime
    state = read(model, before)[1] if before else None
    ends = Ends(last, _NEVER, longest=length)
    ((best, *_),) = search(_Steps(model), state, 1, ends, width=width)
    return Continuation(best.symbols, best.log_probability)


class _Steps:
    """A language model as `search` calls it."""

    def __init__(self, model: Predictor) -> None:
        self._model = model

    def step(self, symbols: Tensor, at: Any) -> tuple[Tensor, Any]:
        device = next(self._model.parameters()).device
        logits, state = self._model(symbols.unsqueeze(0).to(device), at)
        return logits[0], state

    def reorder(self, at: Any, rows: Tensor) -> Any:
        return self._model.reorder(at, rows)
