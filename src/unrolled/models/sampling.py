"""Drawing text from a language model, symbol by symbol, each fed back as the next input."""

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from unrolled.errors import SamplingError
from unrolled.models.attention_only.gpt2_in_step import GPT2InStep
from unrolled.models.language_model import LanguageModel
from unrolled.models.plain import fingerprint
from unrolled.models.writing import writer_for

_AT_ONCE = 64  # symbols of a call into C, at most: the first ones come at once


Predictor = LanguageModel | GPT2InStep
"""Symbols (T x B) and a state, or None, to scores of the symbol after each one, and a state."""


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
        if type(self.top_k) is not int or self.top_k < 0:
            wanted = "a whole number, 0 (all) or more"
            raise SamplingError(option="top-k", got=self.top_k, wanted=wanted)
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
    largest = logits.amax(-1, keepdim=True)
    if not largest.isfinite().all():
        raise _no_numbers()
    if choice.greedy or choice.temperature == 0:
        return logits.argmax(-1)
    scores = (logits - largest).double() / choice.temperature  # from 0 down: nothing overflows
    if 0 < choice.top_k < scores.shape[-1]:
        ranks = torch.arange(scores.shape[-1], device=scores.device).expand_as(scores)
        scores = _without(scores, ranks >= choice.top_k)
    if choice.top_p < 1:
        scores = _without(scores, _beyond(scores, choice.top_p))
    reached = scores.exp().cumsum(-1)
    shape = (*scores.shape[:-1], 1)
    uniform = _uniform(shape, generator).to(scores.device)
    return (reached <= uniform * reached[..., -1:]).sum(-1)


def _uniform(shape: Sequence[int], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=torch.float64, device=generator.device)


def _no_numbers() -> SamplingError:
    wanted = "numbers: the model has diverged"
    return SamplingError(option="scores", got="NaN or infinity", wanted=wanted)


@torch.no_grad()
def read(model: Predictor, symbols: Sequence[int], state: Any = None) -> tuple[Tensor, Any]:
    """The scores (V) and the state after reading some symbols, at least one."""
    device = next(model.parameters()).device
    column = torch.tensor(list(symbols), device=device).unsqueeze(-1)  # T 1
    logits, state = model(column, state)
    return logits[-1, 0], state


@torch.no_grad()
def generate(
    model: Predictor, prime: Sequence[int], choice: Choice, generator: Generator
) -> Iterator[int]:
    """Symbols without end, after reading the prime (at least one symbol).

    Where C alone can run the model, it writes some symbols at a call, after taking as many numbers
    from the generator; the text is the same, up to rounding.

    Args:
        model: The model, in evaluation mode.
        prime: What it reads first.
        choice: How a symbol is chosen.
        generator: What chooses.

    Raises:
        SamplingError: There is no prime, or the scores are no numbers.
        ShapeError: A symbol of the prime is none of the model's.
    """
    *before, symbol = map(operator.index, prime) if len(prime) else _no_prime()
    state = read(model, before)[1] if before else None
    writer, known, count = None, None, 1
    while True:
        if isinstance(model, LanguageModel) and (now := fingerprint(model)) != known:
            state = writer.state if writer else state
            writer, known = writer_for(model, state), now
        if writer and writer.reads(symbol):
            symbols = writer.write(symbol, _uniform((count,), generator).cpu(), **choice.options())
            yield from symbols
            if len(symbols) < count:
                raise _no_numbers()
            symbol = symbols[-1]
        else:
            for _ in range(count):
                logits, state = read(model, [symbol], state)
                symbol = int(choose(logits.cpu(), choice, generator))
                yield symbol
        count = min(2 * count, _AT_ONCE)


def _no_prime() -> NoReturn:
    raise SamplingError(option="prime", got="()", wanted="at least one symbol to read first")


def _beyond(scores: Tensor, top_p: float) -> Tensor:
    """Which ranks lie outside the smallest set of symbols whose probability reaches p."""
    chances = scores.exp().sort(dim=-1, descending=True).values
    before = chances.cumsum(-1).roll(1, -1)
    before[..., 0] = 0
    return before >= top_p * chances.sum(-1, keepdim=True)


def _without(scores: Tensor, ranks: Tensor) -> Tensor:
    """The scores with -inf where the symbol's rank among them is marked."""
    order = scores.argsort(dim=-1, descending=True, stable=True)
    return scores.masked_fill(torch.zeros_like(ranks).scatter(-1, order, ranks), float("-inf"))
