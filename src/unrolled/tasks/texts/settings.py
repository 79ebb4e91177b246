"""The settings that all tasks on examples of text have. No torch here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes

from unrolled.errors import SettingError
from unrolled.training.settings import (
    LATER,
    TrainSettings,
    check_sizes,
    check_types,
    refuse_unused,
)

Unit = Literal["words", "characters", "subwords"]
ReaderModel = Literal["recurrent", "bert"]

LARGEST = {  # beyond what any machine that runs this can train
    "hidden_size": 2**16,
    "num_layers": 2**10,
    "embedding_size": 2**16,
    "batch_size": 2**16,
    "vocabulary": 2**24,
    "longest": 2**20,
}
UNUSED = {
    "recurrent": ("num_heads", "weights"),
    "bert": ("cell", "bidirectional", "embedding_size", "pooling", "spelling_size"),
    "transformer": ("cell", "bidirectional", "embedding_size", "attention"),
}
"""What the models of texts have no use for."""


@dataclass(frozen=True)
class TextSettings:
    """Which model, of what size, on how much of the data."""

    cell: str = "lstm"
    """The recurrent cell: a name from `unrolled cell`, rhn:3, gru+zoneout:0.1, or FILE.py:name."""

    hidden_size: int = 128
    """Width of each recurrent layer, in each direction."""

    num_layers: int = 1
    """Recurrent layers, one upon the other."""

    bidirectional: bool = True
    """Whether the layers read backwards, too."""

    embedding_size: int = 128
    """Width of a learned vector for each unit of text."""

    dropout: float = 0.3
    """Probability of dropping an output, in training."""

    vocabulary: int = 20_000
    """Units of text that have a vector of their own, at most; all others share one."""

    least: int = 2
    """How often a unit must occur in the training part to have one."""

    lowercase: bool = False
    """Take capitals as small letters."""

    longest: int = 1_000
    """Units of a text that are read; what comes after them is cut off, and counted aloud."""

    batch_size: int = 64
    """Texts a step, of about the same length."""

    validation: float = 0.05
    """Share of the data to validate on, if it has no such part of its own."""

    test: float = 0.1
    """Share of the data for the figures that count, if it has no such part of its own."""

    encoding: str = "utf-8"
    """How the files' characters are written as bytes; a named set knows its own."""

    out: Path | None = None
    """The run folder to make. Default: runs/TASK-CELL, with a number if that is there."""

    training: Annotated[TrainSettings, OmitArgPrefixes] = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        check_types(self)
        check_sizes(self, LARGEST)
        if self.least < 1:
            raise SettingError(name="least", got=self.least, wanted="1 or more")
        if not 0 <= self.dropout < 1:
            raise SettingError(name="dropout", got=self.dropout, wanted="0 or more, below 1")


@dataclass(frozen=True)
class ReaderSettings(TextSettings):
    """The same, where a recurrent network or BERT may read."""

    model: ReaderModel = field(default="recurrent", metadata=LATER)
    """Layers of the cell; or BERT (Devlin et al. 2018), which reads each unit with all others: its
    width is --hidden-size, and its defaults (--model bert --help) suit one with --weights; without,
    --learning-rate 1e-3 learns faster."""

    num_heads: int = field(default=4, metadata=LATER)
    """Heads of BERT's attention."""

    weights: str = field(default="", metadata=LATER)
    """What BERT learned before: a named set of weights (minilm), a folder as the hub publishes it,
    or a run of masked-lm; empty: nothing. Its sizes, dropout and units of text then hold, whatever
    the flags for these say."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sizes(self, {"num_heads": 2**10})
        refuse_unused(self, "model", UNUSED)
        if self.model == "bert" and self.longest < 3:
            wanted = "3 or more: BERT reads a symbol before a text and one after it"
            raise SettingError(name="longest", got=self.longest, wanted=wanted)
