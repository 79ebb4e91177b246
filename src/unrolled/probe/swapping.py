"""Layers that stand in for others of a network while a block runs, compiled as any."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from unrolled.errors import NothingToRecordError
from unrolled.lang.cell import Cell
from unrolled.layers.in_c import like_of
from unrolled.layers.layer import Layer
from unrolled.layers.recurrent import Recurrent


def layer_at(network: nn.Module, path: str) -> Layer:
    """The layer at a path inside a network.

    Raises:
        NothingToRecordError: There is none.
    """
    found = dict(network.named_modules()).get(path) if path else None
    if not isinstance(found, Layer):
        raise NothingToRecordError(network=f"{type(network).__name__}.{path}")
    return found


@contextmanager
def swapped(network: nn.Module, layers: Mapping[str, Layer]) -> Iterator[None]:
    """Put other layers at some paths of a network while the block runs.

    Args:
        network: Any module.
        layers: By path.

    Raises:
        NothingToRecordError: A path leads to no layer inside the network.
    """
    before = {path: layer_at(network, path) for path in layers}
    try:
        for path, layer in layers.items():
            network.set_submodule(path, layer)
        yield
    finally:
        for path, layer in before.items():
            network.set_submodule(path, layer)


@torch.no_grad()
def with_cell(layer: Layer, cell: Cell) -> Recurrent:
    """A layer of another cell with the same parameters, as far as the layer has them.

    Args:
        layer: Any of ours, in one direction.
        cell: One with all the parameters that the layer's own has, or more.
    """
    like = like_of(layer.weights(0, 0), torch.empty(0))
    made = Recurrent(
        cell, layer.input_size, layer.hidden_size, layer.num_layers, dropout=layer.dropout,
        batch_first=layer.batch_first, sizes=layer.sizes, backend=layer.backend,
        device=like.device, dtype=like.dtype,
    )  # fmt: skip
    for number in range(layer.num_layers):
        for name, values in _parameters(layer, number):
            made.parameter(name, layer=number).copy_(values)
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
