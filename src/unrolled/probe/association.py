"""How closely each unit follows each track of a text, and whether chance could do as well.

Text is autocorrelated: any slow unit goes along with any slow track for a while. So the null
hypothesis is made of the data themselves: a track is shifted around the text as a ring, which
keeps its own course and breaks what ties it to the unit (a randomisation test over a group of
shifts). Thousands of pairs are tried, so a pair is compared with the best of all pairs under each
shift (Westfall and Young 1993, the single-step maximum); pairs are put on one scale by dividing
each by its own spread over the shifts.

All shifts of all pairs at once are a cross-correlation: blocks of the text are transformed by
Fourier, so that 1,000 shifts cost little more than one.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import torch

from unrolled.errors import TextTooShortError

SHIFTS = 1000
LEAST_SHIFTS = 199  # with fewer no p-value could be called small
FINEST = 4096  # shifts that are looked at, at most: the text is cut into so many blocks
TOGETHER = 16  # units whose transforms are in memory
_CODES = 1 << 16


class Rows(Protocol):
    """Courses of N numbers, of which a few are read at a time: an array, or like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice, /) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class Association:
    """What holds between W units and K tracks."""

    correlation: np.ndarray
    """Of ranks, W x K, from -1 to 1; NaN where a unit or a track never changes."""
    auc: np.ndarray
    """W x K: how often, of two places drawn from where a track is on and where it is off, the unit
    is higher in the first; a half is chance. NaN for tracks of more than two values."""
    p: np.ndarray
    """W x K: the share of shifts under which the best of all pairs does as well, this one included;
    1 where the correlation is NaN."""
    shifts: int
    """How many shifts were drawn: no p is below 1 / (shifts + 1)."""


def associate(
    units: Rows, tracks: np.ndarray, *, shifts: int = SHIFTS, seed: int = 0
) -> Association:
    """Compare every unit with every track.

    Units are compared as float16, so that what differs by less than a thousandth counts as equal.

    Args:
        units: W x N.
        tracks: K x N.
        shifts: How many to draw, at random and each once.
        seed: The same one draws the same shifts.

    Raises:
        TextTooShortError: The text has fewer than 200 blocks to shift.
    """
    length = tracks.shape[-1]
    block = -(-length // FINEST)
    blocks = length // block
    if blocks - 1 < LEAST_SHIFTS:
        raise TextTooShortError(length=length, purpose="statistics", least=LEAST_SHIFTS + 1)
    ring = _Ring(tracks[:, : blocks * block], block)
    drawn = np.random.default_rng(seed).permutation(blocks - 1)[:shifts] + 1
    parts = [
        _of_some(units[first : first + TOGETHER], ring, drawn)
        for first in range(0, len(units), TOGETHER)
    ]
    correlation, auc = map(np.concatenate, zip(*(part.strengths for part in parts), strict=True))
    scaled = np.concatenate([part.scaled for part in parts])
    largest = np.sort(np.max([part.largest for part in parts], axis=0))
    as_good = len(largest) - np.searchsorted(largest, scaled)
    changing = ~np.isnan(correlation)
    p = np.where(changing, (1 + as_good) / (1 + len(largest)), 1)
    return Association(correlation, auc, p, len(drawn))


class _Ring:
    """The tracks of a text that can be turned by any number of blocks."""

    def __init__(self, tracks: np.ndarray, block: int) -> None:
        self.block = block
        self.length = tracks.shape[-1]
        ranks = [_exact_ranks(track) for track in tracks]
        self.tracks = np.stack([_standardized(r) for r in ranks])  # K x N
        self.on = np.array([_share_on(track) for track in tracks])  # K

    @cached_property
    def transformed(self) -> torch.Tensor:
        """Of the tracks; see `_transform`."""
        return self._transform(self.tracks)

    def _transform(self, courses: np.ndarray) -> torch.Tensor:
        """Fourier transforms over the blocks, of each place in a block: frequencies x W x block."""
        rows = torch.from_numpy(courses).reshape(len(courses), -1, self.block)
        return torch.fft.rfft(rows, dim=1).transpose(0, 1)

    def correlations(self, courses: np.ndarray) -> np.ndarray:
        """Of standardized courses with the tracks as they stand, and turned (W x K x blocks)."""
        across = self._transform(courses).conj() @ self.transformed.transpose(1, 2)
        turned = torch.fft.irfft(across, n=self.length // self.block, dim=0)
        return turned.permute(1, 2, 0).numpy() / self.length


class _Strengths(NamedTuple):
    """What some units have with all tracks as they stand; see `Association`."""

    correlation: np.ndarray
    auc: np.ndarray


def _strengths(ranks: list[np.ndarray], ring: _Ring) -> _Strengths:
    courses = np.stack([_standardized(r) for r in ranks])
    correlation = courses @ ring.tracks.T / ring.length
    spread, on = np.array([r.std() for r in ranks])[:, None], ring.on
    with np.errstate(invalid="ignore", divide="ignore"):  # a track that is never on has no AUC
        auc = 0.5 + correlation * spread / (ring.length * np.sqrt(on * (1 - on)))
    constant = ~np.outer(courses.any(-1), ring.tracks.any(-1))
    return _Strengths(*(np.where(constant, np.nan, figures) for figures in (correlation, auc)))


class _OfSome(NamedTuple):
    """What some units have with all tracks."""

    strengths: _Strengths
    scaled: np.ndarray
    largest: np.ndarray
    """Of each shift the best of all pairs, scaled."""


def _of_some(units: np.ndarray, ring: _Ring, drawn: np.ndarray) -> _OfSome:
    ranks = [_ranks(unit[: ring.length]) for unit in units]
    found = _strengths(ranks, ring)
    observed = np.abs(np.nan_to_num(found.correlation))
    shifted = np.abs(ring.correlations(np.stack([_standardized(r) for r in ranks]))[..., drawn])
    spread = np.sqrt(((shifted**2).sum(-1) + observed**2) / (1 + len(drawn)))
    spread[np.isnan(found.correlation)] = np.inf
    return _OfSome(found, observed / spread, (shifted / spread[..., None]).max((0, 1)))


def _ranks(values: np.ndarray) -> np.ndarray:
    """Each value's rank from 0, the mean of those of all that are equal as float16."""
    codes = np.asarray(values, dtype=np.float32).astype(np.float16).view(np.uint16)
    ordered = np.where(codes < _CODES // 2, codes + _CODES // 2, _CODES - 1 - codes)
    ordered[codes == _CODES // 2] = _CODES // 2  # -0 is 0
    counts = np.bincount(ordered, minlength=_CODES)
    ends = counts.cumsum()
    return (ends - (counts + 1) / 2)[ordered]


def _exact_ranks(values: np.ndarray) -> np.ndarray:
    """Likewise, of values that are equal only if they are."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (counts.cumsum() - (counts + 1) / 2)[places]


def _standardized(ranks: np.ndarray) -> np.ndarray:
    """Mean 0 and spread 1, or zeros if nothing changes."""
    away = ranks - ranks.mean()
    spread = away.std()
    return (away / spread if spread else away).astype(np.float32)


def _share_on(track: np.ndarray) -> float:
    """How often the higher of two values is there; NaN for more values."""
    low, high = track.min(), track.max()
    on = track == high
    return float(on.mean()) if (on | (track == low)).all() and low < high else float("nan")
