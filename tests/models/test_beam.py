"""Beam search finds what a search through everything finds, where it is wide enough."""

import itertools
import math

import pytest
import torch

from unrolled.cells import find_cell
from unrolled.errors import SamplingError
from unrolled.models.beam import beam_search
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.models.sampling import Choice, generate
from unrolled.models.search import WIDEST

V = 4


def model_of(cell, seed=0):
    torch.manual_seed(seed)
    model = LanguageModel(find_cell(cell), Shape(V, 5, num_layers=2)).eval()
    with torch.no_grad():
        model.readout.weight.mul_(8.0)  # opinions, so that greedy is often wrong
    return model


@torch.no_grad()
def score(model, prime, symbols):
    """The log probability of a continuation, by reading it as a whole."""
    text = torch.tensor([*prime, *symbols]).unsqueeze(-1)
    logits, _ = model(text[:-1])
    predicted = logits[len(prime) - 1 :, 0].log_softmax(-1)
    return float(predicted.gather(-1, text[len(prime) :]).sum())


def exhaustive(model, prime, length):
    every = itertools.product(range(V), repeat=length)
    return max((score(model, prime, s), list(s)) for s in every)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_beam_as_wide_as_all_continuations_finds_the_likeliest(cell, seed):
    model = model_of(cell, seed)
    best, symbols = exhaustive(model, [1, 3], 4)
    found = beam_search(model, [1, 3], length=4, width=V**3)
    assert found.symbols == symbols
    assert found.log_probability == pytest.approx(best, abs=1e-4)


class Trap:
    """Two symbols; the likeliest text of three begins with 1 0, the third-best after two."""

    NEXT = {"": [0.52, 0.48], "1": [0.51, 0.49], "10": [1.0, 0.0]}

    def __init__(self):
        self.texts = [""]  # by the number that the state holds

    def __call__(self, symbols, state=None):
        if state is None:  # the prime, once for each beam
            beams = symbols.shape[1]
            first = torch.tensor([[self.NEXT[""]] * beams]).log()
            return first, torch.zeros(1, beams, 1, dtype=torch.long)
        texts = [
            self.texts[int(number)] + str(int(symbol))
            for number, symbol in zip(state.flatten(), symbols.flatten(), strict=True)
        ]
        self.texts += texts
        state = torch.arange(len(self.texts) - len(texts), len(self.texts)).reshape(1, -1, 1)
        return torch.tensor([[self.NEXT.get(text, [0.5, 0.5]) for text in texts]]).log(), state


@pytest.mark.parametrize(("width", "text", "best"), [(2, "0", 0.13), (3, "1", 0.2448)])
def test_later_steps_may_be_wider_than_the_alphabet(width, text, best):
    model = model_of("rnn")
    model.forward = Trap()
    found = beam_search(model, [0], length=3, width=width)
    assert str(found.symbols[0]) == text
    assert math.exp(found.log_probability) == pytest.approx(best)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_one_beam_is_greedy(cell):
    model = model_of(cell)
    drawn = generate(model, [2], Choice(greedy=True), torch.Generator())
    found = beam_search(model, [2], length=20, width=1)
    assert found.symbols == [next(drawn) for _ in range(20)]
    assert found.log_probability == pytest.approx(score(model, [2], found.symbols), abs=1e-3)


@pytest.mark.parametrize("width", [1, 3, 7, WIDEST])
def test_the_score_is_the_log_probability_of_the_text(width):
    model = model_of("gru")
    found = beam_search(model, [0, 1], length=5, width=width)
    assert len(found.symbols) == 5
    assert found.log_probability == pytest.approx(score(model, [0, 1], found.symbols), abs=1e-4)


def test_a_beam_of_one_symbol_is_the_likeliest_symbol():
    model = model_of("lstm")
    best, symbols = exhaustive(model, [3], 1)
    found = beam_search(model, [3], length=1, width=99)
    assert (found.symbols, found.log_probability) == (symbols, pytest.approx(best, abs=1e-5))


@pytest.mark.parametrize(
    ("length", "width", "message"),
    [
        (0, 3, "length=0 cannot be; wanted 1 or more"),
        (5, 0, "beam=0 cannot be; wanted 1 to 10000"),
        (5, -2, "beam=-2 cannot be"),
        (5, WIDEST + 1, "beam=10001 cannot be"),
    ],
)
def test_impossible_searches_are_refused(length, width, message):
    with pytest.raises(SamplingError, match=message):
        beam_search(model_of("rnn"), [0], length=length, width=width)
