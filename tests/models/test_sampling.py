"""Symbols are drawn with exactly the probabilities that the options say."""

import math

import pytest
import torch

from unrolled.cells import find_cell
from unrolled.errors import SamplingError
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.models.sampling import Choice, choose, generate, read

V, DRAWS = 8, 40_000
LOGITS = torch.tensor([1.5, -0.5, 0.3, 2.0, 0.3, -3.0, 0.0, 1.0])
CHI_SQUARE = {1: 10.8, 2: 13.8, 3: 16.3, 4: 18.5, 5: 20.5, 6: 22.5, 7: 24.3}  # one in a thousand


def drawn(choice, logits=LOGITS, seed=0):
    generator = torch.Generator().manual_seed(seed)
    symbols = choose(logits.expand(DRAWS, -1), choice, generator)
    return torch.bincount(symbols, minlength=len(logits)).double()


def exact(choice, logits=LOGITS):
    """The probabilities, by plain loops over symbols ordered by likelihood, the first first."""
    scores = [x / choice.temperature for x in logits.tolist()]
    ranked = sorted(range(len(scores)), key=lambda symbol: (-scores[symbol], symbol))
    kept = ranked[: choice.top_k or None]
    total, reached, nucleus = sum(math.exp(scores[s]) for s in kept), 0.0, []
    for symbol in kept:
        if reached < choice.top_p:
            nucleus.append(symbol)
        reached += math.exp(scores[symbol]) / total
    total = sum(math.exp(scores[s]) for s in nucleus)
    return torch.tensor(
        [math.exp(scores[s]) / total if s in nucleus else 0.0 for s in range(len(scores))],
        dtype=torch.float64,
    )


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(temperature=0.5),
        Choice(temperature=2.5),
        Choice(top_k=3),
        Choice(top_k=4),
        Choice(top_p=0.5),
        Choice(top_p=0.9),
        Choice(temperature=1.7, top_k=5, top_p=0.8),
        Choice(top_k=V),
        Choice(top_k=100),
    ],
    ids=str,
)
def test_draws_follow_the_exact_probabilities(choice):
    counts, wanted = drawn(choice), exact(choice) * DRAWS
    assert counts[wanted == 0].sum() == 0
    there = wanted > 0
    statistic = float(((counts - wanted)[there] ** 2 / wanted[there]).sum())
    assert statistic < CHI_SQUARE[int(there.sum()) - 1]


@pytest.mark.parametrize(
    "choice",
    [
        Choice(greedy=True),
        Choice(temperature=0.0),
        Choice(top_k=1),
        Choice(top_p=1e-9),
        Choice(temperature=1e-45),
        Choice(temperature=5e-324),
    ],
    ids=str,
)
def test_six_ways_to_take_the_likeliest(choice):
    assert drawn(choice).nonzero().tolist() == [[3]]


@pytest.mark.parametrize("temperature", [1e300, 1.7e308])
def test_an_endless_temperature_makes_all_symbols_alike(temperature):
    counts = drawn(Choice(temperature=temperature))
    assert float(((counts - DRAWS / V) ** 2 / (DRAWS / V)).sum()) < CHI_SQUARE[V - 1]


@pytest.mark.parametrize("scale", [1.0, 1e30])
def test_top_k_keeps_exactly_k_even_of_equals(scale):
    ties = torch.tensor([0.0, 1.0, 1.0, 1.0, 0.5, 1.0]) * scale
    for k in range(1, 5):
        kept = drawn(Choice(top_k=k), ties).nonzero().flatten().tolist()
        assert kept == [1, 2, 3, 5][:k], "of equals, the first"
    assert drawn(Choice(top_k=2), torch.zeros(5)).nonzero().flatten().tolist() == [0, 1]


def test_top_p_keeps_the_smallest_set_that_reaches_p():
    logits = torch.tensor([0.5, 0.25, 0.125, 0.125]).log()
    sizes = {0.01: 1, 0.5: 1, 0.51: 2, 0.75: 2, 0.76: 3, 0.875: 3, 0.9: 4, 0.999999: 4, 1.0: 4}
    for top_p, size in sizes.items():
        assert len(drawn(Choice(top_p=top_p), logits).nonzero()) == size, top_p
    assert drawn(Choice(top_p=0.5), torch.zeros(4)).nonzero().flatten().tolist() == [0, 1]


def test_top_p_is_a_share_of_what_top_k_has_left():
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1]).log()
    kept = drawn(Choice(top_k=2, top_p=0.5), logits)
    assert kept.nonzero().flatten().tolist() == [0], "0.4 of the 0.7 that is left is over half"


def test_rows_are_drawn_each_from_its_own_scores():
    logits = torch.full((3, 2, V), -100.0)
    for row in range(6):
        logits.view(6, V)[row, row] = 100.0
    for choice in (Choice(), Choice(top_k=2), Choice(top_p=0.9), Choice(greedy=True)):
        picked = choose(logits, choice, torch.Generator().manual_seed(0))
        assert picked.tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"temperature": -0.1}, "temperature=-0.1 cannot be; wanted 0 or more"),
        ({"temperature": math.nan}, "temperature=nan cannot be"),
        ({"temperature": math.inf}, "temperature=inf cannot be"),
        ({"top_k": -1}, r"top-k=-1 cannot be; wanted a whole number, 0 \(all\) or more"),
        ({"top_p": 0.0}, "top-p=0.0 cannot be; wanted more than 0, at most 1"),
        ({"top_p": 1.1}, "top-p=1.1 cannot be"),
        ({"top_p": math.nan}, "top-p=nan cannot be"),
    ],
)
def test_impossible_choices_are_refused(option, message):
    with pytest.raises(SamplingError, match=message):
        Choice(**option)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return LanguageModel(find_cell("gru+zoneout:0.2"), Shape(V, 6, dropout=0.5)).eval()


def take(model, count, choice, seed, prime=(1, 2, 3)):
    drawn = generate(model, prime, choice, torch.Generator().manual_seed(seed))
    return [next(drawn) for _ in range(count)]


def test_each_symbol_is_fed_back_as_the_next_input(model):
    text = [1, 2, 3, *take(model, 30, Choice(), 0)]
    generator = torch.Generator().manual_seed(0)
    for length in range(3, 33):
        logits, _ = model(torch.tensor(text[:length]).unsqueeze(-1))  # the whole text, every time
        assert int(choose(logits[-1, 0], Choice(), generator)) == text[length]


def test_a_seed_repeats_a_text_and_another_gives_another(model):
    first = take(model, 60, Choice(), 1)
    torch.rand(7)  # torch's own generator is no part of it
    assert take(model, 60, Choice(), 1) == first
    assert take(model, 60, Choice(), 2) != first


def test_drawing_leaves_torchs_own_generator_and_the_gradient_alone(model):
    before = torch.get_rng_state()
    take(model, 5, Choice(), 1)
    logits, state = read(model, [1, 2])
    assert torch.equal(torch.get_rng_state(), before)
    assert not logits.requires_grad
    assert not state.requires_grad
    assert torch.is_grad_enabled()


def test_reading_in_two_parts_is_reading_at_once(model):
    whole, last = read(model, [1, 2, 3, 4])
    _, half = read(model, [1, 2])
    parts, end = read(model, [3, 4], half)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(end, last)
