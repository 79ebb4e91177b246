"""The gallery: every cell is its equations, one file a paper; this table lists them all.

Begin with `lstm`. A new cell is a function and its row here; the row alone buys its tests, its
documentation and its place in the command. `find_cell` reads names as people type them:
`lstm`, `rhn:3`, `gru+zoneout:0.1`, `FILE.py:mine`.
"""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from unrolled.cells import elman, gru, highway, lstm, mutants, normalized, odyssey
from unrolled.cells import recurrent_dropout as dropped
from unrolled.cells.wrapped import WRAPPERS, variational, zoneout
from unrolled.errors import UnknownCellError, UnknownParameterError
from unrolled.lang.cell import Cell
from unrolled.lang.masks import Mask
from unrolled.lang.names import LONGEST_SHOWN, shown
from unrolled.lang.trace import read_cell


@dataclass(frozen=True)
class Row:
    """One cell of the gallery, its family, and the paper that it is from."""

    cell: Cell
    family: str
    paper: str


_ELMAN = "Elman 1990"
_LSTM = "Hochreiter & Schmidhuber 1997"
_GRU = "Cho et al. 2014"
_MUT = "Jozefowicz et al. 2015"
_GREFF = "Greff et al. 2015"
_NORM = "Ba, Kiros & Hinton 2016"
_DROP = "Semeniuta et al. 2016"

_ROWS = (
    Row(elman.rnn, "simple", _ELMAN),
    Row(elman.rnn_relu, "simple", "Le, Jaitly & Hinton 2015"),
    Row(lstm.lstm, "lstm", _LSTM),
    Row(lstm.peephole_lstm, "lstm", "Gers & Schmidhuber 2000"),
    Row(lstm.lstm_projected, "lstm", "Sak, Senior & Beaufays 2014"),
    Row(gru.gru, "gru", _GRU),
    Row(gru.gru_torch, "gru", _GRU),
    Row(mutants.mut1, "mutants", _MUT),
    Row(mutants.mut1_projected, "mutants", _MUT),
    Row(mutants.mut2, "mutants", _MUT),
    Row(mutants.mut2_projected, "mutants", _MUT),
    Row(mutants.mut3, "mutants", _MUT),
    Row(odyssey.vanilla_lstm, "odyssey", _GREFF),
    Row(odyssey.lstm_nig, "odyssey", _GREFF),
    Row(odyssey.lstm_nfg, "odyssey", _GREFF),
    Row(odyssey.lstm_nog, "odyssey", _GREFF),
    Row(odyssey.lstm_niaf, "odyssey", _GREFF),
    Row(odyssey.lstm_noaf, "odyssey", _GREFF),
    Row(odyssey.lstm_cifg, "odyssey", _GREFF),
    Row(odyssey.lstm_np, "odyssey", _GREFF),
    Row(odyssey.lstm_fgr, "odyssey", _GREFF),
    Row(highway.rhn, "highway", "Zilly et al. 2017"),
    Row(normalized.layernorm_lstm, "normalized", _NORM),
    Row(normalized.layernorm_gru, "normalized", _NORM),
    Row(dropped.lstm_recurrent_dropout, "regularized", _DROP),
    Row(dropped.gru_recurrent_dropout, "regularized", _DROP),
    Row(zoneout(lstm.lstm), "regularized", "Krueger et al. 2017"),
    Row(variational(lstm.lstm), "regularized", "Gal & Ghahramani 2016"),
)

GALLERY: dict[str, Row] = {row.cell.name: row for row in _ROWS}


def find_cell(reference: str) -> Cell:
    """The cell that a reference names.

    Args:
        reference: A gallery name, or FILE.py:name (read, never executed); `:NUMBER` after it sets
            the cell's one parameter (a depth, a mask's rate); `+zoneout:RATE` and
            `+variational:RATE` wrap any cell.

    Raises:
        UnknownCellError: No cell, or no wrapper, has that name.
        UnknownParameterError: The cell has no parameter, or several.
        MaskRateError: A rate is not in [0, 1).
        MaskTakenError: A cell is wrapped twice in the same way.
        EquationError: The cell's equations, with that parameter, are none of the language.
    """
    inner, wrappers = _unwrapped(reference)
    cell = _one_cell(inner)
    for wrapper in wrappers:
        name, number = _parted(wrapper)
        if name not in WRAPPERS:
            known = " or ".join(f"+{wrapper}:RATE" for wrapper in WRAPPERS)
            raise UnknownCellError(name=shown(f"+{name}"), hint=f"Wrap a cell with {known}.")
        cell = WRAPPERS[name](cell, *number)
    return cell


def _unwrapped(reference: str) -> tuple[str, list[str]]:
    """The cell inside and its wrappers, innermost first; a folder's name may hold a plus too."""
    wrappers: list[str] = []
    while "+" in reference:
        inner, _, wrapper = reference.rpartition("+")
        if re.fullmatch(r"\w*(:[^:]*)?", wrapper) is None:
            break
        wrappers.insert(0, wrapper)
        reference = inner
    return reference, wrappers


def _one_cell(reference: str) -> Cell:
    name, number = _parted(reference)
    if ":" in name:
        cell = read_cell(name)
    elif name in GALLERY:
        cell = GALLERY[name].cell
    elif name.endswith(".py"):
        raise UnknownCellError(name=shown(name), hint="Say which cell of the file you mean.")
    else:
        guess = get_close_matches(name[:LONGEST_SHOWN], GALLERY, n=1)
        known = f"Did you mean {guess[0]}?" if guess else f"The gallery has {', '.join(GALLERY)}."
        raise UnknownCellError(name=shown(name), hint=known)
    return _with_parameter(cell, number[0]) if number else cell


def _parted(reference: str) -> tuple[str, tuple[float, ...]]:
    """A name and the number after its last colon, if one is there."""
    name, colon, tail = reference.rpartition(":")
    try:
        number = float(tail) if "." in tail or "e" in tail else int(tail)
    except ValueError:
        return reference, ()
    return (name, (number,)) if colon else (reference, ())


def _with_parameter(cell: Cell, number: float) -> Cell:
    """The cell with its one parameter set: its constant, or if it has none, its mask's rate."""
    declared = cell.parameters or cell.masks
    if len(declared) != 1:
        raise UnknownParameterError(
            cell=cell.name, name=str(number), known=", ".join(declared) or "none"
        )
    name, value = next(iter(declared.items()))
    changed = Mask(value.kind, number, value.per) if isinstance(value, Mask) else number
    return cell(**{name: changed})
