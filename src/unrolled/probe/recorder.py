"""A network reads a text, and everything it did stays on the disk, unit by unit.

Where a text is long, several lanes of it are read side by side. Each but the first begins a little
before its part, so that its state has forgotten that it started from zeros.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from weakref import finalize

import numpy as np
import torch
from torch import Tensor, nn

from unrolled.errors import NoRoomError, TextTooShortError
from unrolled.probe.taps import Source, Taps, evaluating, tapped

LIKELIEST = 5
STEPS = 128  # read in one call
NUMBER = 4  # bytes


@dataclass(frozen=True, eq=False)
class Tape:
    """What a network did while it read a text of N symbols."""

    symbols: np.ndarray  # N
    values: Mapping[Source, np.ndarray]
    """Of each source width x N, float32, on the disk: `values[source][unit]` is one unit's course,
    and column i what it was when symbol i had just been read."""
    log_likelihood: np.ndarray
    """Of each symbol, from those before it, in nats (N, float32); of the first NaN."""
    likeliest: np.ndarray
    """The likeliest next symbols under each one, the best first (N x 5, fewer if V is)."""
    probabilities: np.ndarray  # of those
    folder: Path
    """Where the values lie."""

    def __len__(self) -> int:
        return len(self.symbols)


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


def record(
    network: nn.Module,
    symbols: np.ndarray,
    *,
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
        symbols: The text as whole numbers (N).
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
        NoRoomError: The values do not fit on the disk.
    """
    if len(symbols) < 2:
        raise TextTooShortError(length=len(symbols), purpose="recording", least=2)
    how = how or Reading()
    writer = _Writer(symbols, Path(mkdtemp(prefix="unrolled-") if folder is None else folder))
    try:
        with evaluating(network), tapped(network, names) as taps, torch.inference_mode():
            _read(lanes_for(len(symbols), how), taps, writer, how.batch_first, progress)
        tape = writer.tape()
    except BaseException:
        if folder is None:
            shutil.rmtree(writer.folder)
        raise
    if folder is None:
        finalize(tape, shutil.rmtree, writer.folder)
    return tape


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

    def __init__(self, symbols: np.ndarray, folder: Path) -> None:
        self.symbols = symbols
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.values: dict[Source, np.ndarray] = {}
        self.log_likelihood = np.full(len(symbols), np.nan, dtype=np.float32)
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
            for source, heard in as_arrays.items():
                self.values[source][:, places] = heard[steps, lane].T
            self.likeliest[places] = indices[steps, lane]
            self.probabilities[places] = chances[steps, lane]
            following = self.symbols[places.start + 1 : places.stop + 1].astype(np.int64)
            known = scores[steps, lane][np.arange(len(following)), following]
            self.log_likelihood[places.start + 1 : places.start + 1 + len(following)] = known

    def _make(self, values: Mapping[Source, Tensor], best: int) -> None:
        length = len(self.symbols)
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
        likeliest = self.likeliest, self.probabilities
        return Tape(self.symbols, self.values, self.log_likelihood, *likeliest, self.folder)


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
