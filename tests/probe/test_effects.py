"""Holding a unit harms where it is read, and is said with an interval that is right."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.probe.planted import ALPHABET, LATCH, LINE, make_text, planted_network

from unrolled.probe import clamping
from unrolled.probe.effects import LANES, WARMUP, Change, Effect, Held, causal_effects
from unrolled.probe.recorder import Reading, record
from unrolled.probe.tracks import text_tracks, track
from unrolled.probe.units import find_units


def read_out(model, unit):
    """Only one unit has a say: when it is high, `a` is likelier, and else `b`."""
    with torch.no_grad():
        model.readout.weight.zero_()
        model.readout.bias.zero_()
        model.readout.weight[ALPHABET.symbols.index("a"), unit] = 4.0
        model.readout.weight[ALPHABET.symbols.index("b"), unit] = -4.0


def marked_text(seed):
    """Inside quotes there are no letters but a, outside none but b."""
    text = np.array(list(make_text(seed, 8_000)))
    letters = np.char.isalpha(text)
    (inside,) = [t.values > 0 for t in text_tracks("".join(text)) if t.name == LATCH]
    text[letters & inside], text[letters & ~inside] = "a", "b"
    return "".join(text)


@pytest.fixture(scope="module")
def seen():
    model, units = planted_network(0)
    read_out(model, units[LATCH])
    text = marked_text(0)
    tape = record(model, ALPHABET.encode(text))
    tracks = [track for track in text_tracks(text) if track.name in (LATCH, LINE)]
    found = find_units(tape, tracks).best
    return model, tape, {effect.found.track.name: effect for effect in
                         causal_effects(model, tape, found)}  # fmt: skip


def test_a_unit_that_is_read_harms_where_it_is_held_against_its_track(seen):
    quotes = seen[2][LATCH]
    assert quotes.at_low.level == pytest.approx(-quotes.at_high.level, abs=0.1)
    for held in (quotes.at_low, quotes.at_high):
        assert held.where_it_matters.mean < -0.5
        assert held.where_it_matters.is_certain
        assert abs(held.elsewhere.mean) < 0.05
        assert held.difference.is_certain
        assert held.where_it_matters.low < held.where_it_matters.mean < held.where_it_matters.high
    assert quotes.strongest in (quotes.at_low, quotes.at_high)


def test_a_unit_that_nothing_reads_changes_nothing(seen):
    position = seen[2][LINE]
    for held in (position.at_low, position.at_high):
        assert held.where_it_matters.mean == pytest.approx(0, abs=1e-6)
        assert not held.difference.is_certain or abs(held.difference.mean) < 1e-6


def test_the_change_is_that_of_the_clamped_networks_own_likelihood(seen):
    """Against a network whose unit is put at the level by its weights."""
    model, tape, effects = seen
    held, unit = effects[LATCH].at_low, effects[LATCH].found.unit
    half = len(tape) // 2
    symbols = tape.symbols[half:]
    free = record(model, symbols, names=()).log_likelihood
    on = next(t.values for t in text_tracks(ALPHABET.decode(tape.symbols)) if t.name == LATCH)
    on = on[half:][:-1] > 0
    weights = model.readout.weight.clone()
    level = np.tanh(held.level) if unit.source.name == "c" else held.level
    with torch.no_grad():
        model.readout.bias.copy_(weights[:, unit.index] * level)
        model.readout.weight.zero_()
        clamped = record(model, symbols, names=()).log_likelihood
        model.readout.bias.zero_()
        model.readout.weight.copy_(weights)
    change = (clamped - free)[1:][on]
    assert held.where_it_matters.mean == pytest.approx(change.mean(), abs=0.02)


def test_it_is_the_prediction_after_a_marked_character_that_counts(seen):
    """A track that is on and off at random leaves no room for a step to the side."""
    model, tape, effects = seen
    found = effects[LATCH].found
    on = np.random.default_rng(0).random(len(tape)) < 0.5
    (effect,) = causal_effects(model, tape, [replace(found, track=track("random", "", on))])
    held, half = effect.at_low, len(tape) // 2
    course = tape.values[found.unit.source][found.unit.index]
    assert held.level == pytest.approx(course[:half][~on[:half]].mean())
    how = Reading(LANES, WARMUP)
    free = record(model, tape.symbols[half:], names=(), how=how).log_likelihood
    with clamping.held(model, {found.unit.source: {found.unit.index: held.level}}):
        clamped = record(model, tape.symbols[half:], names=(), how=how).log_likelihood
    change, marks = (clamped - free)[1:], on[half:][:-1]
    assert held.where_it_matters.mean == pytest.approx(change[marks].mean(), abs=1e-6)
    assert held.elsewhere.mean == pytest.approx(change[~marks].mean(), abs=1e-6)
    wanted = change[marks].mean() - change[~marks].mean()
    assert held.difference.mean == pytest.approx(wanted, abs=1e-6)
    assert not held.difference.is_certain
    blocks = np.arange(len(change)) * 100 // len(change)
    without = [change[marks & (blocks != block)].mean() for block in range(100)]
    error = np.std(without) * np.sqrt(99)  # of the mean, by leaving each block out
    width = held.where_it_matters.high - held.where_it_matters.low
    assert width == pytest.approx(2 * 2.2414 * error, rel=0.15)  # 97.5 % for each of two levels


def test_the_strongest_level_is_the_one_that_harms_more_where_it_matters():
    def held(like, difference):
        change = Change(difference, difference, difference)
        return Held(0, like, Change(-1, -1, -1), Change(0, 0, 0), change)

    assert Effect(None, held("low", -0.1), held("high", -0.3)).strongest.like == "high"
    assert Effect(None, held("low", -0.1), held("high", 0.3)).strongest.like == "low"
    assert Effect(None, held("low", np.nan), held("high", 0.3)).strongest.like == "high"
