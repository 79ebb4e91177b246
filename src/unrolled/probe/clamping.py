"""Units held at a level while a network runs: what depends on them shows in what it then does.

The clamped layers are compiled from equations of their own, so they run as fast as others.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from unrolled.compiler.clamps import clamped
from unrolled.errors import NothingToRecordError
from unrolled.layers.in_c import like_of
from unrolled.layers.layer import Layer
from unrolled.layers.recurrent import Recurrent
from unrolled.probe.taps import Source

Levels = Mapping[Source, Mapping[int, float]]
"""For each source the units that are held, and at which level."""


@contextmanager
def held(network: nn.Module, levels: Levels) -> Iterator[None]:
    """Hold some units of a network while the block runs.

    Args:
        network: Any module that holds our layers.
        levels: Which units, and where.

    Raises:
        NothingToRecordError: A source names no layer inside the network.
    """
    layers: dict[str, Layer] = {}
    for path in dict.fromkeys(source.module for source in levels):
        found = dict(network.named_modules()).get(path) if path else None
        if not isinstance(found, Layer):
            raise NothingToRecordError(network=f"{type(network).__name__}.{path}")
        layers[path] = found
    try:
        for path, layer in layers.items():
            own = {source: units for source, units in levels.items() if source.module == path}
            network.set_submodule(path, clamped_layer(layer, own))
        yield
    finally:
        for path, layer in layers.items():
            network.set_submodule(path, layer)


@torch.no_grad()
def clamped_layer(layer: Layer, levels: Levels) -> Recurrent:
    """A layer that does the same, but for units that are held.

    Args:
        layer: Any of ours, in one direction.
        levels: Of this layer's sources.
    """
    names = dict.fromkeys(source.name for source in levels)
    cell, vectors = clamped(layer.cell, [*names])
    like = like_of(layer.weights(0, 0), torch.empty(0))
    made = Recurrent(
        cell, layer.input_size, layer.hidden_size, layer.num_layers, dropout=layer.dropout,
        batch_first=layer.batch_first, sizes=layer.sizes, backend=layer.backend,
        device=like.device, dtype=like.dtype,
    )  # fmt: skip
    for number in range(layer.num_layers):
        for name, values in _parameters(layer, number):
            made.parameter(name, layer=number).copy_(values)
        for keep, level in vectors.values():
            made.parameter(keep, layer=number).fill_(1)
            made.parameter(level, layer=number).zero_()
    for source, units in levels.items():
        keep, level = (made.parameter(name, layer=source.layer) for name in vectors[source.name])
        at = list(units)
        keep[at] = 0
        level[at] = torch.tensor([units[unit] for unit in at], dtype=like.dtype, device=like.device)
    return made.train(layer.training)


def _parameters(layer: Layer, number: int) -> Iterator[tuple[str, Tensor]]:
    """Every parameter that the equations name, in one layer."""
    program, weights = layer.program(number), layer.weights(number, 0)
    stored = dict(zip((stack.key for stack in program.layout.stacks), weights.stacks, strict=True))
    vectors = {"bias": weights.bias, "vector": weights.vector}
    for name, block in program.blocks.items():
        whole = stored[block.key] if block.kind == "weight" else vectors[block.kind]
        assert whole is not None
        yield name, whole[block.start : block.stop]
