"""What a run keeps of its columns: their names, which are forecast, how they are standardised."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Self

import numpy as np

from unrolled.data.examples.columns import find_column
from unrolled.data.series.panel import Panel
from unrolled.errors import DamagedFileError
from unrolled.tasks.series.settings import Predict
from unrolled.tasks.texts.reading import kept_codes


@dataclass(frozen=True)
class Coder:
    """Numbers as a model reads them, with mean 0 and deviation 1 in the training part."""

    columns: list[str]
    targets: list[str]
    labels: list[str]
    scaling: dict[str, list[float]]
    """Of each column its mean and deviation; 1 if it is constant."""

    @classmethod
    def learn(
        cls, panel: Panel, train: np.ndarray, *, targets: Sequence[str], labels: Sequence[str] = ()
    ) -> Self:
        """The scaling of a training part.

        Args:
            panel: The series.
            train: The rows of the part, T x X.
            targets: The columns to forecast.
            labels: The classes.
        """
        deviation = train.std(axis=0)
        pairs = np.stack([train.mean(axis=0), np.where(deviation > 0, deviation, 1.0)], axis=-1)
        scaling = dict(zip(panel.columns, pairs.tolist(), strict=True))
        return cls(list(panel.columns), list(targets), list(labels), scaling)

    @classmethod
    def from_json(cls, given: Any, predict: Predict, path: Path) -> Self:
        """What `to_json` gave.

        Args:
            given: Anything that JSON holds.
            predict: What the run says: steps of its targets, or one of its labels.
            path: The run, for the message.

        Raises:
            DamagedFileError: It is none.
        """
        wanted = {"columns": list, "targets": list, "labels": list, "scaling": dict}
        kept = kept_codes(given, wanted, path)
        columns, targets, labels, scaling = map(kept.__getitem__, wanted)
        is_class = predict == "class"
        said, unsaid, least = (labels, targets, 2) if is_class else (targets, labels, 1)
        scaled = {*scaling} == {*columns} and all(map(_is_scale, scaling.values()))
        right = {
            "has no columns, or one of them twice": _differ(columns, 1),
            "lacks the scaling of its columns": scaled,
            "names targets that are none of its columns": {*targets} <= {*columns},
            f"keeps codes of no run that predicts {predict}": _differ(said, least) and not unsaid,
        }
        if damage := next((each for each, is_so in right.items() if not is_so), ""):
            raise DamagedFileError(path=path / "config.json", damage=damage)
        return cls(columns, targets, labels, scaling)

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON values."""
        return dict(vars(self))

    @property
    def target_places(self) -> list[int]:
        """Where the targets stand among the columns."""
        return [self.columns.index(name) for name in self.targets]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Rows (T x X) as a model reads them."""
        mean, deviation = self._scales(self.columns)
        return ((values - mean) / deviation).astype(np.float32)

    def decode(self, said: np.ndarray) -> np.ndarray:
        """What a model says of the targets (... x Y) in their own units."""
        mean, deviation = self._scales(self.targets)
        return said * deviation + mean

    def _scales(self, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        mean, deviation = np.array([self.scaling[name] for name in names]).T
        return mean, deviation


def targets_of(panel: Panel, named: Sequence[str], path: Path) -> list[str]:
    """The columns to forecast: those named, or all that are read.

    Raises:
        ColumnError: There is none of that name.
    """
    known = panel.columns
    found = [name if name in known else find_column(path, known, [name]) for name in named]
    return [*dict.fromkeys(found)] or list(known)


def _differ(names: Sequence[str], least: int) -> bool:
    """Whether these are so many names or more, none of them twice."""
    return len({*names}) == len(names) >= least


def _is_scale(pair: Any) -> bool:
    """Whether this is a mean and a deviation."""
    numbers = isinstance(pair, list) and all(type(each) is float for each in pair)
    return numbers and len(pair) == 2 and all(map(isfinite, pair)) and pair[1] > 0
