"""Everything that is looked at in one network, one after another."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from unrolled.errors import TextTooShortError, TrackTwiceError, VocabularySizeError
from unrolled.layers.layer import Layer
from unrolled.probe.alike import clusters
from unrolled.probe.distances import Closing, closing
from unrolled.probe.effects import Effect, causal_effects
from unrolled.probe.gradients import GradientMap, gradient_maps
from unrolled.probe.jacobians import Jacobians, step_jacobians
from unrolled.probe.languages import language_of, language_tracks
from unrolled.probe.linear import Readable, linear_probes
from unrolled.probe.oracles import Peeling, peel
from unrolled.probe.own_tracks import own_track
from unrolled.probe.recorder import Reading, Tape, record
from unrolled.probe.saturation import Saturation, limits_of, saturation
from unrolled.probe.subject import Looking, Progress, Subject
from unrolled.probe.taps import Source, evaluating, tapped
from unrolled.probe.tracks import Track, text_tracks
from unrolled.probe.units import Finding, Unit, find_units, units_of

GATES_READ = 20_000  # characters of which gates are recorded
WARMUP = 512  # characters before the lens begins, if there are as many
JACOBIANS = 8


@dataclass(frozen=True, eq=False)
class Examination:
    """What was seen of a network."""

    subject: Subject
    text: str
    """What was read of the subject's."""
    tape: Tape
    tracks: list[Track]
    finding: Finding | None
    """None where the text is too short for it; `notes` says so."""
    effects: list[Effect]
    """Of the best unit of each track, in their order."""
    readable: list[Readable]
    """What all units together know, in the order of the finding's tracks."""
    groups: list[list[Unit]]
    """Units that go together."""
    saturations: list[Saturation]
    peeling: Peeling | None
    closings: list[Closing]
    maps: Mapping[Source, GradientMap]
    """Through everything."""
    paths: Mapping[str, Mapping[Source, GradientMap]]
    """By the one state through which gradients go back; empty if cells have no other."""
    jacobians: list[Jacobians]
    notes: tuple[str, ...]
    """What could not be looked at, and why."""

    @property
    def bits_per_character(self) -> float:
        """Of the text that was read."""
        return float(-np.nanmean(self.tape.log_likelihood) / np.log(2))


def _silently(what: str, share: float) -> None:
    pass


def examine(
    subject: Subject, how: Looking | None = None, progress: Progress = _silently
) -> Examination:
    """Look at a network.

    Args:
        subject: The network and its text.
        how: How closely; None: in the usual way.
        progress: Is told what is being done, and the share of it all that is done.

    Raises:
        UnrolledError: Many kinds: the text has characters that the network does not know, or none;
            the network has no layer that can be looked into; a track of the user's own fails.
    """
    how = how or Looking()
    text = subject.text[: how.characters]
    symbols, ends = subject.spelled(how.characters)
    reading = Reading(batch_first=subject.batch_first)
    notes: list[str] = []

    progress("telling what the text does", 0.0)
    _check_vocabulary(subject)
    tracks = _tracks(text, how)
    progress("reading the text", 0.05)
    tape = record(
        subject.network, symbols, ends=ends, how=reading,
        progress=lambda done, of: progress("reading the text", 0.05 + 0.25 * done / of),
    )  # fmt: skip
    progress("finding units", 0.3)
    finding = _found(tape, tracks, how, notes)
    best = finding.best if finding else []
    progress("reading all units together", 0.45)
    readable = linear_probes(tape, [found.track for found in best]) if best else []
    progress("holding units", 0.5)
    effects = causal_effects(
        subject.network, tape, best, batch_first=subject.batch_first, seed=how.seed
    )
    progress("comparing units", 0.7)
    groups = clusters(tape, units_of(tape))
    progress("watching gates", 0.72)
    saturations = _saturations(subject, symbols[:GATES_READ], reading, notes)
    progress("peeling errors", 0.78)
    peeling = _peeled(subject, text, tape, notes)
    closings = closing(text, tape.log_likelihood, tape.hit)
    progress("following gradients", 0.84)
    maps, paths, jacobians = _gradients(subject, symbols, how)
    return Examination(
        subject, text, tape, tracks, finding, effects, readable, groups, saturations, peeling,
        closings, maps, paths, jacobians, tuple(notes),
    )  # fmt: skip


def _check_vocabulary(subject: Subject) -> None:
    with evaluating(subject.network), tapped(subject.network, ()) as taps, torch.no_grad():
        scored = taps.read(np.zeros((1, 1)), batch_first=subject.batch_first).shape[-1]
    if scored != len(subject.symbols):
        raise VocabularySizeError(vocabulary=len(subject.symbols), scored=scored)


def _tracks(text: str, how: Looking) -> list[Track]:
    language = language_of(text) if how.language is None else how.language
    own = [own_track(spec, text, seconds=how.seconds) for spec in how.tracks]
    of_text = text_tracks(text, quotes=language == "none")
    tracks = [*own, *of_text, *language_tracks(text, language)]
    for name, count in Counter(track.name for track in tracks).items():
        if count > 1:
            raise TrackTwiceError(name=name)
    return tracks


def _found(tape: Tape, tracks: list[Track], how: Looking, notes: list[str]) -> Finding | None:
    try:
        return find_units(tape, tracks, shifts=how.shifts, seed=how.seed)
    except TextTooShortError as error:
        notes.append(str(error))
        return None


def _saturations(
    subject: Subject, symbols: np.ndarray, reading: Reading, notes: list[str]
) -> list[Saturation]:
    layers = [module for module in subject.network.modules() if isinstance(module, Layer)]
    cells = dict.fromkeys(layer.cell for layer in layers)
    names = dict.fromkeys(name for cell in cells for name in limits_of(cell))
    if not names:
        named = ", ".join(cell.name for cell in cells)
        notes.append(f"No equation of {named} names what a sigmoid or tanh gives: no gates.")
        return []
    tape = record(subject.network, symbols, names=tuple(names), how=reading)
    return saturation(tape, subject.network)


def _peeled(subject: Subject, text: str, tape: Tape, notes: list[str]) -> Peeling | None:
    if not subject.training:
        notes.append(f"Errors were not peeled: {subject.no_training.rstrip('.')}.")
        return None
    known = set(subject.training).union(text)  # those of the vocabulary, or of some bytes
    size = len(subject.vocabulary or known)
    return peel(text, tape.log_likelihood, subject.training, vocabulary_size=size)


def _gradients(
    subject: Subject, symbols: np.ndarray, how: Looking
) -> tuple[
    Mapping[Source, GradientMap], Mapping[str, Mapping[Source, GradientMap]], list[Jacobians]
]:
    network, batch_first = subject.network, subject.batch_first
    warmup = min(WARMUP, (len(symbols) - 1) // 2)
    part = symbols[: warmup + how.lens_steps + 1]
    maps = gradient_maps(network, part, warmup=warmup, batch_first=batch_first)
    paths = {
        state: gradient_maps(network, part, warmup=warmup, path=state, batch_first=batch_first)
        for state in _shared_states(network)
    }
    steps = np.unique(np.linspace(warmup, len(part) - 2, JACOBIANS).astype(int))
    return maps, paths, step_jacobians(network, part, [*map(int, steps)], batch_first=batch_first)


def _shared_states(network: nn.Module) -> Iterator[str]:
    """The states of cells that have several."""
    cells = [module.cell for module in network.modules() if isinstance(module, Layer)]
    several = (cell.state_names for cell in cells if len(cell.states) > 1)
    yield from dict.fromkeys(name for names in several for name in names)
