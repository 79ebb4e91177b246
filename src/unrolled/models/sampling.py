"""Drawing text from a language model, symbol by symbol, each fed back as the next input."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from unrolled.errors import SamplingError
from unrolled.models.language_model import LanguageModel
from unrolled.models.writing import writer_for

AT_ONCE = 64  # symbols of a call into C, at most: the first ones come at once
_NUMBERS = "numbers: the model has diverged"


@dataclass(frozen=True)
class Choice:
    """How the next symbol is chosen from the scores.

    `temperature` divides the scores (0 takes the likeliest, as does `greedy`); `top_k` keeps the k
    likeliest (0: all); `top_p` keeps the likeliest whose probabilities reach p (Holtzman et al.
    2020; 1: all). Of symbols that are equally likely the first counts as the likelier one.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    greedy: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise SamplingError(option="temperature", got=self.temperature, wanted="0 or more")
        if self.top_k < 0:
            raise SamplingError(option="top-k", got=self.top_k, wanted="0 (all) or more")
        if not 0 < self.top_p <= 1:
            raise SamplingError(option="top-p", got=self.top_p, wanted="more than 0, at most 1")

    def options(self) -> dict[str, Any]:
        """Temperature, top_k and top_p; greedy is temperature 0."""
        temperature = 0.0 if self.greedy else self.temperature
        return {"temperature": temperature, "top_k": self.top_k, "top_p": self.top_p}


def choose(logits: Float[Tensor, "*B V"], choice: Choice, generator: Generator) -> Tensor:
    """One symbol for each row of scores; the generator gives one number for each.

    Raises:
        SamplingError: The scores are no numbers.
    """
    if choice.greedy or choice.temperature == 0:
        return logits.argmax(-1)
    below = (logits - logits.amax(-1, keepdim=True)).double()  # so that no temperature overflows
    scores = below / choice.temperature
    if 0 < choice.top_k < scores.shape[-1]:
        ranks = torch.arange(scores.shape[-1], device=scores.device).expand_as(scores)
        scores = _without(scores, ranks >= choice.top_k)
    if choice.top_p < 1:
        scores = _without(scores, _beyond(scores, choice.top_p))
    reached = scores.softmax(-1).cumsum(-1)
    if not reached.isfinite().all():
        raise SamplingError(option="scores", got="NaN", wanted=_NUMBERS)
    shape = (*scores.shape[:-1], 1)
    uniform = torch.rand(shape, generator=generator, dtype=torch.float64).to(scores.device)
    return (reached <= uniform * reached[..., -1:]).sum(-1)


@torch.no_grad()
def read(model: LanguageModel, symbols: Sequence[int], state: Any = None) -> tuple[Tensor, Any]:
    """The scores (V) and the state after reading some symbols, at least one."""
    device = next(model.parameters()).device
    column = torch.tensor(list(symbols), device=device).unsqueeze(-1)  # T 1
    logits, state = model(column, state)
    return logits[-1, 0], state


@torch.no_grad()
def generate(
    model: LanguageModel, prime: Sequence[int], choice: Choice, generator: Generator
) -> Iterator[int]:
    """Symbols without end, after reading the prime (at least one symbol).

    Where the model's layers run in C, so does the whole of it, some symbols at a call.

    Raises:
        SamplingError: The scores are no numbers.
    """
    *before, symbol = prime
    state = read(model, before)[1] if before else None
    writer, count = writer_for(model, state), 1
    while True:
        if writer:
            uniform = torch.rand(count, generator=generator, dtype=torch.float64)
            symbols = writer.write(symbol, uniform, **choice.options())
            yield from symbols
            if len(symbols) < count:
                raise SamplingError(option="scores", got="NaN", wanted=_NUMBERS)
            symbol, count = symbols[-1], min(2 * count, AT_ONCE)
        else:
            logits, state = read(model, [symbol], state)
            symbol = int(choose(logits.cpu(), choice, generator))
            yield symbol


def _beyond(scores: Tensor, top_p: float) -> Tensor:
    """Which ranks lie outside the smallest set of symbols whose probability reaches p."""
    probabilities = scores.softmax(-1).sort(dim=-1, descending=True).values
    return probabilities.cumsum(-1) - probabilities >= top_p


def _without(scores: Tensor, ranks: Tensor) -> Tensor:
    """The scores with -inf where the symbol's rank among them is marked."""
    order = scores.argsort(dim=-1, descending=True, stable=True)
    return scores.masked_fill(torch.zeros_like(ranks).scatter(-1, order, ranks), float("-inf"))
