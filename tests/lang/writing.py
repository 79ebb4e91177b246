"""Cells written for a test: put into a file, read without running it, run on single numbers."""

import textwrap

import torch

from unrolled.lang.trace import read_cell
from unrolled.lang.widths import infer
from unrolled.layers.recurrent import Recurrent

MARK = "‸"  # stands before the column that an error is to point at
SIGNATURE = "x, h, *, W, b, p"


def source_of(body, signature=SIGNATURE, decorator="@cell"):
    """The text of a file with one cell, named `mine`, on its second line."""
    return (
        f"{decorator}\ndef mine({signature}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"
    )


def read_source(folder, source, name="mine"):
    """The cell of that name in a file with this text."""
    path = folder / "cells.py"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return read_cell(f"{path}:{name}")


def read_body(folder, body, signature=SIGNATURE, decorator="@cell"):
    """The cell with this body."""
    return read_source(folder, source_of(body, signature, decorator))


def place_of_mark(source):
    """Line, column and letter of the place before which the mark stands."""
    before, _, after = source.partition(MARK)
    return before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1, after[0]


def place_in_quote(message):
    """Line, column and letter that an error's last lines point at with their caret."""
    place, shown, caret = message.splitlines()[-3:]
    _, line, column = place.rsplit(":", 2)
    assert caret.strip() == "^"
    return int(line), int(column), shown[caret.index("^")]


def run_step(cell, values, width=1):
    """The new states by name after one step in float64, all widths equal.

    `values` gives x, the states and the parameters by name; a number fills the whole tensor.
    """
    sizes = dict.fromkeys(infer(cell).symbols[2:], width)
    layer = Recurrent(cell, width, width, sizes=sizes, dtype=torch.float64, backend="eager").eval()
    with torch.no_grad():
        for label in {node.label for op in ("matrix", "vector") for node in cell.leaves(op)}:
            layer.parameter(label).copy_(torch.as_tensor(values[label], dtype=torch.float64))
    x, *states = (filled(values[name], width) for name in (cell.input.label, *cell.state_names))
    first = states[0] if len(states) == 1 else tuple(states)
    _, last = layer(x, first)
    last = [last] if isinstance(last, torch.Tensor) else last
    new = (state.detach()[0, 0] for state in last)
    return dict(zip(cell.state_names, new, strict=True))


def filled(value, width):
    """A state, or x, of one step and one row."""
    return torch.as_tensor(value, dtype=torch.float64).expand(1, 1, width).clone()
