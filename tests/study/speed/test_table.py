"""Tables say who is faster by how much, who took no part and why; three forms of the same."""

import io

import pytest

from unrolled.study.speed.grid import Grid, markdown, plain, show
from unrolled.study.speed.measure import Times
from unrolled.study.speed.points import Point
from unrolled.study.speed.record import Entry, Measurement, geometric_mean, mean_per_operation
from unrolled.study.speed.table import grids, legend, summary


def timed(*seconds, setup=0.0):
    return Entry("timed", "", setup, Times(seconds))


def measured(cell="lstm", point=(1, 64), entries=None, **changes):
    facts = {
        "section": "layers", "cell": cell, "mode": "forward", "threads": 1,
        "point": Point(*point), "steps": 100, "dtype": "float32", "ours": ("c", "eager"),
        "products": Times((0.001,)), "operations": 1000,
        "entries": entries or {"c": timed(0.002, 0.004), "torch.nn": timed(0.003, 0.005)},
    }  # fmt: skip
    return Measurement(**{**facts, **changes})


def test_a_ratio_is_their_time_over_ours_and_the_rate_that_of_bare_products():
    measurement = measured()
    assert measurement.reference == "c"
    assert measurement.ratio("torch.nn") == pytest.approx(1.5)
    assert measurement.ratio("torch.nn", median=True) == pytest.approx(4 / 3)
    assert measurement.share("c") == pytest.approx(0.5)
    assert measurement.ratio("jax") is None


def test_without_the_compiled_layer_ratios_refer_to_the_eager_one():
    entries = {"c": Entry("failed", "NoCompilerError: none"), "eager": timed(0.01)}
    assert measured(entries=entries).reference == "eager"
    [grid] = grids([measured(entries=entries)])
    assert grid.header == ("B x H", "ours (eager) ms", "rate")
    assert grid.notes == ("failed: c (NoCompilerError: none)",)


def test_a_table_has_a_row_for_each_point_and_their_geometric_mean():
    other = {"c": timed(0.001), "torch.nn": timed(0.006)}
    [grid] = grids([measured(), measured(point=(32, 128), entries=other)])
    assert grid.title == "lstm, forward, 1 thread, T=100, float32"
    assert grid.header == ("B x H", "ours (c) ms", "rate", "torch.nn")
    assert grid.rows == (
        ("1x64", "2.00 (3.00)", "50%", "1.50 (1.33)"),
        ("32x128", "1.00 (1.00)", "100%", "6.00 (6.00)"),
        ("geometric mean", "", "", "3.00"),
    )


def test_cells_modes_and_thread_counts_have_tables_of_their_own():
    changes = ({}, {"mode": "both"}, {"threads": 2}, {"cell": "rnn"}, {"point": (2, 2)})
    found = grids([measured(**change) for change in changes])
    assert [len(grid.rows) for grid in found] == [3, 1, 1, 1]


def test_whoever_took_no_part_is_named_once_with_the_reason_and_where():
    lacking = {
        "c": timed(1.0), "loop": Entry("skipped", "no rnn"), "torch.nn": Entry("skipped", "no rnn"),
        "jax": timed(2.0),
    }  # fmt: skip
    wrong = lacking | {"jax": Entry("wrong", "its output differs by 2.0e-01")}
    [grid] = grids([measured(entries=lacking), measured(entries=wrong, point=(2, 2))])
    assert grid.notes == (
        "skipped: loop, torch.nn (no rnn)",
        "wrong: jax at 2x2 (its output differs by 2.0e-01)",
    )
    assert [row[-1] for row in grid.rows] == ["2.00 (2.00)", "wrong", "2.00"]


def test_whoever_is_slow_to_compile_is_named_with_the_seconds():
    slow = {"c": timed(1.0), "torch.compile": timed(2.0, setup=31.0)}
    [grid] = grids([measured(entries=slow)])
    assert grid.notes == ("torch.compile: 31 to 31 s to compile and run once",)


def test_lengths_have_a_column_that_says_how_much_they_fill():
    entries = {"c": timed(1.0), "all T steps": timed(2.0)}
    [grid] = grids([measured(section="lengths", filled=0.5, entries=entries)])
    assert grid.title.endswith(", random lengths")
    assert grid.rows == (("1x64", "50%", "1000.00 (1000.00)", "0%", "2.00 (2.00)"),)
    assert "1 / filled" in grid.notes[0]


def test_characters_are_counted_by_the_second():
    entries = {"c": timed(0.01), "numpy": timed(0.05)}
    [grid] = grids([measured(section="sampling", characters=100, entries=entries)])
    assert grid.rows == (("c", "10,000 (10,000)", ""), ("numpy", "2,000 (2,000)", "5.00 (5.00)"))


def test_the_summary_has_the_means_and_time_per_operation_beside_lstms():
    other = measured("gru", entries={"c": timed(0.003), "jax": timed(0.006)}, operations=500)
    grid = summary([measured(), other])
    assert grid.rows == (
        ("lstm", "forward", "1", "1.00", "1.50", "-"),
        ("gru", "forward", "1", "3.00", "-", "2.00"),
    )
    assert summary([measured(), measured(point=(2, 2))]) is None


def test_means():
    assert geometric_mean([]) is None
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)
    assert mean_per_operation([measured("rnn")], [measured("rnn")]) is None


def test_the_legend_explains_what_was_measured():
    assert "their time over ours" in legend([measured()])
    assert legend([measured(characters=5)]).startswith("characters a second")


GRID = Grid("a title", ("B x H", "ours", "jax"), (("1x64", "2.00", "0.50 (0.40)"),), ("a note",), 2)


def test_plain_text_is_aligned():
    assert plain(GRID).splitlines() == [
        "a title",
        "B x H  ours          jax",
        "1x64   2.00  0.50 (0.40)",
        "  a note",
    ]


def test_markdown_is_a_table():
    assert markdown(GRID).splitlines() == [
        "**a title**",
        "",
        "| B x H | ours | jax |",
        "| --- | ---: | ---: |",
        "| 1x64 | 2.00 | 0.50 (0.40) |",
        "",
        "- a note",
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_pipe_gets_plain_text_and_a_terminal_colours(monkeypatch):
    pipe, terminal = io.StringIO(), Terminal()
    show(GRID, pipe)
    assert pipe.getvalue() == plain(GRID) + "\n\n"
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    show(GRID, terminal)
    assert "\x1b[31m0.50 (0.40)" in terminal.getvalue()


@pytest.mark.parametrize(("columns", "medians"), [("30", True), ("24", False), ("9", False)])
def test_a_narrow_terminal_gets_no_medians_and_loses_no_number(columns, medians, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    show(GRID, terminal)
    text = terminal.getvalue()
    assert "…" not in text
    assert all(number in text for number in ("2.00", "0.50"))
    assert ("(0.40)" in text) == medians
