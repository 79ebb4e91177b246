"""What --lens logs of a network's gradients."""

from collections.abc import Mapping
from typing import Any

from unrolled.probe.gradients import GradientMap
from unrolled.probe.taps import Source

LAGS = 64  # steps back in time that are logged


def lens_to_json(maps: Mapping[Source, GradientMap]) -> dict[str, Any]:
    """For each layer and state the memory horizon, and the mean gradient norm by lag."""
    layers = {
        str(source): {"horizon": seen.horizon, "norms": seen.by_lag[:LAGS].tolist()}
        for source, seen in maps.items()
    }
    return {"layers": layers}
