"""Windows of series as batches, and the loss of forecasting the steps after them."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from unrolled.lang.cell import Cell
from unrolled.models.encoder import Shape
from unrolled.models.many_to_one import ManyToOne
from unrolled.tasks.series.coder import Coder
from unrolled.tasks.series.settings import SeriesSettings
from unrolled.tasks.series.windows import TimeParts, Windows
from unrolled.tasks.texts.task import ExamplesTask
from unrolled.training.task import SQUARED_ERROR, Measured, Step

SHOWN = 3  # forecasts of a sample


def build_model(settings: SeriesSettings, cell: Cell, coder: Coder) -> ManyToOne:
    """The model that the settings describe, with fresh weights.

    Raises:
        OptionError: A size is impossible.
        SizeError: The sizes break an equation of the cell.
    """
    shape = Shape(
        len(coder.columns), settings.hidden_size, settings.num_layers,
        bidirectional=settings.bidirectional, dropout=settings.dropout,
    )  # fmt: skip
    answers = len(coder.labels) or settings.horizon * len(coder.targets)
    return ManyToOne(cell, shape, answers)


class Forecast(ExamplesTask[ManyToOne]):
    """Say the steps that come next."""

    unit = SQUARED_ERROR
    items = "windows"

    def __init__(
        self, model: ManyToOne, coder: Coder, settings: SeriesSettings, parts: TimeParts
    ) -> None:
        """Make the task.

        Args:
            model: The model, on its device.
            coder: How numbers are standardised.
            settings: Batch and seed.
            parts: The windows.
        """
        self.coder = coder
        self.parts = parts
        values = coder.encode(parts.train.values)
        self.train = replace(parts.train, values=values)
        self.validation = replace(parts.validation, values=values)
        super().__init__(model, settings, [settings.window] * len(parts.train))

    def forward(self, chunk: int, carried: Any) -> Step:
        """The mean squared error of a batch, in units of the training part's deviation."""
        rows = self.batches[chunk]
        return Step(self._loss(self.train, rows), len(rows), None)

    def validate(self) -> Measured:
        """The same on the validation part."""
        losses = (
            float(self._loss(self.validation, rows)) * len(rows)
            for rows in self.validation.batches()
        )
        return Measured(sum(losses) / len(self.validation))

    def sample(self) -> str:
        """Some forecasts of the validation part's end, and what came."""
        windows = self.parts.validation
        some = replace(windows, ends=windows.ends[-SHOWN:])
        said = forecasts(self.model, some, self.coder)[:, 0]
        came = some.after(np.arange(len(some)), self.coder.target_places)[:, 0]
        return "\n".join(
            ", ".join(
                f"{name} {told:.5g} (came {real:.5g})"
                for name, told, real in zip(self.coder.targets[:SHOWN], *pair, strict=False)
            )
            for pair in zip(said, came, strict=True)
        )

    def _loss(self, windows: Windows, rows: np.ndarray) -> Tensor:
        places = self.coder.target_places
        known = torch.from_numpy(windows.after(rows, places)).to(self.device)
        return F.mse_loss(ahead(self.model, windows.before(rows), places, windows.horizon), known)


def ahead(model: ManyToOne, before: np.ndarray, places: list[int], horizon: int) -> Tensor:
    """What a model says of the steps after some windows, as a change from each one's last step.

    Args:
        model: The model.
        before: The windows, standardised: B x W x X.
        places: Where the targets stand among the columns.
        horizon: Steps that it says.

    Returns:
        The targets, standardised: B x horizon x Y.
    """
    x = torch.from_numpy(before).to(next(model.parameters()).device).transpose(0, 1)  # W B X
    change, _ = model(x)
    return change.view(-1, horizon, len(places)) + x[-1][:, None, places]


@torch.no_grad()
def forecasts(model: ManyToOne, windows: Windows, coder: Coder) -> np.ndarray:
    """The forecasts after all windows, in the targets' own units: N x horizon x Y."""
    coded = replace(windows, values=coder.encode(windows.values))
    said = [
        ahead(model, coded.before(rows), coder.target_places, windows.horizon).cpu().numpy()
        for rows in coded.batches()
    ]
    return coder.decode(np.concatenate(said).astype(np.float64))
