"""Tags from words and from their letters, each different word read once."""

import pytest
import torch

from unrolled import find_cell
from unrolled.models.encoder import Shape
from unrolled.models.tagger import Spelled, Tagger

LENGTHS = torch.tensor([4, 1, 3])
SPELLED = Spelled(
    torch.tensor([[1, 2, 3], [4, 0, 2], [0, 0, 1]]),
    torch.tensor([2, 1, 3]),
    torch.tensor([[0, 1, 2], [2, 0, 1], [1, 0, 0], [0, 0, 0]]),
)


def model_of(cell="lstm", spelling_size=3):
    torch.manual_seed(0)
    shape = Shape(9, 4, 2, embedding_size=5, bidirectional=True)
    spelt = {"letters": 6, "spelling_size": spelling_size}
    return Tagger(find_cell(cell), shape, 7, **spelt).double().eval()


@pytest.mark.parametrize("cell", ["lstm", "gru", "mut3"])
def test_a_sentence_alone_is_tagged_as_among_others(cell):
    model, words = model_of(cell), torch.randint(9, (4, 3))
    together = model(words, SPELLED, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        places = SPELLED.places[:length, row : row + 1]
        alone = model(words[:length, row : row + 1], SPELLED._replace(places=places))
        torch.testing.assert_close(together[:length, row], alone[:, 0], rtol=1e-9, atol=1e-9)


def test_a_spelling_is_where_reading_its_letters_ends_both_ways():
    model = model_of("gru")
    vectors = model.spelling(SPELLED)
    for form, length in enumerate(SPELLED.lengths):
        letters = SPELLED.letters[:length, form : form + 1]
        _, last = model.spelling.recurrent(model.spelling.embedding(letters))
        wanted = torch.cat([last[0, 0], last[1, 0]])
        where = (SPELLED.places == form).nonzero()[0]
        torch.testing.assert_close(vectors[where[0], where[1]], wanted, rtol=1e-9, atol=1e-9)


def test_without_spelling_words_alone_count():
    model, words = model_of(spelling_size=0), torch.randint(9, (4, 3))
    assert model.spelling is None
    torch.testing.assert_close(model(words, SPELLED), model(words))


def test_gradients_reach_every_parameter():
    model, words = model_of().train(), torch.randint(9, (4, 3))
    model(words, SPELLED, lengths=LENGTHS).pow(2).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
