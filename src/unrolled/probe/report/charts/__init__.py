"""The pictures of a report: one function each, from what was seen to an Altair chart.

Each gets the examinations by the names of their runs, and returns None where there is nothing to
draw. `PICTURES` lists them in the order of the page.
"""

from collections.abc import Callable
from dataclasses import dataclass

import altair as alt

from unrolled.probe.report.charts import errors, gradients, training, units
from unrolled.probe.report.charts.drawing import Seen


@dataclass(frozen=True)
class Picture:
    """A chart and what it shows."""

    view: str
    """The part of the page that it belongs to."""
    name: str
    draw: Callable[[Seen], alt.TopLevelMixin | None]
    title: str
    about: str


PICTURES = (
    Picture(
        "units", "scores", units.scores, "Units and tracks",
        "How closely the best unit follows each track, and what can be read off all units.",
    ),
    Picture(
        "units", "effects", units.effects, "Units held",
        "Each best unit is held at the level that it has where its track is low, or high, "
        "whichever does more, and the text is read again.",
    ),
    Picture(
        "gates", "gates", units.gates, "Gates",
        "A point is one unit; on the dashed line it is always shut or open. Limits: 0.1 and 0.9, "
        "of a tanh -0.9 and 0.9. Where several runs have many units, some are left out.",
    ),
    Picture(
        "errors", "peeled", errors.peeled, "Errors, peeled by oracle",
        "An error is a character to which the network gave less than a half. From left to right "
        "each oracle takes what it would have known.",
    ),
    Picture(
        "errors", "n-grams", errors.n_grams, "Errors that n-grams take",
        "By the first order that gives the character more than a half.",
    ),
    Picture(
        "errors", "closings", errors.closings, "Closing what was opened",
        "Brackets and quotes, by how long ago they were opened.",
    ),
    Picture(
        "gradients", "lags", gradients.lags, "How far back the loss reaches",
        "The mean over the steps. Curves through one state alone let gradients back in time "
        "through nothing else.",
    ),
    Picture(
        "gradients", "gradient-maps", gradients.gradient_maps, "Lag and time",
        "The loss of each step, followed back.",
    ),
    Picture(
        "gradients", "jacobians", gradients.jacobians, "Single steps",
        "How much a step lengthens the change that it lengthens most; and what becomes of "
        "changes over many such steps. The first above 1 is necessary for exploding, and not "
        "sufficient.",
    ),
    Picture(
        "training", "losses", training.losses, "Loss",
        "As it was logged.",
    ),
    Picture(
        "training", "clipping", training.clipping, "Gradient norm and clipping",
        "Of all parameters together; the colour is the share of steps that were clipped.",
    ),
    Picture(
        "training", "horizons", training.horizons, "Memory while it learned",
        "The lag at which the gradient of a loss falls below 1 % of that at lag 0, at each "
        "evaluation (training with --lens).",
    ),
    Picture(
        "training", "updates", training.updates, "Parameters and their updates",
        "At each evaluation (training with --lens).",
    ),
)  # fmt: skip
