"""Every setting of the character model with its default, unit and reason. No torch here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from tyro.conf import OmitArgPrefixes, Positional

from unrolled.errors import SettingError
from unrolled.training.settings import TrainSettings


@dataclass(frozen=True)
class CharLMSettings:
    """Learn a text character by character, and write more of it."""

    data: Positional[str | None] = None
    """A text file, a folder of them, or a named set (`unrolled data` lists them). Default: the
    source of Python's own standard library, which needs no download."""

    cell: str = "lstm"
    """The recurrent cell: a name from `unrolled cell`, rhn:3, gru+zoneout:0.1, or FILE.py:name."""

    hidden_size: int = 128
    """Width of each recurrent layer."""

    num_layers: int = 1
    """Recurrent layers, one upon the other."""

    embedding_size: int = 0
    """Width of a learned vector for each character; 0 feeds one-hot vectors, as in the lecture."""

    projection_size: int = 0
    """Width of the output of cells that project it (lstm_projected)."""

    dropout: float = 0.0
    """Probability of dropping an output, in training; for long training on short texts."""

    batch_size: int = 32
    """Streams of text read side by side."""

    bptt: int = 64
    """Steps back in time that the gradient goes; the state goes on for ever. 0: the whole text."""

    bytes: bool = False
    """Take the text as bytes, whatever they mean."""

    encoding: str = "utf-8"
    """How the file's characters are written as bytes."""

    validation: float = 0.05
    """Share of the text to validate on, just before the test part."""

    test: float = 0.05
    """Share of the text, its end, for the figures that count."""

    validate_characters: int = 100_000
    """Characters of the validation part that each evaluation reads, to keep it short."""

    ngram: int = 3
    """Longest context of the counting baseline (Witten-Bell) printed beside the result, plus 1."""

    out: Path | None = None
    """The run folder to make. Default: runs/char-lm-CELL, with a number if that is there."""

    training: Annotated[TrainSettings, OmitArgPrefixes] = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        positive = ("hidden_size", "num_layers", "batch_size", "validate_characters", "ngram")
        for name in positive:
            if not getattr(self, name) > 0:
                raise SettingError(name=name, got=getattr(self, name), wanted="more than 0")
        for name in ("embedding_size", "projection_size", "bptt"):
            if getattr(self, name) < 0:
                raise SettingError(name=name, got=getattr(self, name), wanted="0 or more")
        for name, largest in LARGEST.items():
            if getattr(self, name) > largest:
                raise SettingError(name=name, got=getattr(self, name), wanted=f"{largest} at most")
        if not 0 <= self.dropout < 1:
            raise SettingError(name="dropout", got=self.dropout, wanted="0 or more, below 1")


LARGEST = {  # beyond what any machine that runs this can train or count
    "hidden_size": 2**16,
    "num_layers": 2**10,
    "embedding_size": 2**16,
    "projection_size": 2**16,
    "batch_size": 2**16,
    "ngram": 2**5,
}
