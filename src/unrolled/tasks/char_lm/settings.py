"""Every setting of the character model with its default, unit and reason. No torch here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import OmitArgPrefixes, Positional

from unrolled.errors import SettingError
from unrolled.training.settings import LATER, TrainSettings, check_sizes, check_types, refuse_unused

Model = Literal["recurrent", "gpt2"]


@dataclass(frozen=True)
class CharLMSettings:
    """Learn a text character by character, and write more of it."""

    data: Positional[str | None] = None
    """A text file, a folder of them, or a named set (`unrolled data` lists them). Default: the
    source of Python's own standard library, which needs no download."""

    model: Model = field(default="recurrent", metadata=LATER)
    """Layers of the cell; or GPT-2 (Radford et al. 2019), of --num-layers blocks --hidden-size wide
    that see --bptt characters at once."""

    num_heads: int = field(default=4, metadata=LATER)
    """Heads of GPT-2's attention."""

    weights: str = field(default="", metadata=LATER)
    """What GPT-2 learned before: a folder as the hub publishes it, with config.json,
    model.safetensors and the tokenizer's files. Its sizes, dropout and pieces of words then hold,
    whatever the flags for these say. Tune it at a low --learning-rate, such as 5e-5."""

    context: int = field(default=0, metadata=LATER)
    """Characters or pieces that GPT-2 sees at most; 0: --bptt."""

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
        check_types(self)
        check_sizes(self, LARGEST)
        check_sizes(self, LARGEST_IF_ANY, least=0)
        if not 0 <= self.dropout < 1:
            raise SettingError(name="dropout", got=self.dropout, wanted="0 or more, below 1")
        refuse_unused(self, "model", UNUSED)
        if self.model == "gpt2":
            self._check_for_gpt2()

    def _check_for_gpt2(self) -> None:
        if self.context and self.context < self.bptt:
            wanted = f"0 or at least --bptt, {self.bptt}"
            raise SettingError(name="context", got=self.context, wanted=wanted)
        if self.bptt < 2:
            wanted = "2 or more: what GPT-2 sees at once"
            raise SettingError(name="bptt", got=self.bptt, wanted=wanted)
        for name, value in {"lens": self.training.lens, "omega": self.training.omega}.items():
            if value:
                wanted = "none: GPT-2 has no state to follow back in time"
                raise SettingError(name=name, got=value, wanted=wanted)


def gpt2() -> CharLMSettings:
    """Settings that suit GPT-2, for minutes of training."""
    training = TrainSettings(learning_rate=2e-3, warmup_steps=100)
    return CharLMSettings(model="gpt2", num_layers=2, training=training)


UNUSED = {
    "recurrent": ("num_heads", "weights", "context"),
    "gpt2": ("cell", "embedding_size", "projection_size"),
}
LARGEST = {  # beyond what any machine that runs this can train or count
    "hidden_size": 2**16,
    "num_layers": 2**10,
    "num_heads": 2**10,
    "batch_size": 2**16,
    "validate_characters": 2**40,
    "ngram": 2**5,
}
LARGEST_IF_ANY = {
    "embedding_size": 2**16,
    "projection_size": 2**16,
    "bptt": 2**40,
    "context": 2**40,
}
