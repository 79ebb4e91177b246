"""Reading one sequence and writing another, with any cell."""

import pytest
import torch
from torch import nn

from unrolled import find_cell
from unrolled.models.encoder import Encoder, Shape
from unrolled.models.encoder_decoder import EncoderDecoder

V, W = 9, 8  # symbols read, symbols written
SOURCES, TARGETS = torch.tensor([4, 1, 6]), torch.tensor([2, 5, 3])


def model_of(cell="lstm", attention="additive", *, layers=2, both=True, **options):
    torch.manual_seed(0)
    shared = {"num_layers": layers, "embedding_size": 5, **options}
    source = Shape(V, 4, bidirectional=both, **shared)
    return EncoderDecoder(find_cell(cell), source, Shape(W, 6, **shared), attention).double().eval()


def some(count, lengths):
    torch.manual_seed(1)
    return torch.randint(count, (int(lengths.max()), len(lengths)))


@pytest.mark.parametrize("attention", ["none", "additive", "multiplicative"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn", "mut3"])
def test_a_row_alone_is_scored_as_in_a_batch_whatever_stands_beyond_its_end(cell, attention):
    model = model_of(cell, attention)
    source, target = some(V, SOURCES), some(W, TARGETS)
    together = model(source, target, SOURCES, TARGETS)
    for row, (s, t) in enumerate(zip(SOURCES, TARGETS, strict=True)):
        alone = model(source[:s, row : row + 1], target[:t, row : row + 1])
        torch.testing.assert_close(together[:t, row], alone[:, 0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("attention", ["none", "additive"])
def test_steps_one_by_one_give_what_a_whole_target_gives(attention):
    model = model_of(attention=attention)
    source, target = some(V, SOURCES), some(W, TARGETS)
    whole = model(source, target, SOURCES)
    at = model.read(source, SOURCES)
    for symbols, wanted in zip(target, whole, strict=True):
        logits, at = model.step(symbols, at)
        torch.testing.assert_close(logits, wanted, rtol=1e-9, atol=1e-9)


def test_several_rows_of_a_source_share_its_memory():
    model = model_of()
    source = some(V, SOURCES)
    at = model.read(source, SOURCES)
    rows = torch.tensor([0, 1, 2, 0, 1, 2])
    symbols = torch.tensor([1, 2, 3, 4, 5, 6])
    logits, after = model.step(symbols, model.reorder(at, rows))
    for k in range(2):
        alone, _ = model.step(symbols[3 * k : 3 * k + 3], at)
        torch.testing.assert_close(logits[3 * k : 3 * k + 3], alone, rtol=1e-9, atol=1e-9)
    assert after.memory is at.memory


def test_the_writer_starts_from_where_reading_ended_in_both_directions():
    model = model_of("gru", "none", layers=1)
    source = some(V, SOURCES)
    first = model.read(source, SOURCES).state
    _, last = model.encoder.encode(source, lengths=SOURCES)
    (linear,) = model.bridge.linear
    wanted = linear(torch.cat([last[0], last[1]], dim=-1)).tanh()
    torch.testing.assert_close(first[0], wanted)


def test_gradients_reach_every_parameter():
    model = model_of().train()
    source, target = some(V, SOURCES), some(W, TARGETS)
    model(source, target, SOURCES, TARGETS).pow(2).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_an_encoder_reads_vectors_one_hot_symbols_and_embedded_ones():
    torch.manual_seed(0)
    symbols = some(V, SOURCES)
    plain = Encoder(find_cell("gru"), Shape(V, 4)).double()
    one_hot = nn.functional.one_hot(symbols, V).double()
    torch.testing.assert_close(plain.encode(symbols)[0], plain.encode(one_hot)[0])
    embedded = Encoder(find_cell("gru"), Shape(V, 4, embedding_size=3, bidirectional=True)).double()
    given = embedded.embedding(symbols)
    torch.testing.assert_close(embedded.encode(symbols)[0], embedded.recurrent(given)[0])
    assert embedded.output_size == embedded.encode(symbols)[0].shape[-1] == 8
