"""Every setting of the toy tasks with its default, unit and reason. No torch here."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Suppress

from unrolled.errors import SettingError
from unrolled.training.settings import TrainSettings, check_sizes, check_types

ToyName = Literal["adding", "copy", "temporal-order", "latch"]
Start = Literal["own", "smart"]


@dataclass(frozen=True)
class ToySettings:
    """A task whose sequences are drawn as the model learns."""

    task: Suppress[ToyName]
    """Which of them."""

    cell: str = "lstm"
    """The recurrent cell: a name from `unrolled cell`, rhn:3, gru+zoneout:0.1, or FILE.py:name."""

    hidden_size: int = 64
    """Width of each recurrent layer."""

    num_layers: int = 1
    """Recurrent layers, one upon the other."""

    length: int = 100
    """Steps of the longest sequence, which is how long something has to be remembered, or nearly
    (copy: the steps between the symbols and their recall; 20 more hold these)."""

    shortest: int = 0
    """Steps of the shortest: each batch draws its own length, up to the longest. 0: all alike."""

    batch_size: int = 64
    """Sequences a step, all new."""

    start: Start = "own"
    """How weights start: own, as the layer starts by itself; smart, as Pascanu et al. 2013 start a
    plain rnn: 15 connections a unit, spectral radius 0.95, all else small."""

    out: Path | None = None
    """The run folder to make. Default: runs/TASK-CELL, with a number if that is there."""

    training: Annotated[TrainSettings, OmitArgPrefixes] = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        check_types(self)
        check_sizes(self, LARGEST)
        for name in ("length", "shortest"):
            value, least = getattr(self, name), SHORTEST[self.task]
            if value < least and not (name == "shortest" and value == 0):
                wanted = f"{least} or more for {self.task}"
                raise SettingError(name=name, got=value, wanted=wanted)
        if self.shortest > self.length:
            wanted = f"at most length={self.length}"
            raise SettingError(name="shortest", got=self.shortest, wanted=wanted)
        if self.training.epochs is not None:
            wanted = "none: each step draws new sequences. Give steps or minutes"
            raise SettingError(name="epochs", got=self.training.epochs, wanted=wanted)


LARGEST = {  # beyond what any machine that runs this can train
    "hidden_size": 2**16,
    "num_layers": 2**10,
    "length": 2**16,
    "batch_size": 2**16,
}
SHORTEST = {"adding": 2, "copy": 1, "temporal-order": 10, "latch": 3}


def adding() -> ToySettings:
    """Add the two numbers of a sequence that are marked.

    At each step come a number from 0 to 1 and a marker, which is 1 at two steps: one in the first
    half, one in the second (Hochreiter and Schmidhuber 1997, experiment 4, in the form of Arjovsky
    et al. 2016). After the last step the sum of the two is read. Always to say 1 has a squared
    error of 1/6; solved when fewer than 1 % of the sums are off by more than 0.04.
    """
    return _settings("adding", learning_rate=5e-3)


def copy() -> ToySettings:
    """Repeat ten symbols after a pause.

    Ten symbols of eight kinds, blanks for as many steps as --length says, of which the last is a
    sign to begin, then ten steps in which the symbols are to be recalled; before, the answer is a
    blank (Arjovsky et al. 2016, after Hochreiter and Schmidhuber 1997). Who forgets all has a mean
    cross-entropy of 10 ln 8 / (length + 20); solved when all ten are right in 99 % of sequences.
    """
    sizes = {"length": 10, "hidden_size": 128, "batch_size": 32}
    return replace(_settings("copy", learning_rate=5e-3, **sizes), cell="gru")  # lstm takes longer


def temporal_order() -> ToySettings:
    """Say in which order two signals came.

    One of A and B comes in the second tenth of the steps, another one of A and B in the sixth
    tenth, and one of four distractors at every other step (Hochreiter and Schmidhuber 1997,
    experiment 6a, in the form of Pascanu et al. 2013). After the last step it is read which of AA,
    AB, BA, BB it was: by chance with a cross-entropy of ln 4; solved below 1 % of wrong answers.
    """
    return _settings("temporal-order", length=50)


def latch() -> ToySettings:
    """Hold one bit against noise.

    The first three steps are +1 or -1, for two classes; all steps have noise of standard deviation
    0.2 (Bengio, Simard and Frasconi 1994). After the last step it is read which class it was: by
    chance with a cross-entropy of ln 2; solved below 1 % of wrong answers.
    """
    return _settings("latch", length=50, hidden_size=50)


def _settings(task: ToyName, *, learning_rate: float = 2e-3, **changes: int) -> ToySettings:
    training = TrainSettings(learning_rate=learning_rate, evaluate_every=100)
    return replace(ToySettings(task), training=training, **changes)
