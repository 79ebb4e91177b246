"""Every setting of the speed study with its default, unit and reason. No torch here."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from unrolled.errors import SettingError
from unrolled.study.speed.points import POINTS, QUICK_POINTS, Point
from unrolled.training.settings import MOST_THREADS, check_seed

PeerName = Literal[
    "c", "drop-in", "eager", "torch.nn", "loop", "torch.compile", "torchrecurrent", "jax"
]
ModeName = Literal["forward", "both"]
DtypeName = Literal["float32", "float64"]

DEFAULT_PEERS: tuple[PeerName, ...] = (
    "c", "drop-in", "eager", "torch.nn", "loop", "torchrecurrent", "jax",
)  # fmt: skip


@dataclass(frozen=True)
class BenchSettings:
    """Who is measured, at which sizes, for how long."""

    cells: tuple[str, ...] = ("lstm", "gru_torch", "rnn")
    """Cells as `unrolled cell` names them, FILE.py:name, or gallery (all); torch.nn has these 3."""

    points: tuple[str, ...] = tuple(map(str, POINTS))
    """Sizes as BxH: sequences side by side x width; the input is as wide as the state (X = H)."""

    steps: int = 100
    """T, time steps of a sequence."""

    threads: tuple[int, ...] = (1,)
    """CPU threads; each count is measured in turn. One thread is the steadier measure."""

    dtype: DtypeName = "float32"
    """Numbers of weights and inputs; all are checked against float64."""

    mode: ModeName = "both"
    """forward: without gradients, as in use. both: that, and forward + backward as in training."""

    peers: tuple[PeerName, ...] = DEFAULT_PEERS
    """Who takes part; torch.compile, which takes a minute for each size, must be asked for."""

    seconds: float = 2.0
    """Seconds to measure all contenders together, for each cell, size, mode and thread count."""

    rounds: int = 5
    """Fewest rounds, however long they take; of fewer, minima are no good."""

    lengths: bool = False
    """Sequences of random lengths, 1 to T, against torch.nn on a PackedSequence."""

    quick: bool = False
    """A one-minute overview: four sizes, half a second each, not --points and --seconds."""

    min_char_rnn: bool = False
    """Instead, train the lecture's min-char-rnn: numpy against our layer, characters a second."""

    sampling: bool = False
    """Instead, let an LSTM of 128 units write: characters a second, one at a time."""

    text: str | None = None
    """What --min-char-rnn learns: a file or a named set; without it, Python's own source."""

    json: Path | None = None
    """Write every figure to this file: machine, versions, all times in seconds."""

    markdown: bool = False
    """Print tables in Markdown, to be pasted into a document."""

    seed: int = 0
    """Of weights and inputs; no figure should depend on it."""

    def __post_init__(self) -> None:
        for name in ("steps", "rounds", "seconds"):
            if not 0 < getattr(self, name) < float("inf"):
                raise SettingError(name=name, got=getattr(self, name), wanted="more than 0")
        for count in self.threads:
            if not 0 < count <= MOST_THREADS:
                raise SettingError(name="threads", got=count, wanted=f"1 to {MOST_THREADS}")
        for name in ("cells", "points", "threads", "peers"):
            if not getattr(self, name):
                raise SettingError(name=name, got="nothing", wanted="one or more")
        check_seed(self.seed)
        self.sizes()

    def sizes(self) -> tuple[Point, ...]:
        """The points to measure.

        Raises:
            SettingError: A point is not written as BxH.
        """
        return tuple(Point.read(text) for text in self.points)

    def in_force(self) -> "BenchSettings":
        """These settings with what `quick` changes."""
        if not self.quick:
            return self
        return replace(self, points=tuple(map(str, QUICK_POINTS)), seconds=0.5, rounds=3)
