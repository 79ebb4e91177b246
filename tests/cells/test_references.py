"""References as people type them: the cell that they name, or an error of ours that says more."""

import pytest
from tests.lang.writing import source_of

from unrolled import GALLERY, dropout, find_cell, zone, zoneout
from unrolled.errors import (
    CellFileError,
    CellNotInFileError,
    EquationError,
    MaskRateError,
    MaskTakenError,
    UnknownCellError,
    UnknownParameterError,
)
from unrolled.lang.text import listing

DEEP = source_of(
    "a = h\nfor l in range(depth):\n    a = tanh(W.R[l] @ a)\nreturn a", "x, h, *, W, depth=2"
)


@pytest.fixture
def file(tmp_path):
    """A file with two cells in a folder whose name is full of traps."""
    folder = tmp_path / "c++ & b:c"
    folder.mkdir()
    path = folder / "my+cells.py"
    masked = source_of("return m * h", "x, h, *, m=dropout(0.5)").replace("mine", "masked")
    path.write_text(DEEP.replace("mine", "deep") + masked)
    return path


@pytest.mark.parametrize("name", GALLERY)
def test_a_name_of_the_gallery_is_its_cell(name):
    assert find_cell(name) is GALLERY[name].cell


@pytest.mark.parametrize(
    ("reference", "parameters", "masks"),
    [
        ("rhn:3", {"depth": 3}, {}),
        ("rhn:1", {"depth": 1}, {}),
        ("rhn:1000", {"depth": 1000}, {}),
        ("lstm_recurrent_dropout:0.5", {}, {"m": dropout(0.5)}),
        ("lstm_recurrent_dropout:0", {}, {"m": dropout(0)}),
        ("lstm_recurrent_dropout:1e-3", {}, {"m": dropout(0.001)}),
        ("gru+zoneout:0.2", {}, {"d_h": zone(0.2)}),
        ("gru+zoneout", {}, {"d_h": zone(0.1)}),
        ("rhn:3+zoneout:0.2", {"depth": 3}, {"d_h": zone(0.2)}),
        ("gru+variational", {}, {m: dropout(0.25, per="sequence") for m in ("m_x", "m_h")}),
        (
            "gru+variational:0.5+zoneout:0.2",
            {},
            {m: dropout(0.5, per="sequence") for m in ("m_x", "m_h")} | {"d_h": zone(0.2)},
        ),
    ],
)
def test_numbers_and_wrappers_set_what_they_say(reference, parameters, masks):
    cell = find_cell(reference)
    assert dict(cell.parameters) == parameters
    assert dict(cell.masks) == masks


def test_a_depth_repeats_the_equations():
    for depth in (1, 3, 7):
        cell = find_cell(f"rhn:{depth}")
        assert [node.label for node in cell.leaves("matrix")] == [
            "W.x",
            "W.R[1]",
            "W.t",
            "W.Rt[1]",
        ] + [f"W.{name}[{level}]" for level in range(2, depth + 1) for name in ("R", "Rt")]


def test_a_file_names_its_cells(file):
    assert listing(find_cell(f"{file}:deep")).count("W.R") == 2
    assert listing(find_cell(f"{file}:deep:4")).count("W.R") == 4
    assert find_cell(f"{file}:masked:0.25").masks == {"m": dropout(0.25)}
    wrapped = find_cell(f"{file}:deep:4+variational:0.5+zoneout")
    assert wrapped.name == "zoneout_variational_deep"
    assert (wrapped.masks["m_h"].rate, wrapped.masks["d_h"].rate) == (0.5, 0.1)


def test_a_wrapped_cell_takes_other_parameters_of_the_cell_inside():
    cell = find_cell("rhn+zoneout:0.2")
    assert (dict(cell(depth=5).parameters), cell(depth=5).masks) == ({"depth": 5}, cell.masks)
    assert cell(rate=0.3).masks == {"d_h": zone(0.3)}
    assert listing(cell(depth=5)) == listing(zoneout(find_cell("rhn:5"), 0.2))
    with pytest.raises(UnknownParameterError, match="cell rhn has no parameter width"):
        cell(width=3)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("lstn", "no cell is named 'lstn'. Did you mean lstm?"),
        ("LSTM", "no cell is named 'LSTM'. The gallery has rnn, rnn_relu, lstm,"),
        ("grutorch", "Did you mean gru_torch?"),
        ("mut_1:3", "no cell is named 'mut_1'. Did you mean mut1?"),
        ("", "no cell is named ''. The gallery has rnn"),
        ("mine.py", "no cell is named 'mine.py'. Say which cell of the file .* FILE.py:name"),
        ("lstm ", "no cell is named 'lstm '. Did you mean lstm?"),
        ("\u0445\x1b[2J", r"no cell is named '\\u0445\\x1b\[2J'"),
        ("a" * 10_000, "no cell is named 'a{60}'...\\. The gallery has"),
        ("lstm+zoneot:0.2", r"named '\+zoneot'. Wrap a cell with \+zoneout:RATE or \+variational"),
        ("lstm+zoneout:a", r"no cell is named '\+zoneout:a'. Wrap a cell with"),
        ("lstm+zoneout:", r"no cell is named '\+zoneout:'. Wrap a cell with"),
        ("lstm+zoneout:0x1", r"no cell is named '\+zoneout:0x1'"),
        ("lstm+", r"no cell is named '\+'. Wrap a cell with"),
        ("+zoneout", "no cell is named ''"),
        ("+", r"no cell is named ''|no cell is named '\+'"),
        ("lstm+gru", r"no cell is named '\+gru'. Wrap a cell with"),
        ("lstm+zoneout:1e+5", r"no cell is named '\+5'|'\+zoneout:1e'"),
    ],
)
def test_an_unknown_name_is_answered_with_a_guess_or_the_list(reference, says):
    with pytest.raises(UnknownCellError, match=says) as caught:
        find_cell(reference)
    assert "`unrolled cell` lists them; your own is FILE.py:name." in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("rhn:0", r"range\(2, 1\) ends before it begins\n.*highway.py:13:14\n    for l in range"),
        ("rhn:-1", r"range\(2, 0\) ends before it begins"),
        ("rhn:1.5", "with whole numbers and at most 1000 steps"),
        ("rhn:3.0", "with whole numbers and at most 1000 steps"),
        ("rhn:1e9", "with whole numbers and at most 1000 steps"),
        ("rhn:1002", "with whole numbers and at most 1000 steps"),
        ("rhn:999999999999", "with whole numbers and at most 1000 steps"),
        ("rhn:1e400", "this number is not finite, or too large"),
        (f"rhn:{'9' * 400}", "this number is not finite, or too large"),
    ],
)
def test_a_number_that_the_equations_cannot_take_is_refused_with_their_line(reference, says):
    with pytest.raises(EquationError, match=f"cell rhn: .*{says}"):
        find_cell(reference)


@pytest.mark.parametrize("reference", ["gru:3", "gru:0.5", "lstm:1", "zoneout_lstm:0.3", "gru:-1"])
def test_a_number_for_a_cell_that_takes_none_is_refused(reference):
    name, _, number = reference.partition(":")
    with pytest.raises(
        UnknownParameterError, match=f"cell {name} has no parameter {number} of that"
    ):
        find_cell(reference)


@pytest.mark.parametrize(
    "reference",
    ["lstm+zoneout:2", "lstm+zoneout:1", "lstm+zoneout:-0.1", "lstm+variational:1e400"]
    + ["gru_recurrent_dropout:1", "gru_recurrent_dropout:-1", "gru+zoneout:0.5+variational:7"],
)
def test_a_rate_that_is_none_is_refused(reference):
    with pytest.raises(MaskRateError, match="a mask got rate=.* wanted 0 <= rate < 1"):
        find_cell(reference)


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("lstm+zoneout:0.1+zoneout:0.2", "d_h, d_c"),
        ("zoneout_lstm+zoneout", "d_h, d_c"),
        ("gru+variational+variational", "m_x, m_h"),
        ("gru+variational+zoneout+variational", "m_x, m_h"),
        ("gru" + "+zoneout" * 5000, "d_h"),
    ],
)
def test_a_cell_is_wrapped_only_once_in_the_same_way(reference, names):
    with pytest.raises(MaskTakenError, match=f"names its masks {names}, and cell .* has {names}"):
        find_cell(reference)


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        (r"C:\cells\mine.py:mine", r"C:\\cells\\mine.py"),
        (r"C:\cells\mine.py", "C"),
        ("C:/cells/mine.py:deep:4", "C:/cells/mine.py"),
        ("none.py:mine", "none.py"),
        ("../../none.py:mine:3+zoneout", r"\.\./\.\./none.py"),
        ("rhn:nan", "rhn"),
        ("rhn:three", "rhn"),
        ("rhn:1:2:3", "rhn:1"),
        ("/dev/null:mine", "/dev/null"),
        ("/:mine", "/"),
        (":", "."),
        ("null\0.py:mine", "null\0.py"),
    ],
)
def test_a_file_that_is_not_there_is_named(reference, path):
    says = (
        f"cannot read cells from {path}: there is no such file. Wanted: a Python file; FILE.py:name"
    )
    with pytest.raises(CellFileError, match=says):
        find_cell(reference)


@pytest.mark.parametrize("name", ["other", "mine", "", "deep:three", " deep"])
def test_a_cell_that_a_file_lacks_is_answered_with_those_it_has(name, file):
    with pytest.raises((CellNotInFileError, CellFileError), match="are: deep, masked|no such file"):
        find_cell(f"{file}:{name}")


def test_a_files_cell_refuses_numbers_as_the_gallery_does(file):
    with pytest.raises(EquationError, match=r"range\(0, -1\) ends before it begins"):
        find_cell(f"{file}:deep:-1")
    with pytest.raises(MaskRateError, match="a mask got rate=3"):
        find_cell(f"{file}:masked:3")
