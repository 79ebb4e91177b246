"""The causal test: what becomes of the predictions when the unit that follows a track is held.

A unit may follow a track and govern nothing. So it is held at the level that it has where the track
is low, and the text is read again: if the network reads the unit, it predicts worse where the track
is high, and not where it is low; held at the high level, the other way round.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from unrolled.probe.clamping import held
from unrolled.probe.recorder import Reading, Tape, record
from unrolled.probe.units import Found

CHARACTERS = 25_000  # read for each level
LANES, WARMUP = 32, 128  # so many lanes cost little more than one
BLOCKS = 100
RESAMPLES = 2000
CONFIDENCE, LEVELS = 0.95, 2  # of both levels together: the worse one is spoken of
OUTER = 0.25  # of a track of numbers, which share counts as low and which as high


@dataclass(frozen=True)
class Change:
    """The mean change of the log-likelihood of a character, in nats; below 0 it is predicted worse.

    The interval is of 95 % for both levels of a unit together, from a bootstrap over blocks of the
    text.
    """

    mean: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Held:
    """What holding a unit at one level does."""

    level: float
    like: str
    """Where the unit has that level: where the track is "low" (off), or "high" (on)."""
    where_it_matters: Change
    """Where the track is the other way round."""
    elsewhere: Change
    """Where the track is as the level says."""
    difference: Change
    """How much more it does where it matters: whether it does anything that has to do with the
    track."""


@dataclass(frozen=True)
class Effect:
    """What the unit that follows a track does to the predictions."""

    found: Found
    at_low: Held
    """Held where it is when the track is low; it matters where the track is high."""
    at_high: Held

    @property
    def strongest(self) -> Held:
        """The level that does more harm where it matters than elsewhere."""
        harm = np.array([self.at_low.difference.mean, self.at_high.difference.mean])
        return (self.at_low, self.at_high)[int(np.nan_to_num(harm, nan=np.inf).argmin())]


def causal_effects(
    network: nn.Module,
    tape: Tape,
    found: Sequence[Found],
    *,
    batch_first: bool = False,
    seed: int = 0,
) -> list[Effect]:
    """Hold each unit that was found at its two levels, and read a part of the text again.

    Levels are the unit's means, on the first half of the text, where its track is low and where it
    is high (a track of numbers: in its outer quarters); the text is read from the second half.

    Args:
        network: The one that was recorded.
        tape: What it did.
        found: Units and the tracks that they follow.
        batch_first: Whether the network takes and returns B x T.
        seed: Of the bootstrap.
    """
    if not found:
        return []
    how = Reading(LANES, WARMUP, batch_first)
    half = len(tape) // 2
    part = slice(half, min(len(tape), half + CHARACTERS))
    symbols, ends = tape.piece(part)
    free = record(network, symbols, ends=ends, names=(), how=how).log_likelihood
    draws = np.random.default_rng(seed)
    effects: list[Effect] = []
    for each in found:
        track, unit = each.track.values, each.unit
        low, high = _outer(track[:half], track)
        course = tape.values[unit.source][unit.index]
        kinds: list[Held] = []
        for like, here, there in (("low", low, high), ("high", high, low)):
            level = float(course[:half][here[:half]].mean())
            with held(network, {unit.source: {unit.index: level}}):
                clamped = record(network, symbols, ends=ends, names=(), how=how)
            change = (clamped.log_likelihood - free)[1:]
            marks = there[part][:-1], here[part][:-1]
            kinds.append(Held(level, like, *_changes(change, *marks, draws)))
        effects.append(Effect(each, *kinds))
    return effects


def _outer(known: np.ndarray, track: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a track is low and where it is high, as its known part says."""
    low, high = np.quantile(known, (OUTER, 1 - OUTER))
    if low == high or np.isin(track, (0, 1)).all():  # on or off, or nearly always the same
        low, high = known.min(), np.nextafter(known.min(), np.inf)
    return track <= low, track >= high


def _changes(
    change: np.ndarray, matters: np.ndarray, elsewhere: np.ndarray, draws: np.random.Generator
) -> tuple[Change, Change, Change]:
    """The mean change at two kinds of places and the difference of the two, with intervals."""
    blocks = np.arange(len(change)) * BLOCKS // len(change)
    weights = draws.multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), size=RESAMPLES)
    weights = np.concatenate([np.ones((1, BLOCKS), dtype=weights.dtype), weights])
    means: list[np.ndarray] = []
    for marks in (matters, elsewhere):
        sums, counts = (
            np.bincount(blocks[marks], weights=of, minlength=BLOCKS) for of in (change[marks], None)
        )
        with np.errstate(invalid="ignore"):  # a resample without such a place has no mean
            means.append((weights @ sums) / (weights @ counts))
    return _change(means[0]), _change(means[1]), _change(means[0] - means[1])


def _change(means: np.ndarray) -> Change:
    if np.isnan(means[0]):  # there is no such place in what was read
        return Change(np.nan, np.nan, np.nan)
    outside = (1 - CONFIDENCE) / LEVELS / 2
    low, high = np.nanquantile(means[1:], (outside, 1 - outside))
    return Change(float(means[0]), float(low), float(high))
