"""The language model is its recurrent layers between an embedding and a readout."""

import pytest
import torch

from unrolled.cells import find_cell
from unrolled.errors import OpenWidthError, OptionError, SizeError
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel

T, B, V, H = 7, 3, 11, 6
CELLS = ["rnn", "lstm", "gru", "rhn:3", "layernorm_gru", "lstm+zoneout:0.1"]


def model_of(cell="lstm", **changes):
    torch.manual_seed(0)
    return LanguageModel(find_cell(cell), Shape(**{"input_size": V, "hidden_size": H, **changes}))


@pytest.fixture
def symbols():
    return torch.randint(V, (T, B), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("cell", CELLS)
def test_whole_numbers_are_one_hot_vectors(cell, symbols):
    model = model_of(cell, num_layers=2).double().eval()
    one_hot = torch.nn.functional.one_hot(symbols, V).double()
    output, state = model.recurrent(one_hot)
    expected = output @ model.readout.weight.T + model.readout.bias
    logits, last = model(symbols)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(last, state)
    assert logits.shape == (T, B, V)


def test_an_embedding_is_looked_up(symbols):
    model = model_of(embedding_size=4).double().eval()
    output, _ = model.recurrent(model.embedding.weight[symbols])
    expected = output @ model.readout.weight.T + model.readout.bias
    torch.testing.assert_close(model(symbols)[0], expected)


def test_a_projection_narrows_what_is_read_out(symbols):
    model = model_of("lstm_projected", projection_size=2)
    assert model.readout.in_features == 2
    logits, (h, c) = model(symbols)
    assert (logits.shape[-1], h.shape[-1], c.shape[-1]) == (V, 2, H)


def test_dropout_is_in_training_only(symbols):
    model = model_of(dropout=0.5)
    first, second = model(symbols)[0], model(symbols)[0]
    assert not torch.equal(first, second)
    model.eval()
    assert torch.equal(model(symbols)[0], model(symbols)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_a_row_alone_is_the_row_in_a_batch(cell, symbols):
    model = model_of(cell, num_layers=2).eval()
    together, _ = model(symbols)
    for row in range(B):
        alone, _ = model(symbols[:, row : row + 1])
        assert bool((alone[:, 0] - together[:, row]).abs().max() < 1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_a_text_in_parts_is_the_text_at_once(cell, symbols):
    model = model_of(cell).double().eval()
    whole, last = model(symbols)
    first, state = model(symbols[:3])
    second, end = model(symbols[3:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(end, last)


def test_the_same_seed_gives_the_same_bits(symbols):
    torch.manual_seed(5)
    first = model_of(dropout=0.3)(symbols)[0]
    assert torch.equal(model_of(dropout=0.3)(symbols)[0], first)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"hidden_size": 0}, OptionError, "hidden_size=0"),
        ({"input_size": 0}, OptionError, "input_size=0"),
        ({"num_layers": 0}, OptionError, "num_layers=0"),
        ({"cell": "lstm_projected"}, OpenWidthError, "the width R follows from no equation"),
        ({"cell": "mut1"}, SizeError, "mut1 needs H = X, got"),
    ],
)
def test_impossible_sizes_are_refused(changes, kind, message):
    with pytest.raises(kind, match=message):
        model_of(**changes)
