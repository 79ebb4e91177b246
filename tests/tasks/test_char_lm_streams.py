"""A text is cut into streams that lose no character, and measured without counting one twice."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from unrolled.cells import find_cell
from unrolled.errors import TextTooShortError
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.tasks.char_lm.task import EVALUATION_CHUNK, Streams, measure

CPU = torch.device("cpu")
V = 5


def model_of(cell="gru", seed=0):
    torch.manual_seed(seed)
    return LanguageModel(find_cell(cell), Shape(V, 6, num_layers=2)).double().eval()


def text_of(length, seed=0):
    return np.random.default_rng(seed).integers(0, V, length).astype(np.uint8)


@torch.no_grad()
def directly(model, ids):
    """Nats per character of one stream, character by character."""
    total, state = 0.0, None
    for before, after in zip(ids[:-1].tolist(), ids[1:].tolist(), strict=True):
        logits, state = model(torch.tensor([[before]]), state)
        total -= float(logits[0, 0].log_softmax(-1)[after])
    return total / (len(ids) - 1)


@pytest.mark.parametrize("length", [2, 3, 50, EVALUATION_CHUNK + 9])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_one_stream_is_measured_as_one_text(length, cell):
    model, ids = model_of(cell), text_of(length)
    assert measure(model, ids, streams=1) == pytest.approx(directly(model, ids), rel=1e-9)


def test_many_streams_start_each_from_nothing():
    model, ids = model_of(), text_of(2 * EVALUATION_CHUNK + 2)
    halves = [ids[: EVALUATION_CHUNK + 1], ids[EVALUATION_CHUNK : 2 * EVALUATION_CHUNK + 1]]
    pairs = [EVALUATION_CHUNK, EVALUATION_CHUNK, 1]
    parts = [*halves, ids[-2:]]
    total = sum(directly(model, part) * n for part, n in zip(parts, pairs, strict=True))
    assert measure(model, ids, streams=2) == pytest.approx(total / sum(pairs), rel=1e-9)


class Counting:
    """Predicts nothing, but notes each place whose successor it is asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, symbols, state=None):
        self.asked += symbols.flatten().tolist()
        return torch.zeros(*symbols.shape, 1), None


@pytest.mark.parametrize("streams", [1, 2, 7, 16, 500])
@pytest.mark.parametrize("length", [2, 3, 17, 255, 256, 257, 258, 1000, 4099])
def test_every_character_but_the_first_is_predicted_exactly_once(streams, length, monkeypatch):
    """The text is its own places, so that what is asked for tells where."""
    counting, model = Counting(), model_of()
    model.forward = counting
    predicted = []

    def cross_entropy(logits, following, reduction):
        predicted.extend(following.tolist())
        return torch.zeros(())

    monkeypatch.setattr(F, "cross_entropy", cross_entropy)
    assert measure(model, np.arange(length), streams=streams) == 0.0
    assert sorted(predicted) == list(range(1, length))
    assert sorted(counting.asked) == list(range(length - 1))
    assert [place + 1 for place in counting.asked] == predicted


def test_the_mean_is_over_the_characters():
    model = model_of()
    model.forward = lambda symbols, state=None: (torch.zeros(*symbols.shape, V), None)
    for length in (2, 300, 4099):
        assert measure(model, text_of(length)) == pytest.approx(math.log(V), rel=1e-6)


def test_a_memory_map_is_measured_like_an_array(tmp_path):
    model, ids = model_of(), text_of(999)
    np.save(tmp_path / "ids.npy", ids)
    mapped = np.load(tmp_path / "ids.npy", mmap_mode="r")
    assert isinstance(mapped, np.memmap)
    assert measure(model, mapped) == measure(model, ids)


@pytest.mark.parametrize("length", [0, 1])
def test_a_text_without_two_characters_is_refused(length):
    with pytest.raises(TextTooShortError, match=f"has {length} characters, but a character and"):
        measure(model_of(), text_of(length))


@pytest.mark.parametrize("batch_size", [1, 3, 32])
@pytest.mark.parametrize("steps", [0, 1, 7, 64])
@pytest.mark.parametrize("length", [2, 3, 66, 67, 1000, 2049])
def test_streams_cover_the_text_in_order_and_lose_less_than_one_step(batch_size, steps, length):
    streams = Streams(np.arange(length), batch_size=batch_size, steps=steps)
    columns = [[] for _ in range(streams.batch_size)]
    for index in range(streams.chunks):
        symbols, following = streams.chunk(index, CPU)
        assert torch.equal(symbols + 1, following)
        assert 1 <= len(symbols) <= (steps or length)
        assert symbols.dtype == torch.int64
        for column, part in zip(columns, symbols.T.tolist(), strict=True):
            column += part
    read = [place for column in columns for place in column]
    assert read == list(range(len(read))), "each stream goes on where the one before it ends"
    assert length - 1 - len(read) < streams.batch_size <= batch_size
    if steps and (length - 1) // steps >= batch_size:
        assert streams.batch_size == batch_size


def test_a_chunk_does_not_share_the_texts_memory():
    ids = text_of(100)
    ids.flags.writeable = False
    symbols, _ = Streams(ids, batch_size=2, steps=10).chunk(0, CPU)
    symbols += 1
    assert ids.tolist() == text_of(100).tolist()
