"""The page without a script: what stands in it, its pictures, and how a browser shows it."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from selenium.webdriver.common.by import By
from tests.probe.report.reading import contrast, texts

from unrolled.errors import SaveFailedError
from unrolled.probe.report.charts.bars import Bar, Bin, bars, reliability
from unrolled.probe.report.charts.squares import attention, confusion
from unrolled.probe.report.static import Chart, Section, StaticPage, Table
from unrolled.probe.report.texts import COLUMNS, Piece, Text, picture

WEIGHTS = np.array([[0.75, 0.25, 0.0], [0.0, 0.001, 0.999]])
SVG = "{http://www.w3.org/2000/svg}"


def made():
    pieces = [
        Piece("<b>"), Piece("fine", 1.0, "+2.00"), Piece(" & "), Piece("dull", -0.52, "-1.04"),
        Piece("old", 0.0, "NN", "NN"),
    ]  # fmt: skip
    legend = {"against": "-2: against", "for": "+2: for"}
    chart = Chart("looked", "Where it <looked>", attention("abc", "xy", WEIGHTS, ["xy", "of: abc"]))
    return StaticPage(
        "A <model>",
        ["It read 2 texts & erred."],
        [
            Section("Some texts", "Coloured.", [Text("good (99.0%)", pieces)], legend),
            Section("A table", "Of words.", [Table("best", ["read", "wrote"], [("<a>", "b")])]),
            Section("A chart", "Of squares.", [chart]),
        ],
    )


def test_what_is_said_is_in_words_and_in_the_page():
    page = made()
    assert page.words == ["It read 2 texts & erred."]
    assert "<p>It read 2 texts &amp; erred.</p>" in page.html
    assert "<title>A &lt;model&gt;</title>" in page.html
    assert '<span class="for shade-10" title="+2.00">fine</span>' in page.html
    assert '<span class="against shade-5" title="-1.04">dull</span>' in page.html
    assert '<span title="NN"><ruby>old<rt>NN</rt></ruby></span>' in page.html
    assert "<td>&lt;a&gt;</td><td>b</td>" in page.html and "&lt;b&gt;" in page.html
    assert page._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html&gt;')


def test_nothing_in_the_page_needs_a_script_or_a_style_of_its_own():
    html = made().html
    assert "<script" not in html and " style=" not in html and "http:" not in re.sub(
        "http://www.w3.org/", "", html
    )  # fmt: skip
    assert "default-src 'none'; style-src 'sha256-" in html


def test_every_picture_is_written_as_png_and_svg(tmp_path):
    paths = made().save_figures(tmp_path / "pictures")
    assert [path.name for path in paths] == [
        "some-texts.svg", "some-texts.png", "looked.svg", "looked.png",
    ]  # fmt: skip
    for svg, png in zip(paths[::2], paths[1::2], strict=True):
        root = ET.fromstring(svg.read_text())
        head = png.read_bytes()[:24]  # of a PNG: a signature, and then its size
        sizes = [int.from_bytes(head[at : at + 4], "big") for at in (16, 20)]
        assert sizes == [2 * int(root.attrib[side]) for side in ("width", "height")]
        assert 'fill="white"' in svg.read_text()
    with pytest.raises(SaveFailedError, match=r"page\.html could not be written"):
        made().save(paths[-1] / "page.html")


def squares(chart, **wanted):
    """The marks of a chart by what is said of them: how dark each is."""
    root = ET.fromstring(Chart("", "", chart).svg())
    paths = [each for each in root.iter(f"{SVG}path") if "aria-label" in each.attrib]
    return {each.attrib["aria-label"]: float(each.attrib["fill-opacity"]) for each in paths}


def test_a_square_is_as_dark_as_its_weight_and_what_cannot_be_seen_is_not_drawn():
    drawn = squares(attention("abc", "xy", WEIGHTS, ["xy"]))
    assert drawn == {
        "x heeds a: 75.0%": 0.75, "x heeds b: 25.0%": 0.25, "y heeds c: 99.9%": 0.999,
    }  # fmt: skip


def test_units_that_come_twice_and_signs_of_any_script_keep_their_places():
    units = ['"', "\\", "a", "a", "한", "<", "·"]
    svg = Chart("", "", attention(units, "y", np.eye(1, 7), ["y"])).svg()
    shown = [each.text for each in ET.fromstring(svg).iter(f"{SVG}text")]
    assert [text for text in shown if text in units] == units


def test_signs_that_svg_cannot_hold_are_drawn_as_unknown_ones():
    odd = "\0\x1b\ufffe"
    svg = Chart("", "", attention([odd, *odd], [odd], np.full((1, 4), 0.25), [odd, odd])).svg()
    drawn = Chart("", "", bars({odd: [Bar(odd, 1.0, odd)]}, "nats", ".1f")).svg()
    coloured = picture([Text(odd, [Piece(odd, 1.0)])])
    for each in (svg, drawn, coloured):
        assert "\ufffd" * 3 in {text.text for text in ET.fromstring(each).iter(f"{SVG}text")}


def test_errors_are_shares_of_their_row_and_what_is_right_is_outlined():
    drawn = confusion(["n", "v"], np.array([[6, 2], [0, 4]]))
    said = squares(drawn)
    assert said["n as v: 2 of 8 (25.0%)"] == pytest.approx(0.75)
    assert said["n as n: 6 of 8 (75.0%)"] == said["v as v: 4 of 4 (100.0%)"] == 0
    texts = [each.text for each in ET.fromstring(Chart("", "", drawn).svg()).iter(f"{SVG}text")]
    assert [text for text in texts if text.isdigit()] == ["75", "25", "100"]


def test_bars_and_bins_say_their_numbers():
    drawn = bars(
        {"good": [Bar("fine", 2.5, "+2.50 nats")], "bad": [Bar("a", 1, "x")]}, "nats", ".1f"
    )
    svg = Chart("", "", drawn).svg()
    assert 'aria-label="fine: +2.50 nats"' in svg and ">2.5</text>" in svg
    svg = Chart("", "", reliability([Bin(0.55, 0.5, 4), Bin(0.95, 1.0, 9)])).svg()
    assert "given 55% in the mean: 50.0% of 4 right" in svg
    assert "given 95% in the mean: 100.0% of 9 right" in svg


def test_a_long_text_is_broken_between_words_and_a_longer_word_is_cut():
    words = [Piece(word) for word in ("a" * 60, " ", "b" * 60, "\n", "c" * 200)]
    rows = ET.fromstring(picture([Text("lead", words)])).findall(f"{SVG}text")
    by_line = {row.attrib["y"]: "" for row in rows}
    for row in rows:
        by_line[row.attrib["y"]] += row.text
    assert [*by_line.values()] == ["lead", "a" * 60 + " ", "b" * 60 + " ", "c" * COLUMNS]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_shows_it_without_a_word_and_without_the_network(browser, tmp_path, theme):
    path = tmp_path / "page.html"
    made().save(path)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get(path.as_uri())
    assert texts(browser, "h2") == ["Some texts", "A table", "A chart"]
    for selector in (".for", ".against", ".about", ".legend", "rt", "td", "h1"):
        assert contrast(browser, selector) >= 4.5, selector
    assert "<title>x heeds a: 75.0%</title>" in browser.page_source
    figure = browser.find_element(By.CSS_SELECTOR, "figure")
    assert figure.get_attribute("aria-label") == "Where it <looked>"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert browser.get_log("browser") == []
    asked = [entry["message"] for entry in browser.get_log("performance")]
    assert not [message for message in asked if '"url":"http' in message]
