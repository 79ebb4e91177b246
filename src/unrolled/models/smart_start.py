"""The start that Pascanu, Mikolov and Bengio (2013) give plain networks: "smart tanh"."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unrolled.lang.nodes import in_order
from unrolled.layers.recurrent import Recurrent

CONNECTIONS = 15  # of each unit with the states of the step before
RADIUS = 0.95  # spectral, of each recurrent matrix
SPREAD = 0.01  # standard deviation of every other weight


@torch.no_grad()
def start_smart(network: nn.Module) -> None:
    """Draw all weights of a network anew, so that its states neither explode nor are forgotten.

    Each square matrix that multiplies something of the step before gets 15 connections a unit and
    the spectral radius 0.95; all other matrices are small, all else is zero, but for what the cell
    declares the start of.

    Args:
        network: Recurrent layers of any cells, and readouts.
    """
    for module in network.modules():
        if isinstance(module, nn.Linear):
            module.weight.normal_(std=SPREAD)
            module.bias.zero_()
        elif isinstance(module, Recurrent):
            _start_layer(module)


def _start_layer(layer: Recurrent) -> None:
    recurrent = {*_recurrent_matrices(layer)}
    for number in range(layer.num_layers):
        for name, block in layer.program(number).blocks.items():
            declared = layer.init.get(name, layer.init.get(name.partition("[")[0]))
            for reverse in (False, True)[: layer.directions]:
                part = layer.parameter(name, layer=number, reverse=reverse)
                if declared is not None or block.kind != "weight":
                    part.fill_(declared or 0.0)
                elif name in recurrent and part.shape[0] == part.shape[1]:
                    part.copy_(sparse_matrix(part))
                else:
                    part.normal_(std=SPREAD)


def _recurrent_matrices(layer: Recurrent) -> Iterator[str]:
    """Those that multiply a vector that depends on a state of the step before."""
    for product in layer.cell.products:
        matrix, vector = product.args
        if any(node.op == "state" for node in in_order([vector])):
            yield matrix.label


def sparse_matrix(like: Tensor) -> Tensor:
    """A square matrix with 15 normal numbers in each row, scaled to the spectral radius 0.95."""
    size = len(like)
    matrix = torch.randn(size, size, dtype=torch.float64)
    chosen = torch.rand(size, size).argsort(dim=1) < CONNECTIONS  # 15 of each row, at random
    matrix = torch.where(chosen, matrix, 0.0)
    radius = torch.linalg.eigvals(matrix).abs().max()
    return (matrix * (RADIUS / radius)).to(like)
