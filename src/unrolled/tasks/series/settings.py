"""Every setting of series with its default, unit and reason. No torch here."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

from tyro.conf import OmitArgPrefixes, Positional

from unrolled.errors import SettingError, SplitError
from unrolled.training.settings import TrainSettings, check_sizes, check_types, refuse_unused

Predict = Literal["forecast", "class"]
Missing = Literal["error", "hold"]

LARGEST = {  # beyond what any machine that runs this can train
    "hidden_size": 2**16,
    "num_layers": 2**10,
    "batch_size": 2**16,
    "window": 2**20,
    "horizon": 2**16,
}
UNUSED = {
    "forecast": ("label_column", "bidirectional"),
    "class": ("target", "window", "horizon", "season"),
}
"""What is of no use to each kind of prediction."""


@dataclass(frozen=True)
class SeriesSettings:
    """What is read of which data, what is said of it, and by which model."""

    data: Positional[str] = "births"
    """A file, or a named set (`unrolled data` lists them)."""

    predict: Predict = "forecast"
    """The steps that come next, or the class of a whole series."""

    columns: tuple[str, ...] = ()
    """The columns of numbers that are read. Default: all, but a named set knows its own."""

    target: tuple[str, ...] = ()
    """The columns that are forecast. Default: all that are read, or the named set's own."""

    series_column: str = ""
    """The column that says of which series a row is; empty: all rows are one series."""

    label_column: str = ""
    """The column with the class of a series."""

    window: int = 64
    """Steps that a forecast is read from."""

    horizon: int = 1
    """Steps that are forecast at once."""

    season: int = 0
    """Steps of a season, for the baseline that repeats it; 0: as the training part shows it."""

    missing: Missing = "error"
    """What to do where a number is missing: say so and stop, or hold the one before."""

    cell: str = "lstm"
    """The recurrent cell: a name from `unrolled cell`, rhn:3, gru+zoneout:0.1, or FILE.py:name."""

    hidden_size: int = 64
    """Width of each recurrent layer, in each direction."""

    num_layers: int = 1
    """Recurrent layers, one upon the other."""

    bidirectional: bool = False
    """Whether the layers read backwards, too; only to predict class."""

    dropout: float = 0.0
    """Probability of dropping an output, in training."""

    batch_size: int = 64
    """Windows, or series of about the same length, a step."""

    validation: float = 0.1
    """Share to validate on: of the steps of each series, or of the series to predict class."""

    test: float = 0.1
    """Share for the figures that count, likewise."""

    encoding: str = "utf-8"
    """How the file's characters are written as bytes; a named set knows its own."""

    out: Path | None = None
    """The run folder to make. Default: runs/TASK-CELL, with a number if that is there."""

    training: Annotated[TrainSettings, OmitArgPrefixes] = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        check_types(self)
        check_sizes(self, LARGEST)
        for name, kind in (("predict", Predict), ("missing", Missing)):
            if getattr(self, name) not in get_args(kind):
                wanted = f"one of {', '.join(get_args(kind))}"
                raise SettingError(name=name, got=getattr(self, name), wanted=wanted)
        refuse_unused(self, "predict", UNUSED)
        for name in ("columns", "target"):
            if isinstance(getattr(self, name), str):
                raise SettingError(name=name, got=getattr(self, name), wanted="a list of names")
        if self.season < 0:
            raise SettingError(name="season", got=self.season, wanted="0 (found) or more")
        if not 0 <= self.dropout < 1:
            raise SettingError(name="dropout", got=self.dropout, wanted="0 or more, below 1")
        if not (self.validation >= 0 and self.test >= 0 and self.validation + self.test < 1):
            raise SplitError(validation=self.validation, test=self.test)


def defaults() -> SeriesSettings:
    """Learn from columns of numbers: forecast what comes next, or say what a series is.

    DATA is a table (.csv, .tsv, .json, .jsonl, .parquet), arrays of NumPy (.npy: steps x columns;
    .npz: an array for each column, or X and y to predict class), or a named set. Rows are steps in
    the order of time. A forecast is judged on the last steps of each series, which it never saw.
    """
    training = TrainSettings(learning_rate=2e-3, evaluate_every=100, patience=10)
    return SeriesSettings(training=training)
