"""What is recorded is what the network does when it reads the text once, from start to end."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from unrolled import GRU, LSTM, Recurrent, convert, find_cell
from unrolled.errors import (
    CalledAgainError,
    ForeignOutputError,
    NoNumbersError,
    NoRoomError,
    NotCausalError,
    NothingToRecordError,
    OwnStateError,
    SteppedError,
    TextTooShortError,
    UnknownNameError,
)
from unrolled.layers.torch_cells import GRUCell
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.probe.recorder import Reading, lanes_for, record
from unrolled.probe.taps import Source, tapped

V, H = 7, 5
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def make_text(length):
    return np.random.default_rng(0).integers(V, size=length).astype(np.uint8)


def make_model(name="lstm", layers=2):
    return LanguageModel(find_cell(name), Shape(V, H, layers, dropout=0.5))


def read_once(model, text, names):
    """Scores and recorded values of the whole text in one call."""
    model.eval()
    symbols = torch.from_numpy(text.astype(np.int64)).unsqueeze(-1)
    output, _, recorded = model.recurrent(symbols, record=names)
    return model.readout(output)[:, 0].detach(), {n: v[:, :, 0] for n, v in recorded.items()}


@pytest.mark.parametrize(
    ("length", "how"),
    [
        (2, Reading()),
        (300, Reading(lanes=1)),
        (701, Reading(lanes=4, warmup=80)),
        (1500, Reading(lanes=16, warmup=90)),
        (1003, Reading(lanes=3, warmup=150)),
    ],
)
def test_every_value_stands_under_its_symbol(length, how):
    model, text = make_model(), make_text(length)
    tape = record(model, text, names=["f", "h", "c"], how=how)
    logits, values = read_once(model, text, ["f", "h", "c"])
    assert len(tape) == length
    assert {*tape.values} == {Source("recurrent", i, n) for i in (0, 1) for n in "fhc"}
    for source, found in tape.values.items():
        wanted = values[source.name][source.layer].T.detach().numpy()
        np.testing.assert_allclose(found, wanted, err_msg=str(source), **CLOSE)
    best = logits.softmax(-1).topk(5, dim=-1)
    np.testing.assert_allclose(tape.probabilities, best.values.numpy(), **CLOSE)
    chosen = logits.softmax(-1).gather(1, torch.from_numpy(tape.likeliest).long())
    np.testing.assert_allclose(chosen.numpy(), tape.probabilities, **CLOSE)
    known = logits.log_softmax(-1)[np.arange(length - 1), text[1:].astype(np.int64)]
    np.testing.assert_allclose(tape.log_likelihood[1:], known.numpy(), **CLOSE)
    assert np.isnan(tape.log_likelihood[0])


def test_lanes_keep_each_place_of_a_text_once():
    for length, lanes, warmup in [(2, 3, 1), (100, 4, 10), (101, 7, 3), (999, 16, 20), (50, 1, 5)]:
        plan = lanes_for(length, Reading(lanes, warmup))
        kept = np.zeros(length, dtype=int)
        for begin in range(0, plan.steps, 13):
            end = min(begin + 13, plan.steps)
            rows = plan.rows(np.arange(length), begin, end)
            for lane, steps, places in plan.kept(begin, end):
                kept[places] += 1
                assert (rows[steps, lane] == np.arange(length)[places]).all()
        assert (kept == 1).all()


def test_lanes_read_before_their_part_since_they_would_start_from_zeros_else():
    model, text = make_model(), make_text(600)
    whole, cold = (record(model, text, how=Reading(*how)) for how in ((1, 0), (4, 0)))
    source = Source("recurrent", 0, "c")
    assert np.abs(whole.values[source] - cold.values[source]).max() > 1e-3


class Tagger(nn.Module):
    """A network of one's own: torch's layers, batch first, scores alone."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(V, 4)
        self.lower = nn.LSTM(4, H, batch_first=True)
        self.upper = nn.GRU(H, 3, batch_first=True)
        self.readout = nn.Linear(3, V)

    def forward(self, symbols):
        hidden, _ = self.lower(self.embedding(symbols))
        return self.readout(self.upper(hidden)[0])


def test_a_network_of_ones_own_is_read_like_any_other():
    network, text = Tagger(), make_text(400)
    symbols = torch.from_numpy(text.astype(np.int64)).unsqueeze(0)
    with torch.no_grad():
        hidden, _ = network.lower(network.embedding(symbols))
        upper, _ = network.upper(hidden)
    tape = record(convert(network), text, how=Reading(lanes=2, warmup=90, batch_first=True))
    assert {*map(str, tape.values)} == {
        "h (lower, layer 0)", "c (lower, layer 0)", "h (upper, layer 0)"
    }  # fmt: skip
    for name, wanted in (("lower", hidden), ("upper", upper)):
        found = tape.values[Source(name, 0, "h")]
        np.testing.assert_allclose(found, wanted[0].T.numpy(), **CLOSE)


def test_a_layer_alone_is_no_source_of_scores_but_can_be_heard():
    layer = Recurrent(find_cell("gru"), V, H)
    with tapped(layer) as taps:
        layer(torch.zeros(3, 2, dtype=torch.int64))
        assert taps.values[Source("", 0, "h")].shape == (3, 2, H)
    assert "forward" not in vars(layer)
    assert str(Source("", 0, "h")) == "h (layer 0)"


def test_the_network_is_afterwards_as_it_was_even_if_it_fails():
    model = make_model().train()
    model.readout.eval()
    record(model, make_text(50))
    model.readout.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        record(model, make_text(50))
    assert "forward" not in vars(model.recurrent)
    assert model.training
    assert model.recurrent.training
    assert not model.readout.training


def test_values_stay_in_a_folder_that_is_named_and_go_with_the_tape_otherwise(tmp_path):
    record(make_model(), make_text(30), names=["h"], folder=tmp_path / "values")
    stored = sorted((tmp_path / "values").glob("*.npy"))
    assert [np.load(path, mmap_mode="r").shape for path in stored] == [(H, 30), (H, 30)]
    tape = record(make_model(), make_text(30))
    folder = tape.folder
    assert [*folder.glob("*.npy")]
    del tape
    assert not folder.exists()


def test_progress_is_told_to_the_end():
    told = []
    record(make_model(), make_text(300), progress=lambda done, steps: told.append((done, steps)))
    assert told == [(128, 300), (256, 300), (300, 300)]


# What cannot be recorded


def test_a_text_too_short_is_refused():
    with pytest.raises(TextTooShortError, match="1 characters, but recording needs at least 2"):
        record(make_model(), make_text(1))


def test_a_network_without_our_layers_is_told_what_to_do():
    with pytest.raises(NothingToRecordError, match=r"Tagger holds none .* unrolled.convert"):
        record(Tagger(), make_text(9))


def test_a_layer_that_sees_what_comes_is_refused():
    model = make_model()
    model.recurrent = LSTM(V, H, bidirectional=True)
    with pytest.raises(NotCausalError, match="recurrent runs in both directions"):
        record(model, make_text(9))


def test_a_name_of_no_equation_is_refused():
    with pytest.raises(UnknownNameError, match="q"):
        record(make_model(), make_text(9), names=["h", "q"])


def test_a_layer_called_twice_is_refused():
    class Twice(Tagger):
        def forward(self, symbols):
            return self.readout(self.upper(self.upper(self.embedding(symbols))[0])[0])

    network = Twice()
    network.embedding, network.upper = nn.Embedding(V, 3), GRU(3, 3)
    network.lower = None
    with pytest.raises(CalledAgainError, match="its layer upper more than once"):
        record(network, make_text(9))


def test_a_layer_that_the_network_steps_through_time_itself_is_refused():
    class Stepping(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, symbols):
            inputs = nn.functional.one_hot(symbols, V).float()
            take = self.inner if isinstance(self.inner, GRUCell) else self.inner.step
            return torch.stack([take(x)[0] for x in inputs])

    for inner in (convert(nn.GRUCell(V, V)), GRU(V, V)):
        with pytest.raises(SteppedError, match=r"steps its layer inner .* \(LSTM, not LSTMCell\)"):
            record(Stepping(inner), make_text(9))


def test_a_state_from_elsewhere_is_refused_and_the_same_first_one_is_not():
    class Starting(nn.Module):
        def __init__(self, state):
            super().__init__()
            self.gru, self.readout, self.state = GRU(V, H), nn.Linear(H, V), state

        def forward(self, symbols):
            return self.readout(self.gru(symbols, self.state(symbols.shape[1]))[0])

    network, text = Starting(lambda rows: None), make_text(400)
    wanted = record(network, text).log_likelihood
    network.state = lambda rows: torch.zeros(1, rows, H)
    np.testing.assert_allclose(record(network, text).log_likelihood, wanted, **CLOSE)
    network.state = lambda rows: torch.randn(1, rows, H)
    with pytest.raises(OwnStateError, match="gave its layer gru a state that is not the one"):
        record(network, text)


@pytest.mark.parametrize("output", [None, torch.zeros(9), [], (torch.zeros(2, 1, V),)])
def test_an_output_that_is_no_scores_is_refused(output):
    model = make_model()
    model.forward = lambda symbols: output
    with pytest.raises(ForeignOutputError, match=r"wanted their scores \(logits\), 9 x 1 x"):
        record(model, make_text(9))


def test_scores_that_are_no_numbers_are_refused():
    model = make_model()
    model.readout.bias.data[2] = float("nan")
    with pytest.raises(NoNumbersError, match="no numbers from character 1 of the text on"):
        record(model, make_text(9))


def test_a_disk_without_room_is_told_before_anything_is_written(monkeypatch, tmp_path):
    usage = shutil.disk_usage(tmp_path)._replace(free=50)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(NoRoomError, match=r"needs 0.0 MB at .* where 0.0 MB are free"):
        record(make_model(), make_text(30), folder=Path(tmp_path))
    assert not [*tmp_path.iterdir()]
