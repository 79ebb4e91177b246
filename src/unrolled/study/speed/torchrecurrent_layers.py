"""Layers of the package torchrecurrent whose equations are those of a cell of ours.

It has some forty cells; these compute what a cell of the gallery computes, once its second bias is
set to zero. A loop over steps in Python, the input products inside it.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from unrolled.layers.recurrent import Recurrent
from unrolled.study.speed.case import Case
from unrolled.study.speed.trial import Trial, torch_trial

PACKAGE = "torchrecurrent"


@dataclass(frozen=True)
class Twin:
    """Its class, and for each of its tensors the parts of ours, block by block ("" is zero)."""

    name: str
    weight_ih: tuple[str, ...]
    weight_hh: tuple[str, ...]
    bias_ih: tuple[str, ...]
    bias_hh: tuple[str, ...]
    weight_ph: tuple[str, ...] = ()


def _peephole(candidate: str) -> Twin:
    gates = ("i", "f", candidate, "o")
    return Twin(
        "PeepholeLSTM",
        weight_ih=tuple(f"W.x{gate}" for gate in gates),
        weight_hh=tuple(f"W.h{gate}" for gate in gates),
        bias_ih=tuple(f"b.{gate}" for gate in gates),
        bias_hh=("",) * 4,
        weight_ph=("p.i", "p.f", "p.o"),
    )


_X, _H, _B = ("W.xz", "W.xr", "W.xh"), ("W.hz", "W.hr", "W.hh"), ("b.z", "b.r", "b.h")
TWINS: dict[str, Twin] = {
    "mut1_projected": Twin("MUT1", _X, _H[1:], ("b.z", "b.r", ""), ("", "b.h")),
    "mut2_projected": Twin("MUT2", _X, _H, _B, ("",) * 3),
    "mut3": Twin("MUT3", _X, _H, _B, ("",) * 3),
    "peephole_lstm": _peephole("g"),
    "vanilla_lstm": _peephole("z"),
}


def build_torchrecurrent(case: Case, *, backward: bool) -> Trial:
    """Its layer of this cell."""
    twin, width = TWINS[case.cell.name], case.point.width
    made: Any = getattr(import_module(PACKAGE), twin.name)(width, width)
    layer: nn.Module = made.to(case.x.dtype)
    _load(layer, twin, case.layer)

    def call(x: Tensor) -> Tensor:
        return layer(x)[0]

    return torch_trial(call, case.x, case.d_output, layer.parameters(), backward=backward)


@torch.no_grad()
def _load(layer: nn.Module, twin: Twin, ours: Recurrent) -> None:
    """Give the layer our weights."""
    for name, tensor in layer.named_parameters():
        blocks = getattr(twin, name.rpartition(".")[2])
        for block, part in zip(tensor.chunk(len(blocks)), blocks, strict=True):
            block.copy_(ours.parameter(part)) if part else block.zero_()
