"""A network reads a text, and everything it did stays on the disk, unit by unit.

Where a text is long, several lanes of it are read side by side. Each but the first begins a little
before its part, so that its state has forgotten that it started from zeros.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from weakref import finalize

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.errors import NoNumbersError, NoRoomError, TextTooShortError
from unrolled.probe.taps import Source, Taps, evaluating, tapped

LIKELIEST = 5
STEPS = 128  # read in one call
NUMBER = 4  # bytes


@dataclass(frozen=True, eq=False)
class Tape:
    """What a network did while it read a text of N characters.

    A character is one symbol, or several where symbols are bytes.
    """

    symbols: np.ndarray
    """The text as whole numbers."""
    ends: np.ndarray
    """Of each character, the place of its last symbol (N)."""
    values: Mapping[Source, np.ndarray]
    """Of each source width x N, float32, on the disk: `values[source][unit]` is one unit's course,
    and column i what it was when character i had just been read."""
    log_likelihood: np.ndarray
    """Of each character, from those before it, in nats (N, float32); of the first NaN."""
    hit: np.ndarray
    """Whether each was the likeliest, all its symbols one after another (N); the first was not."""
    likeliest: np.ndarray
    """The likeliest next symbols under each one, the best first (N x 5, fewer if V is)."""
    probabilities: np.ndarray  # of those
    folder: Path
    """Where the values lie."""

    def __len__(self) -> int:
        return len(self.ends)

    def piece(self, part: slice) -> tuple[np.ndarray, np.ndarray]:
        """Some characters: their symbols, and where each ends among these."""
        ends = self.ends[part]
        start = self.ends[part.start - 1] + 1 if part.start else 0
        return self.symbols[start : ends[-1] + 1], ends - start


@dataclass(frozen=True)
class Reading:
    """How a network is given a text."""

    lanes: int = 16
    """Parts of the text that are read side by side; 1 reads it as it stands."""
    warmup: int = 512
    """How many symbols each lane but the first reads before its part."""
    batch_first: bool = False
    """Whether the network takes and returns B x T."""


@dataclass(frozen=True)
class Lanes:
    """Parts of a text that are read side by side: lane l reads from l * `apart` on."""

    count: int
    apart: int
    warmup: int
    """How many symbols each lane but the first reads for nothing, to forget its start."""
    length: int
    """N."""

    @property
    def steps(self) -> int:
        """How many symbols each lane reads."""
        return self.apart + self.warmup

    def rows(self, symbols: np.ndarray, begin: int, end: int) -> np.ndarray:
        """What all lanes read at some steps (steps x lanes); past the end the last symbol."""
        at = np.arange(begin, end)[:, None] + np.arange(self.count) * self.apart
        return symbols[np.minimum(at, self.length - 1)]

    def kept(self, begin: int, end: int) -> Iterator[tuple[int, slice, slice]]:
        """What is kept of some steps: the lane, which of the steps, their places in the text."""
        for lane in range(self.count):
            start = lane * self.apart
            first = max(begin, self.warmup if lane else 0)
            last = min(end, self.length - start)
            if first < last:
                yield lane, slice(first - begin, last - begin), slice(start + first, start + last)


def lanes_for(length: int, how: Reading) -> Lanes:
    """Lanes for a text, each of which keeps more than it reads for nothing."""
    warmup, count = how.warmup, min(how.lanes, length // (2 * how.warmup + 1))
    if count <= 1:
        return Lanes(1, length, 0, length)
    return Lanes(count, -(-(length - warmup) // count), warmup, length)


def record(  # noqa: PLR0913
    network: nn.Module,
    symbols: np.ndarray,
    *,
    ends: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    folder: Path | str | None = None,
    how: Reading | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tape:
    """Let a network read a text, and keep what its layers did.

    The network is called with symbols (T x B) and returns scores of the next symbol (T x B x V),
    alone or first in a tuple; its layers' states go on from call to call. Masks and dropout are
    off.

    Args:
        network: Any module that holds our layers.
        symbols: The text as whole numbers.
        ends: Of each character, the place of its last symbol; None: each symbol is a character.
        names: Names of equations to record, () for none; None: each layer's states.
        folder: Where the values lie afterwards; None: in a folder that goes with the tape.
        how: In how many lanes, and in which form; None: in the usual way.
        progress: Is told how many steps are done, and of how many.

    Raises:
        TextTooShortError: The text has no two symbols.
        NothingToRecordError: The network holds none of our layers, or calls none.
        NotCausalError: A layer runs in both directions.
        UnknownNameError: No layer has an equation of a name.
        CalledAgainError: A layer is called twice for one input.
        ForeignOutputError: The network returns no scores.
        NoNumbersError: Its scores are none.
        NoRoomError: The values do not fit on the disk.
    """
    if len(symbols) < 2:
        raise TextTooShortError(length=len(symbols), purpose="recording", least=2)
    how = how or Reading()
    with _folder(folder) as place:
        writer = _Writer(symbols, np.arange(len(symbols)) if ends is None else ends, place)
        with evaluating(network), tapped(network, names) as taps, torch.inference_mode():
            _read(lanes_for(len(symbols), how), taps, writer, how.batch_first, progress)
        tape = writer.tape()
    if folder is None:
        finalize(tape, shutil.rmtree, place)
    return tape


@contextmanager
def _folder(named: Path | str | None) -> Iterator[Path]:
    """The folder that is named, or one that goes again if the block fails."""
    place = Path(mkdtemp(prefix="unrolled-") if named is None else named)
    try:
        yield place
    except BaseException:
        if named is None:
            shutil.rmtree(place)
        raise


def _read(
    plan: Lanes,
    taps: Taps,
    writer: "_Writer",
    batch_first: bool,
    progress: Callable[[int, int], None] | None,
) -> None:
    """Give the network its lanes, a few steps at a time."""
    for begin in range(0, plan.steps, STEPS):
        end = min(begin + STEPS, plan.steps)
        rows = plan.rows(writer.symbols, begin, end)
        logits = taps.read(rows, batch_first=batch_first)
        writer.write(plan, begin, end, taps.values, logits)
        if progress:
            progress(end, plan.steps)


class _Writer:
    """Puts what was heard where it belongs in the text."""

    def __init__(self, symbols: np.ndarray, ends: np.ndarray, folder: Path) -> None:
        self.symbols = symbols
        self.ends = ends
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.values: dict[Source, np.ndarray] = {}
        self.log_likelihood = np.full(len(symbols), np.nan, dtype=np.float32)  # of each symbol
        self.hit = np.zeros(len(symbols), dtype=bool)  # likewise
        self.likeliest = self.probabilities = np.zeros((0, 0))

    def write(
        self, plan: Lanes, begin: int, end: int, values: Mapping[Source, Tensor], logits: Tensor
    ) -> None:
        """Some steps of all lanes: values and scores, each T x B x width."""
        log_probabilities = logits.float().log_softmax(-1)
        best = log_probabilities.topk(min(LIKELIEST, logits.shape[-1]), dim=-1)
        if not self.likeliest.size:
            self._make(values, best.indices.shape[-1])
        as_arrays = {source: heard.float().cpu().numpy() for source, heard in values.items()}
        indices, chances = best.indices.cpu().numpy(), best.values.exp().cpu().numpy()
        scores = log_probabilities.cpu().numpy()
        for lane, steps, places in plan.kept(begin, end):
            if np.isnan(chances[steps, lane]).any():
                raise NoNumbersError(place=places.start + 1)
            first, last = np.searchsorted(self.ends, (places.start, places.stop))
            kept, now = slice(first, last), self.ends[first:last] - places.start
            for source, heard in as_arrays.items():
                self.values[source][:, kept] = heard[steps, lane][now].T
            self.likeliest[kept] = indices[steps, lane][now]
            self.probabilities[kept] = chances[steps, lane][now]
            following = self.symbols[places.start + 1 : places.stop + 1].astype(np.int64)
            there = slice(places.start + 1, places.start + 1 + len(following))
            known = scores[steps, lane][np.arange(len(following)), following]
            self.log_likelihood[there] = known
            self.hit[there] = indices[steps, lane][: len(following), 0] == following

    def _make(self, values: Mapping[Source, Tensor], best: int) -> None:
        length = len(self.ends)
        needed = NUMBER * length * sum(heard.shape[-1] for heard in values.values())
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            names = ", ".join(map(str, values))
            facts = {"needed": _bytes(needed), "free": _bytes(free)}
            raise NoRoomError(values=names, folder=self.folder, **facts)
        for number, (source, heard) in enumerate(values.items()):
            path, shape = self.folder / f"values-{number}.npy", (heard.shape[-1], length)
            self.values[source] = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        self.likeliest = np.zeros((length, best), dtype=np.int32)
        self.probabilities = np.zeros((length, best), dtype=np.float32)

    def tape(self) -> Tape:
        """All that was written."""
        starts = np.append(0, self.ends[:-1] + 1)
        return Tape(
            self.symbols, self.ends, self.values,
            np.add.reduceat(self.log_likelihood, starts), np.logical_and.reduceat(self.hit, starts),
            self.likeliest, self.probabilities, self.folder,
        )  # fmt: skip


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
