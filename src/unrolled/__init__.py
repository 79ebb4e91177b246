"""Recurrent neural networks from their equations.

Write a cell as its equations under `@cell`, make a layer of it with `Recurrent`, or take the
drop-ins `RNN`, `LSTM` and `GRU`; `train` learns a text. Read in the order in which a cell travels:
`lang`, `cells`, `compiler`, `runtime`, `layers`, then `training` and `tasks`.

Names load when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WORDS = (
    "sigmoid tanh relu softplus exp log sqrt sin cos silu gelu elu softsign hard_sigmoid square "
    "mean var layer_norm minimum maximum where concat split detach"
).split()
_HOME = {
    "cell": "lang.trace",
    "read_cell": "lang.trace",
    "Cell": "lang.cell",
    "dropout": "lang.masks",
    "zone": "lang.masks",
    **dict.fromkeys(_WORDS, "lang.words"),
    "GALLERY": "cells",
    "find_cell": "cells",
    "zoneout": "cells.wrapped",
    "variational": "cells.wrapped",
    "Recurrent": "layers.recurrent",
    "RNN": "layers.torch_like",
    "LSTM": "layers.torch_like",
    "GRU": "layers.torch_like",
    "RNNCell": "layers.torch_cells",
    "LSTMCell": "layers.torch_cells",
    "GRUCell": "layers.torch_cells",
    "convert": "layers.convert",
    "export_onnx": "layers.onnx",
    "onnx_translations": "runtime.onnx.translation",
    "look": "probe.looking",
    "gradient_maps": "probe.gradients",
    "train": "tasks.api",
    "resume": "tasks.api",
    "fit": "tasks.fit",
    "open_run": "tasks.api",
    "UnrolledError": "errors",
}

if TYPE_CHECKING:
    from unrolled.cells import GALLERY as GALLERY
    from unrolled.cells import find_cell as find_cell
    from unrolled.cells.wrapped import variational as variational
    from unrolled.cells.wrapped import zoneout as zoneout
    from unrolled.errors import UnrolledError as UnrolledError
    from unrolled.lang.cell import Cell as Cell
    from unrolled.lang.masks import dropout as dropout
    from unrolled.lang.masks import zone as zone
    from unrolled.lang.trace import cell as cell
    from unrolled.lang.trace import read_cell as read_cell
    from unrolled.lang.words import *  # noqa: F403
    from unrolled.layers.convert import convert as convert
    from unrolled.layers.onnx import export_onnx as export_onnx
    from unrolled.layers.recurrent import Recurrent as Recurrent
    from unrolled.layers.torch_cells import GRUCell as GRUCell
    from unrolled.layers.torch_cells import LSTMCell as LSTMCell
    from unrolled.layers.torch_cells import RNNCell as RNNCell
    from unrolled.layers.torch_like import GRU as GRU
    from unrolled.layers.torch_like import LSTM as LSTM
    from unrolled.layers.torch_like import RNN as RNN
    from unrolled.probe.gradients import gradient_maps as gradient_maps
    from unrolled.probe.looking import look as look
    from unrolled.runtime.onnx.translation import onnx_translations as onnx_translations
    from unrolled.tasks.api import open_run as open_run
    from unrolled.tasks.api import resume as resume
    from unrolled.tasks.api import train as train
    from unrolled.tasks.fit import fit as fit

__all__ = [*_HOME]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'unrolled' has no attribute {name!r}")
    value = getattr(import_module(f"unrolled.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
