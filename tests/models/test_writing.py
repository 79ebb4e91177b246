"""Text that C writes is, symbol by symbol, the text that steps in Python write."""

from itertools import islice

import pytest
import torch
from tests.layers.cases import every_cell, own_sizes

from unrolled import Recurrent, cell, find_cell, tanh
from unrolled.errors import SamplingError, ShapeError
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
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
@pytest.mark.parametrize("choice", [Choice(), Choice(top_k=3), Choice(greedy=True)], ids=str)
@pytest.mark.parametrize("score", [torch.nan, torch.inf])
def test_scores_that_are_no_numbers_are_an_error(backend, choice, score):
    model = make_model()
    model.recurrent.backend = backend
    with torch.no_grad():
        model.readout.bias[2] = score
    with pytest.raises(SamplingError, match="scores=NaN or infinity cannot be; wanted n"):
        text(model, 1, choice)


def exchange_memory(model):
    for parameter in model.parameters():
        parameter.data = parameter.data * 0.5


def exchange_readout(model):
    model.readout = torch.nn.Linear(H, V).double()


def make_readout_float(model):
    model.readout.float()


def lay_readout_otherwise(model):
    other = model.readout.weight.detach().t().contiguous().t() * 2
    model.readout.load_state_dict({"weight": other, "bias": model.readout.bias}, assign=True)


def drop_outputs(model):
    model.dropout.p = 0.5
    model.dropout.train()


@pytest.mark.parametrize(
    "change", [exchange_memory, exchange_readout, lay_readout_otherwise, drop_outputs]
)
def test_a_model_that_changes_while_it_writes_is_seen(change):
    texts = []
    for backend in ("c", "eager"):
        model = make_model()
        model.recurrent.backend = backend
        drawn = generate(model, [0], Choice(), torch.Generator().manual_seed(0))
        before = [next(drawn) for _ in range(7)]  # calls of 1, 2 and 4
        torch.manual_seed(5)
        change(model)
        texts.append(before + [next(drawn) for _ in range(30)])
    assert texts[0] == texts[1]


def test_the_rows_of_a_call_live_as_long_as_it():
    model = make_model()
    drawn = generate(model, [1], Choice(), torch.Generator().manual_seed(0))
    begun = [next(drawn)]
    other = Recurrent(find_cell("lstm"), 3, 4)
    for steps in range(1, 70):  # more shapes than are remembered
        other(torch.randn(steps, 1, 3))
    spoiled = [torch.full((1,), 2**40) for _ in range(10_000)]
    assert begun + [next(drawn) for _ in range(99)] == text_in_python(model, 100, Choice(), [1])
    assert len(spoiled) == 10_000


@pytest.mark.parametrize("embedding", [0, 5])
@pytest.mark.parametrize("symbol", [V, -1, 10**9])
def test_a_symbol_that_is_none_is_refused(embedding, symbol):
    model = make_model(embedding=embedding)
    with pytest.raises((ShapeError, IndexError), match="whole numbers|out of range"):
        text(model, 1, Choice(), [symbol])


def narrow(model):
    model.embedding = torch.nn.Embedding(V, 4).double()


def shorten(model):
    model.embedding = torch.nn.Embedding(3, 5).double()


def widen(model):
    model.readout = torch.nn.Linear(H + 2, V).double()


def exchange_readout_memory(model):
    model.readout.weight.data = torch.zeros(1, 1, dtype=torch.float64)


def exchange_layer_memory(model):
    model.recurrent.weight_h_l0.data = torch.zeros(1, 1, dtype=torch.float64)


def test_an_input_that_is_wider_than_the_vocabulary():
    model = make_model("mut1", vocabulary=H)  # which reads the vector itself
    model.readout = torch.nn.Linear(H, H - 3).double().eval()
    assert writer_for(model, None) is not None
    assert text(model, 60, Choice(), [H - 1]) == text_in_python(model, 60, Choice(), [H - 1])


@pytest.mark.parametrize(
    "spoil",
    [
        make_readout_float,
        narrow,
        widen,
        shorten,
        exchange_readout_memory,
        exchange_layer_memory,
    ],
)
def test_parts_that_do_not_fit_are_left_to_torch(spoil):
    model = make_model(embedding=5)
    spoil(model)
    assert writer_for(model, None) is None


def test_there_is_something_to_read_first():
    with pytest.raises(SamplingError, match=r"prime=\(\) cannot be; wanted at least one symbol"):
        text(make_model(), 9, Choice(), [])


def test_equal_scores_share_the_nucleus_alike():
    model = make_model()
    with torch.no_grad():
        model.readout.weight.zero_()
        model.readout.bias.zero_()
    for top_p in (0.1, 0.3, 0.6, 0.8, 0.9):
        model.recurrent.backend = "c"
        written = text(model, 60, Choice(top_p=top_p))
        assert written == text_in_python(model, 60, Choice(top_p=top_p))


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
