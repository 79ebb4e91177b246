"""Everything that is looked at in one network, on texts of every kind."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.probe.planted import LATCH, make_text
from tests.probe.report.examined import HOW, examined, subject
from torch import nn

from unrolled import GRU, LSTM, convert, find_cell, look
from unrolled.errors import (
    MissingExtraError,
    TrackTwiceError,
    UnknownCharactersError,
    VocabularySizeError,
)
from unrolled.models.encoder import Shape
from unrolled.models.language_model import LanguageModel
from unrolled.probe import looking
from unrolled.probe.effects import causal_effects
from unrolled.probe.examination import examine
from unrolled.probe.looking import look_at
from unrolled.probe.recorder import record
from unrolled.probe.subject import Looking, Subject
from unrolled.probe.units import find_units

QUICK = Looking(characters=1_000, shifts=250, lens_steps=8, language="none")


def test_what_belongs_together_is_in_one_order():
    seen = examined()
    best = seen.finding.best
    assert [readable.track for readable in seen.readable] == [found.track for found in best]
    assert [effect.found for effect in seen.effects] == best
    assert len(seen.tape) == len(seen.text) == 6_000
    assert LATCH in [found.track.name for found in best]
    assert set(seen.paths) == {"h", "c"}
    assert {s.source.name for s in seen.saturations} == {"i", "f", "g", "o"}
    assert [len(j.steps) for j in seen.jacobians] == [8]
    assert seen.peeling.characters == 5_999
    free = record(seen.subject.network, seen.subject.spelled(6_000).symbols).log_likelihood[1:]
    assert seen.bits_per_character == pytest.approx(-free.mean() / np.log(2))


def test_gates_are_watched_over_all_characters():
    seen = examined()
    text = seen.subject.spelled(6_000).symbols
    tape = record(seen.subject.network, text, names=("i", "f", "g", "o"))
    for found in seen.saturations:
        values, limits = tape.values[found.source], found.limits
        np.testing.assert_array_equal(found.low, (values < limits.low).mean(1))
        np.testing.assert_array_equal(found.high, (values > limits.high).mean(1))


def test_the_seed_moves_p_values_and_intervals():
    seen = examine(subject(), replace(QUICK, seed=3))
    same, other = (find_units(seen.tape, seen.tracks, shifts=250, seed=seed) for seed in (3, 0))
    np.testing.assert_array_equal(seen.finding.association.p, same.association.p)
    assert (seen.finding.association.p != other.association.p).any()
    assert seen.effects == causal_effects(seen.subject.network, seen.tape, same.best, seed=3)
    assert seen.effects != causal_effects(seen.subject.network, seen.tape, same.best, seed=0)


def test_a_text_too_short_for_the_finder_is_looked_at_otherwise():
    seen = examine(subject(text=make_text(1)[:300]), HOW)
    assert (seen.finding, seen.effects, seen.readable) == (None, [], [])
    assert seen.notes == (
        "The text has 300 characters, but the cell finder needs at least 400. Give a longer one.",
    )
    assert len(next(iter(seen.maps.values())).norms) == 24
    assert len(seen.tape) == 300


def test_a_text_of_a_few_characters_is_looked_at_as_far_as_it_goes():
    seen = examine(subject(text="ab (c"), HOW)
    assert len(next(iter(seen.maps.values())).norms) == 2
    assert [kind.bins for kind in seen.closings] == [(), ()]


def test_without_a_training_text_errors_are_not_peeled_and_that_is_said():
    seen = examine(subject(training=""), QUICK)
    assert seen.peeling is None
    assert seen.notes == ("Errors were not peeled: nothing is known of the training text.",)


def test_a_network_numbers_its_characters_as_it_likes():
    """The same network with its symbols renamed does the same."""
    plain = subject()
    order = np.random.default_rng(0).permutation(len(plain.vocabulary))
    other = subject(vocabulary="".join(plain.vocabulary[i] for i in order))
    with torch.no_grad():
        layer = other.network.recurrent
        for gate in "ifgo":
            layer.parameter(f"W.x{gate}").copy_(layer.parameter(f"W.x{gate}")[:, order].clone())
        for parameter in (other.network.readout.weight, other.network.readout.bias):
            parameter.copy_(parameter[order].clone())
    tapes = [record(s.network, s.spelled(500).symbols) for s in (plain, other)]
    np.testing.assert_allclose(tapes[1].log_likelihood, tapes[0].log_likelihood, rtol=1e-5)
    likeliest = [np.array(list(s.vocabulary))[t.likeliest] for s, t in zip((plain, other), tapes)]  # noqa: B905
    np.testing.assert_array_equal(likeliest[0][:, 0], likeliest[1][:, 0])


def test_characters_that_the_network_does_not_know_are_named():
    with pytest.raises(UnknownCharactersError, match=r"3 characters .* 'é' \(2 times\), 'z'"):
        examine(subject(text="abé zé"), QUICK)


@pytest.mark.parametrize("change", ["+", ""])
def test_a_vocabulary_of_another_size_is_refused(change):
    vocabulary = subject().vocabulary
    wrong = vocabulary + "ж" if change else vocabulary[:-1]
    match = rf"has {len(wrong)} .* scores {len(vocabulary)}\."
    with pytest.raises(VocabularySizeError, match=match):
        examine(subject(vocabulary=wrong, text=wrong * 20), QUICK)


def test_a_text_of_two_characters_is_looked_at():
    seen = examine(subject(text="ab"), QUICK)
    assert (len(seen.tape), seen.effects) == (2, [])


def test_a_cell_that_names_no_gates_is_said_to_name_none():
    text = make_text(1)[:500]
    vocabulary = "".join(sorted(set(text)))
    network = LanguageModel(find_cell("layernorm_lstm"), Shape(len(vocabulary), 4))
    seen = examine(Subject("normed", network, text, vocabulary, training=text), QUICK)
    assert (seen.saturations, len(seen.notes)) == ([], 1)
    assert seen.notes[0].startswith("No equation of layernorm_lstm names what a sigmoid or tanh")


def test_tracks_of_the_users_own_come_first():
    seen = examine(subject(), Looking(characters=1_000, shifts=250, lens_steps=8, tracks=("a=a+",)))
    assert seen.tracks[0].name == "a"
    np.testing.assert_array_equal(seen.tracks[0].values > 0, np.array(list(seen.text)) == "a")


def test_two_tracks_of_one_name_are_refused():
    with pytest.raises(TrackTwiceError, match="Two tracks are called 'digit'"):
        examine(subject(), replace(QUICK, tracks=("digit=a",)))


def test_the_quotes_of_a_program_are_strings():
    program = 'def f(x):\n    """A. "B"\n\n    C."""\n    return x["c"]\n' * 30
    vocabulary = "".join(sorted(set(program)))
    network = LanguageModel(find_cell("rnn"), Shape(len(vocabulary), 4))
    read = Subject("rnn", network, program, vocabulary)
    hows = [replace(QUICK, language=language) for language in ("python", "none")]
    names = {how.language: [t.name for t in examine(read, how).tracks] for how in hows}
    assert "inside quotes" not in names["python"] and "inside string" in names["python"]
    assert "inside quotes" in names["none"] and "inside string" not in names["none"]


def test_a_network_of_torchs_own_layers_is_looked_at():
    class Plain(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.embedding = nn.Embedding(size, 6)
            self.gru = nn.GRU(6, 5, batch_first=True)
            self.readout = nn.Linear(5, size)

        def forward(self, symbols):
            return self.readout(self.gru(self.embedding(symbols))[0])

    torch.manual_seed(0)
    text = make_text(1)
    vocabulary = "".join(sorted(set(text)))
    network = convert(Plain(len(vocabulary)))
    seen = examine(Subject("plain", network, text, vocabulary, batch_first=True), QUICK)
    assert {str(source) for source in seen.tape.values} == {"h (gru, layer 0)"}
    assert [s.source.name for s in seen.saturations] == ["r", "z", "n"]
    assert seen.paths == {}


def test_a_network_may_mix_our_layers_with_torchs_and_start_them_itself():
    class Mixed(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.lower = LSTM(size, 6)
            self.upper = nn.GRU(6, 5)
            self.start = nn.Parameter(torch.randn(1, 1, 5))
            self.readout = nn.Linear(5, size)

        def forward(self, symbols):
            zeros = torch.zeros(1, symbols.shape[1], 6)
            hidden, _ = self.lower(symbols, (zeros, zeros))
            hidden, _ = self.upper(hidden, self.start.expand(-1, symbols.shape[1], -1))
            return self.readout(hidden)

    torch.manual_seed(0)
    text = make_text(1)
    vocabulary = "".join(sorted(set(text)))
    network = Mixed(len(vocabulary))
    (seen,) = look(network, text, vocabulary, how=QUICK).seen.values()
    assert {source.module for source in seen.tape.values} == {"lower", "upper"}
    assert isinstance(network.upper, nn.GRU) and not isinstance(network.upper, GRU)
    symbols = torch.from_numpy(Subject("", network, text, vocabulary).spelled(1_000).symbols)
    with torch.no_grad():
        scores = network(symbols[:, None])[:-1, 0].log_softmax(-1)  # in one call
    wanted = scores.gather(-1, symbols[1:, None])[:, 0].numpy()
    np.testing.assert_allclose(seen.tape.log_likelihood[1:], wanted, rtol=1e-4, atol=1e-5)


def test_bytes_are_looked_at_as_the_characters_that_they_spell():
    torch.manual_seed(0)
    text = "“Où?” – «là»\n" * 60
    network = LanguageModel(find_cell("lstm"), Shape(256, 6))
    read = Subject("bytes", network, text, None, training=text)
    (seen,) = look_at([read], QUICK).seen.values()
    assert seen.text == text and len(seen.tape) == len(text) < len(text.encode())
    (quotes,) = [track for track in seen.tracks if track.name == "inside quotes"]
    assert {text[at] for at in np.flatnonzero(quotes.values)} >= set("Où?")
    symbols = torch.from_numpy(np.frombuffer(text.encode(), dtype=np.uint8).astype(np.int64))
    with torch.no_grad():
        output, _, recorded = network.recurrent(symbols[:, None], record=["h"])
        scores = network.readout(output)[:-1, 0].log_softmax(-1)
    each = np.append(np.nan, scores.gather(-1, symbols[1:, None])[:, 0].numpy())
    ends = np.cumsum([len(symbol.encode()) for symbol in text])
    h = next(values for source, values in seen.tape.values.items() if source.name == "h")
    np.testing.assert_allclose(h, recorded["h"][0, ends - 1, 0].T.detach(), rtol=1e-4, atol=1e-5)
    sums = np.add.reduceat(each, np.append(0, ends[:-1]))
    np.testing.assert_allclose(seen.tape.log_likelihood, sums, rtol=1e-4, atol=1e-5)
    assert [read.symbols[at] for at in (65, 0xE2)] == ["A", "\\xe2"]


def test_every_text_is_read_before_the_first_network_is_examined():
    told = []
    wrong = subject(1, text="abé" * 200)
    with pytest.raises(UnknownCharactersError, match="'é'"):
        look_at([subject(), wrong], QUICK, progress=lambda *told_of: told.append(told_of))
    assert told == []


def test_several_networks_make_one_report_and_tell_how_far_they_are():
    told = []
    subjects = [subject(seed) for seed in (0, 1)] + [subject(1)]
    report = look_at(subjects, QUICK, progress=lambda what, share: told.append((what, share)))
    assert [*report.seen] == ["planted-0", "planted-1", "planted-1 (2)"]
    assert report.title == "planted-0, planted-1, planted-1 (2)"
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1] < 1
    assert told[0][0] == "planted-0: telling what the text does"
    assert report.words[0].startswith("planted-0 (cell lstm, units 12) read 1,000 characters")


def test_what_is_not_installed_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(looking, "find_spec", lambda name: None if name == "altair" else find(name))
    with pytest.raises(MissingExtraError, match=r"Reports need the package altair.*unrolled\[look"):
        look_at([subject()], QUICK)
