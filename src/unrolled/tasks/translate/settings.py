"""Every setting of translate with its default, unit and reason. No torch here."""

from dataclasses import dataclass
from typing import Literal

from tyro.conf import Positional

from unrolled.errors import SettingError
from unrolled.tasks.texts.settings import UNUSED, TextSettings
from unrolled.training.settings import TrainSettings, check_sizes, refuse_unused

Model = Literal["recurrent", "transformer"]
Attention = Literal["none", "additive", "multiplicative"]
Forcing = Literal["linear", "exponential", "sigmoid"]
WIDEST, MOST_PENALTY = 10_000, 100.0  # of a search, as models.search has them
PairUnit = Literal["auto", "words", "characters", "subwords"]


@dataclass(frozen=True)
class TranslateSettings(TextSettings):
    """Which model, of what size, on which pairs of sentences."""

    data: Positional[str] = "dates"
    """A file, a folder, or a named set (`unrolled data` lists them)."""

    source: str = ""
    """The language of parallel files, or the column, that is read. Default: the first of a
    tab-separated line, the column "source"."""

    target: str = ""
    """The language or the column that is written. Default: the second, the column "target"."""

    unit: PairUnit = "auto"
    """What the model reads and writes one by one; auto: characters where sentences have 40 of them
    or fewer in the mean, else subwords (byte-pair encodings). Words are written with spaces in
    between, and measured so."""

    model: Model = "recurrent"
    """Layers of the cell that read and write; or the Transformer (Vaswani et al. 2017): its width
    is --hidden-size, its encoder and its decoder have --num-layers each, and one vocabulary."""

    num_heads: int = 4
    """Heads of the Transformer's attention."""

    attention: Attention = "multiplicative"
    """How the writer looks back at the source (Luong et al. 2015; additive: Bahdanau et al. 2015);
    none: it has the reader's last state alone (Sutskever et al. 2014)."""

    teacher_forcing: float = 1.0
    """Share of the symbols before each one that are the truth in training, at the end of its
    schedule; the others are the model's own (scheduled sampling, Bengio et al. 2015)."""

    forcing_steps: int = 2_000
    """Steps over which that share falls from 1."""

    forcing_schedule: Forcing = "linear"
    """How it falls."""

    beam: int = 1
    """Beams of the search that measures the model; 1 takes the likeliest symbol each time."""

    length_penalty: float = 1.0
    """How far long translations are preferred by beams (Wu et al. 2016, alpha); 0: not at all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.teacher_forcing <= 1:
            raise SettingError(name="teacher_forcing", got=self.teacher_forcing, wanted="0 to 1")
        check_sizes(self, {"num_heads": 2**10})
        refuse_unused(self, "model", UNUSED)
        if not 1 <= self.beam <= WIDEST:
            raise SettingError(name="beam", got=self.beam, wanted=f"1 to {WIDEST:,}")
        if not 0 <= self.length_penalty <= MOST_PENALTY:
            got, wanted = self.length_penalty, f"0 to {MOST_PENALTY:g}"
            raise SettingError(name="length_penalty", got=got, wanted=wanted)
        if self.forcing_steps < 1:
            raise SettingError(name="forcing_steps", got=self.forcing_steps, wanted="1 or more")


def transformer() -> TranslateSettings:
    """Settings that suit the Transformer, for minutes of training."""
    training = TrainSettings(learning_rate=1e-3, warmup_steps=400, evaluate_every=200)
    return TranslateSettings(
        model="transformer", num_layers=2, vocabulary=8_000, longest=200, dropout=0.1,
        training=training,
    )  # fmt: skip


def defaults() -> TranslateSettings:
    """Learn to write for each sentence another one: its translation, a date in ISO's form.

    DATA is a file, or a folder with train, dev and test in the names of its files: a pair in a line
    with a tab in between (as at manythings.org/anki), two columns of a .csv or .jsonl, or parallel
    files (train.en beside train.de, as in Multi30k); or a named set.
    """
    training = TrainSettings(learning_rate=3e-3, evaluate_every=200)
    return TranslateSettings(vocabulary=8_000, longest=200, dropout=0.2, training=training)
