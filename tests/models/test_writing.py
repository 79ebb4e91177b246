"""Text that C writes is, symbol by symbol, the text that steps in Python write."""

from itertools import islice

import pytest
import torch
from tests.layers.cases import every_cell, own_sizes

from unrolled import Recurrent, cell, find_cell, tanh
from unrolled.errors import SamplingError
from unrolled.models.language_model import LanguageModel, Shape
from unrolled.models.sampling import Choice, generate
from unrolled.models.writing import writer_for

V, H = 11, 7
CHOICES = [
    Choice(),
    Choice(temperature=0.3),
    Choice(temperature=1e300),
    Choice(greedy=True),
    Choice(temperature=0.0),
    Choice(top_k=1),
    Choice(top_k=4),
    Choice(top_k=V + 3),
    Choice(top_p=0.1),
    Choice(top_p=0.7),
    Choice(temperature=1.7, top_k=6, top_p=0.8),
]

ALWAYS_THE_LIKELIEST = [CHOICES[3], CHOICES[4], CHOICES[5], CHOICES[8]]


def make_model(name="lstm", *, vocabulary=V, layers=2, embedding=0, dtype=torch.float64):
    """A model with weights so large that its probabilities differ."""
    torch.manual_seed(3)
    known = find_cell(name) if isinstance(name, str) else name
    model = LanguageModel(find_cell("lstm"), Shape(vocabulary, H, embedding_size=embedding))
    sizes = own_sizes(name) if isinstance(name, str) else None
    model.recurrent = Recurrent(known, embedding or vocabulary, H, layers, sizes=sizes)
    model.readout = torch.nn.Linear(model.recurrent.state_shapes()[0][-1], vocabulary)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return model.to(dtype).eval()


def text(model, count=100, choice=CHOICES[0], prime=(1, 2, 3)):
    """What the model writes; as generate counts, in calls of 1, 2, 4 symbols and so on."""
    return [*islice(generate(model, prime, choice, torch.Generator().manual_seed(0)), count)]


def text_in_python(model, *arguments):
    """The same without the C."""
    model.recurrent.backend = "eager"
    assert writer_for(model, None) is None
    return text(model, *arguments)


@every_cell
def test_every_cell_writes(name):
    if name in ("mut1", "mut2"):  # whose input is as wide as their state
        model = make_model(name, vocabulary=H)
    else:
        model = make_model(name)
    model.recurrent.backend = "c"
    assert writer_for(model, None) is not None
    assert text(model) == text_in_python(model)


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_choice_is_made_alike(choice):
    model = make_model()
    written = text(model, 100, choice)
    assert written == text_in_python(model, 100, choice)
    assert len(set(written)) > 1 or choice in ALWAYS_THE_LIKELIEST


@pytest.mark.parametrize("choice", [Choice(top_p=0.5), Choice(top_k=300, top_p=0.9)], ids=str)
def test_a_large_vocabulary(choice):
    model = make_model(vocabulary=3001, layers=1)
    assert text(model, 100, choice) == text_in_python(model, 100, choice)


def test_of_equal_scores_the_first_counts_as_the_likelier():
    model = make_model()
    with torch.no_grad():
        model.readout.weight.zero_()
        model.readout.bias.copy_(torch.tensor([0.0, 2, 1, 2, 2, 1, 2, 0, 0, 0, 2]))
    assert set(text(model, 200, Choice(top_k=3))) == {1, 3, 4}
    assert set(text(model, 200, Choice(greedy=True))) == {1}


@pytest.mark.parametrize("prime", [(4,), (4, 1), tuple(range(V)) * 3])
@pytest.mark.parametrize("embedding", [0, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_whatever_is_read_first(prime, embedding, dtype):
    model = make_model("gru", embedding=embedding, dtype=dtype)
    assert text(model, 40, CHOICES[0], prime) == text_in_python(model, 40, CHOICES[0], prime)


def test_weights_that_change_between_two_calls_are_heeded():
    model = make_model()
    drawn = generate(model, [0], Choice(), torch.Generator().manual_seed(0))
    before = [next(drawn) for _ in range(7)]  # calls of 1, 2 and 4
    with torch.no_grad():
        model.readout.weight.zero_()
        model.readout.bias.fill_(-9.0)
        model.readout.bias[5] = 9.0
    assert len(set(before)) > 1
    assert {next(drawn) for _ in range(20)} == {5}


def test_a_readout_without_bias():
    model = make_model()
    model.readout = torch.nn.Linear(H, V, bias=False).double()
    assert text(model) == text_in_python(model)


@pytest.mark.parametrize("backend", ["c", "eager"])
@pytest.mark.parametrize("choice", [Choice(), Choice(top_k=3)], ids=str)
def test_scores_that_are_no_numbers_are_an_error(backend, choice):
    model = make_model()
    model.recurrent.backend = backend
    with torch.no_grad():
        model.readout.bias[2] = torch.nan
    with pytest.raises(SamplingError, match="scores=NaN cannot be; wanted numbers: the model has"):
        text(model, 1, choice)


@cell
def of_an_early_value(x, h, *, W, b):
    """A matrix meets a function of the input: torch computes it."""
    u = tanh(W.xu @ x)
    return tanh(W.uh @ u + W.hh @ h + b.h)


def test_what_python_must_see_is_written_in_python():
    model = make_model()
    assert writer_for(model, None) is not None
    assert writer_for(model.train(), None) is None
    assert writer_for(make_model(of_an_early_value), None) is None
    seen = []
    model.eval().recurrent.register_forward_hook(lambda *call: seen.append(len(call)))
    assert len(text(model, 12)) == 12
    assert len(seen) == 13, "the prime's start, and each symbol"
