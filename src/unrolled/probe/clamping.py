"""Units held at a level while a network runs: what depends on them shows in what it then does.

The clamped layers are compiled from equations of their own, so they run as fast as others.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager

import torch
from torch import nn

from unrolled.compiler.clamps import clamped
from unrolled.layers.layer import Layer
from unrolled.layers.recurrent import Recurrent
from unrolled.probe.swapping import layer_at, swapped, with_cell
from unrolled.probe.taps import Source

Levels = Mapping[Source, Mapping[int, float]]
"""For each source the units that are held, and at which level."""


def held(network: nn.Module, levels: Levels) -> AbstractContextManager[None]:
    """Hold some units of a network while the block runs.

    Args:
        network: Any module that holds our layers.
        levels: Which units, and where.

    Raises:
        NothingToRecordError: A source names no layer inside the network.
    """
    layers: dict[str, Layer] = {}
    for path in dict.fromkeys(source.module for source in levels):
        own = {source: units for source, units in levels.items() if source.module == path}
        layers[path] = clamped_layer(layer_at(network, path), own)
    return swapped(network, layers)


@torch.no_grad()
def clamped_layer(layer: Layer, levels: Levels) -> Recurrent:
    """A layer that does the same, but for units that are held.

    Args:
        layer: Any of ours, in one direction.
        levels: Of this layer's sources.
    """
    names = dict.fromkeys(source.name for source in levels)
    cell, vectors = clamped(layer.cell, [*names])
    made = with_cell(layer, cell)
    for number in range(layer.num_layers):
        for keep, level in vectors.values():
            made.parameter(keep, layer=number).fill_(1)
            made.parameter(level, layer=number).zero_()
    for source, units in levels.items():
        keep, level = (made.parameter(name, layer=source.layer) for name in vectors[source.name])
        at = list(units)
        keep[at] = 0
        level[at] = level.new_tensor([units[unit] for unit in at])
    return made
