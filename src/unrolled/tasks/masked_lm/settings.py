"""Every setting of masked-lm with its default, unit and reason. No torch here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from tyro.conf import OmitArgPrefixes, Positional

from unrolled.errors import SettingError
from unrolled.tasks.texts.settings import Unit
from unrolled.training.settings import TrainSettings, check_sizes, check_types

LARGEST = {  # beyond what any machine that runs this can train
    "hidden_size": 2**16,
    "num_layers": 2**10,
    "num_heads": 2**10,
    "context": 2**16,
    "batch_size": 2**16,
    "vocabulary": 2**24,
    "least": 2**31,
    "validate_passages": 2**31,
}
LEAST_CONTEXT = 5  # [CLS], a symbol, [SEP], another one, [SEP]


def _training() -> TrainSettings:
    """As suits minutes of training a small BERT."""
    return TrainSettings(learning_rate=1e-3, evaluate_every=200, warmup_steps=100)


@dataclass(frozen=True)
class MaskedLMSettings:
    """Pretrain a BERT (Devlin et al. 2018): learn a text by guessing what is masked in it.

    Its run is where `--weights RUN` of sentiment and tag starts from, if their `--model` is bert.
    """

    model: ClassVar[str] = "bert"

    data: Positional[str | None] = None
    """A text file, a folder of them, or a named set (`unrolled data` lists them). Default: the
    source of Python's own standard library, which needs no download."""

    unit: Unit = "subwords"
    """What is masked one by one: words, characters, or subwords (byte-pair encodings)."""

    vocabulary: int = 8_000
    """Units of text that have a vector of their own, at most."""

    least: int = 2
    """How often a unit must occur in the training part to have one."""

    lowercase: bool = False
    """Take capitals as small letters."""

    hidden_size: int = 128
    """Width of each layer."""

    num_layers: int = 2
    """Layers of attention, one upon the other."""

    num_heads: int = 4
    """Attention heads of a layer, side by side."""

    context: int = 128
    """The most units that are read at once; lines are packed into passages of so many."""

    dropout: float = 0.1
    """Probability of dropping an output, in training."""

    masked: float = 0.15
    """Share of the units of a passage that are to be guessed: of these 80 % are masked, 10 % become
    others, 10 % stay, drawn anew each time that the passage is read."""

    next_sentence: bool = False
    """Learn as well whether the second half of what is read followed the first in the text."""

    batch_size: int = 32
    """Passages a step."""

    encoding: str = "utf-8"
    """How the file's characters are written as bytes."""

    validation: float = 0.05
    """Share of the text to validate on, just before the test part."""

    test: float = 0.05
    """Share of the text, its end, for the figures that count."""

    validate_passages: int = 200
    """Passages of the validation part that each evaluation reads, to keep it short."""

    out: Path | None = None
    """The run folder to make. Default: runs/masked-lm-bert, with a number if that is there."""

    training: Annotated[TrainSettings, OmitArgPrefixes] = field(default_factory=_training)

    def __post_init__(self) -> None:
        check_types(self)
        check_sizes(self, LARGEST)
        if self.context < LEAST_CONTEXT:
            wanted = f"{LEAST_CONTEXT} or more"
            raise SettingError(name="context", got=self.context, wanted=wanted)
        if not 0 < self.masked < 1:
            raise SettingError(name="masked", got=self.masked, wanted="more than 0, below 1")
        if not 0 <= self.dropout < 1:
            raise SettingError(name="dropout", got=self.dropout, wanted="0 or more, below 1")
