"""The page in a browser: what is pointed at, switched, viewed and reloaded."""

import time

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from tests.probe.planted import BRACKETS, LATCH
from tests.probe.report.examined import best, certain, examined
from tests.probe.report.reading import STYLES, colour, contrast, texts

from unrolled.probe.report import content
from unrolled.probe.report.charts import PICTURES
from unrolled.probe.report.page import Report
from unrolled.probe.report.passages import passages, scale_of, scaled
from unrolled.probe.report.words import PLACES, is_good

VIEWS = ["Summary", "Text", "Units", "Gates", "Errors", "Gradients", "Training"]
COUNT = """
window.renders = 0;
window.writes = 0;
const count = (records) => { renders += records.length; };
new MutationObserver(count).observe(document.getElementById("view"), { childList: true });
const write = history.replaceState.bind(history);
history.replaceState = (...all) => { writes += 1; write(...all); };
"""
PRESS = """
const [key, held] = arguments;
const event = new KeyboardEvent("keydown", { key, [held]: true, cancelable: true, bubbles: true });
return document.activeElement.dispatchEvent(event);
"""
CLICK = """
const [link, held] = arguments;
let left;
link.parentNode.onclick = (event) => { left = !event.defaultPrevented; event.preventDefault(); };
link.dispatchEvent(new MouseEvent("click", { [held]: true, cancelable: true, bubbles: true }));
return left;
"""
ASK = """
const [url, done] = arguments;
document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
fetch(url).catch(() => setTimeout(() => done("it was asked"), 500));
"""
FULL = {(230, 140, 0): 1 / 0.65, (0, 114, 178): -1 / 0.65}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    Report({"one": examined(), "two": certain()}, "Two <networks> & a text").save(path)
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    """The page at some state; what it says on the console is an error."""
    browser.get("about:blank")
    browser.get_log("browser")

    def opened(**state):
        browser.get("about:blank")
        browser.get(address + "#" + "&".join(f"{k}={v}" for k, v in state.items()))
        wait(browser, "#view > *")
        return browser

    yield opened
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert browser.get_log("browser") == []


def wait(browser, selector):
    until(browser, lambda b: b.find_elements(By.CSS_SELECTOR, selector))


def until(browser, holds):
    WebDriverWait(browser, 10, poll_frequency=0.05).until(holds)


def one(browser, selector):
    (found,) = browser.find_elements(By.CSS_SELECTOR, selector)
    return found


def details(browser):
    terms, values = texts(browser, "aside dt"), texts(browser, "aside dd")
    return dict(zip(terms, values, strict=True))


def number(text):
    return float(text.replace("−", "-").removesuffix("%"))


def here(browser):
    return int(one(browser, ".text .here").get_attribute("data-at"))


def point(browser, *places):
    """Move the pointer from one character to the next."""
    pointer = ActionChains(browser, duration=0)
    for at in places:
        pointer.move_to_element(one(browser, f'.text span[data-at="{at}"]'))
    pointer.perform()


def focused(browser):
    return browser.switch_to.active_element.get_attribute("id")


def choose(browser, field, text):
    Select(one(browser, f"#{field}")).select_by_visible_text(text)


def levels(browser, selector):
    """From -1 for blue to 1 for orange."""
    grounds = browser.execute_script(STYLES, selector, "background-color")
    colours = [colour(text) for (text,) in grounds]
    return np.array([FULL.get((*map(int, rgb),), 0) * opacity for *rgb, opacity in colours])


def underlined(browser, selector):
    script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.matches('.on'))"
    return browser.execute_script(script, selector)


def test_it_opens_with_the_summary_in_words(page):
    browser = page()
    assert one(browser, "h1").text == "Two <networks> & a text"
    assert browser.title == "Summary – one"
    first = "planted-0 (cell lstm, units 12) read 6,000 characters, at "
    assert texts(browser, ".summary p")[0].startswith(first)
    assert texts(browser, "#tabs a") == VIEWS


def test_passages_are_coloured_by_their_units_and_underlined_by_their_tracks(page):
    browser, shown = page(), passages(examined())
    assert texts(browser, ".passage") == [p.text.replace("\n", "⏎\n") for p in shown]
    wanted = np.concatenate([passage.level for passage in shown])
    np.testing.assert_allclose(levels(browser, ".passage span"), wanted, atol=0.01)
    marks = np.concatenate([passage.on for passage in shown])
    assert underlined(browser, ".passage span") == marks.tolist()
    p = f"{shown[0].found.p:.3f}"
    assert texts(browser, "h3")[0].endswith(f"{shown[0].found.score:.3f}, p = {p}")


def test_pointing_at_a_character_shows_what_the_unit_did_and_what_was_likely_next(page):
    browser, seen, at = page(view="text", track=LATCH), examined(), 57
    point(browser, at - 1, at)
    (found, course), shown = best(seen, LATCH), details(browser)
    known = float(np.ptp(course)) / 254 + 0.0005
    assert number(shown[str(found.unit)]) == pytest.approx(course[at], abs=known)
    assert shown[LATCH] == ("on" if found.track.values[at] else "off")
    chances = np.exp(seen.tape.log_likelihood[at - 1 : at + 2])
    assert abs(chances[[0, 2]] - chances[1]).min() > 0.01
    assert number(shown["it was given"]) == pytest.approx(100 * chances[1], abs=0.06)
    named = {"⏎": "\n", "␣": " "}
    likeliest = [named.get(symbol, symbol) for symbol in texts(browser, "aside .bar code")]
    assert likeliest == [seen.subject.symbols[symbol] for symbol in seen.tape.likeliest[at]]
    wanted = pytest.approx(100 * seen.tape.probabilities[at], abs=0.06)
    assert [number(text) for text in texts(browser, ".bar span:last-child")] == wanted
    lengths = browser.find_elements(By.CSS_SELECTOR, ".bar span:nth-child(2)")
    assert [number(each.get_attribute("style")[6:-1].strip()) for each in lengths] == wanted
    until(browser, lambda b: f"at={at}" in b.current_url)


def test_the_text_is_coloured_by_the_unit_or_by_surprise(page):
    browser, seen = page(view="text", track=BRACKETS), examined()
    found, course = best(seen, BRACKETS)
    above = found.track.values.mean()
    assert underlined(browser, ".text span") == (found.track.values > above).tolist()
    wanted = scaled(course, scale_of(course))
    np.testing.assert_allclose(levels(browser, ".text span"), wanted, atol=0.02)
    rule = f"; underlined: {BRACKETS} is above its mean, {above:.3f}."
    assert texts(browser, ".about")[0].endswith("when the character has been read" + rule)
    choose(browser, "colour", "surprise: how unlikely it was")
    until(browser, lambda b: "all of the chance" in texts(b, ".about")[0])
    assert texts(browser, ".about")[0].endswith("next to none; white: a half" + rule)
    wanted = 1 - 2 * np.exp(seen.tape.log_likelihood)
    wanted[0] = 0  # nothing is known of it
    np.testing.assert_allclose(levels(browser, ".text span"), wanted, atol=0.01)
    assert details(browser)["it was given"] == "–"
    choose(browser, "track", LATCH)
    until(browser, lambda b: texts(b, ".about")[0].endswith(f"; underlined: {LATCH} is on."))
    on = best(seen, LATCH)[0].track.values == 1
    assert underlined(browser, ".text span") == on.tolist()
    choose(browser, "track", "no track")
    until(browser, lambda b: "underlined" not in texts(b, ".about")[0])
    assert not any(underlined(browser, ".text span"))


@pytest.mark.slow
def test_whoever_switches_stays_at_the_control_and_at_the_track(page):
    browser, seen = page(view="text"), examined()
    kept = Select(one(browser, "#track")).first_selected_option.text
    name = "unit 3 of h (recurrent, layer 0)"
    browser.execute_script(COUNT)
    one(browser, "#unit").send_keys("no such unit", Keys.TAB)
    assert one(browser, "#unit").get_property("value").startswith("unit ")
    one(browser, "#unit").send_keys(Keys.CONTROL + "a")
    one(browser, "#unit").send_keys(name, Keys.TAB)
    until(browser, lambda b: b.execute_script("return renders") == 1)
    assert focused(browser) == "before"
    course = next(v for s, v in seen.tape.values.items() if s.name == "h")[3]
    wanted = scaled(course, scale_of(course))
    np.testing.assert_allclose(levels(browser, ".text span"), wanted, atol=0.02)
    browser.execute_script("document.getElementById('text').scrollTop = 400")
    one(browser, "#next").send_keys(Keys.ENTER)
    until(browser, lambda b: "unit 4 of h (recurrent, layer 0)" in details(b))
    assert focused(browser) == "next"
    assert one(browser, "#text").get_property("scrollTop") == 400
    assert Select(one(browser, "#track")).first_selected_option.text == kept
    one(browser, "#track").send_keys(Keys.ARROW_DOWN)
    until(browser, lambda b: b.execute_script("return renders") == 3)
    assert focused(browser) == "track"


@pytest.mark.slow
def test_the_arrow_keys_move_as_in_an_editor(page):
    lines = examined().text.splitlines(keepends=True)
    starts, lengths = np.cumsum([0, *map(len, lines)]), [len(line) for line in lines]
    long, short = (np.array(lengths) > 60) & (np.array(lengths) < 90), np.array(lengths) < 50
    first = int(np.flatnonzero(long[:-2] & short[1:-1] & long[2:])[0])
    place = starts[first] + 55
    browser = page(view="text", at=place)
    text = one(browser, "#text")
    ends = starts[first + 1] + lengths[first + 1] - 1
    steps = [
        (Keys.ARROW_LEFT, place - 1), (Keys.ARROW_RIGHT, place), (Keys.ARROW_DOWN, ends),
        (Keys.ARROW_DOWN, starts[first + 2] + 55), (Keys.ARROW_UP * 2, place), (Keys.END, 5_999),
        (Keys.ARROW_DOWN, 5_999), (Keys.ARROW_UP, starts[-3] + min(lengths[-2:]) - 1),
        (Keys.HOME, 0), (Keys.ARROW_UP, 0),
    ]  # fmt: skip
    for key, wanted in steps:
        text.send_keys(key)
        assert here(browser) == wanted


@pytest.mark.slow
def test_keys_that_are_the_browsers_stay_its(page):
    browser = page(view="text", at=50)
    browser.execute_script("document.getElementById('text').focus()")
    for held in ("altKey", "ctrlKey", "metaKey"):
        for key in ("ArrowLeft", "ArrowDown", "Home"):
            assert browser.execute_script(PRESS, key, held)
    assert here(browser) == 50
    assert not browser.execute_script(PRESS, "ArrowLeft", "none")
    assert here(browser) == 49
    for held in ("altKey", "ctrlKey", "metaKey", "shiftKey"):
        assert browser.execute_script(CLICK, one(browser, "#tab-units"), held)
    assert browser.title == "Text – one"


@pytest.mark.slow
def test_moving_the_pointer_writes_the_address_once_and_scrolling_moves_nothing(page):
    browser = page(view="text")
    browser.execute_script(COUNT)
    point(browser, *range(30))
    assert here(browser) == 29
    until(browser, lambda b: "at=29" in b.current_url)
    assert browser.execute_script("return writes") == 1
    origin = ScrollOrigin.from_element(one(browser, '.text span[data-at="29"]'))

    def scrolled(browser):  # a busy browser may lose a turn of the wheel
        ActionChains(browser, duration=0).scroll_from_origin(origin, 0, 300).perform()
        return one(browser, "#text").get_property("scrollTop") > 200

    until(browser, scrolled)
    rest = "arguments[0].dispatchEvent(new PointerEvent('pointermove', { bubbles: true }))"
    browser.execute_script(rest, one(browser, '.text span[data-at="40"]'))
    time.sleep(0.3)  # a browser tells where the pointer is a little later
    assert here(browser) == 29


@pytest.mark.slow
def test_tabs_are_turned_by_the_keyboard(page):
    browser = page(view="text")
    one(browser, "#tab-text").send_keys("")
    for key, view in {
        Keys.ARROW_RIGHT: "units", Keys.END: "training", Keys.ARROW_LEFT: "gradients",
        Keys.HOME: "summary",
    }.items():  # fmt: skip
        browser.switch_to.active_element.send_keys(key)
        until(browser, lambda b, view=view: b.title == f"{view.capitalize()} – one")
        assert focused(browser) == f"tab-{view}"
        tab, panel = one(browser, "[aria-selected=true]"), one(browser, "[role=tabpanel]")
        assert tab.get_attribute("id") == panel.get_attribute("aria-labelledby") == f"tab-{view}"
        assert tab.get_attribute("aria-controls") == panel.get_attribute("id")
        assert texts(browser, "[role=tab][tabindex='0']") == [view.capitalize()]
    browser.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    until(browser, lambda b: b.title == "Training – one")


def test_each_change_is_shown_once(page):
    browser = page(view="units")
    browser.execute_script(COUNT)
    name = texts(browser, "td a")[0]
    browser.find_elements(By.CSS_SELECTOR, "td a")[0].click()
    until(browser, lambda b: name in details(b))
    click = "[...arguments].forEach((view) => document.getElementById(`tab-${view}`).click())"
    browser.execute_script(click, "text", "units", "errors")
    until(browser, lambda b: b.title == "Errors – one")
    browser.back()
    until(browser, lambda b: b.title == "Units – one")
    browser.back()
    until(browser, lambda b: b.title == "Text – one")
    time.sleep(0.2)
    assert browser.execute_script("return renders") == 4


def test_every_view_draws_its_pictures_and_asks_no_network(page):
    browser = page()
    browser.get_log("performance")
    for view in VIEWS:
        one(browser, f"#tab-{view.lower()}").click()
        until(browser, lambda b, view=view: b.title == f"{view} – one")
        wanted = sum(picture.view == view.lower() for picture in PICTURES)
        until(browser, lambda b, n=wanted: len(texts(b, "figure svg.marks")) == n)
        assert len(texts(browser, "figure")) == wanted
    asked = [entry["message"] for entry in browser.get_log("performance")]
    assert not [message for message in asked if '"url":"http' in message]


def test_what_stands_in_the_page_cannot_reach_the_network(page):
    browser = page()
    policy = one(browser, "meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none';")
    assert browser.execute_async_script(ASK, "http://127.0.0.1:9/") == "connect-src"
    said = [entry["message"] for entry in browser.get_log("browser")]
    assert all("Content Security Policy" in message for message in said), said


@pytest.mark.parametrize("run", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_table_of_units_has_every_figure_below_its_title(page, run):
    browser, seen = page(view="units", run=run), (examined(), certain())[run]
    heads, rows = texts(browser, "th"), browser.find_elements(By.CSS_SELECTOR, "tbody tr")
    known = zip(seen.finding.best, seen.readable, seen.effects, rows, strict=True)
    for found, readable, effect, row in known:
        track, held, judged = found.track, effect.strongest, found.track.values[3_000:]
        more, threshold = held.difference, found.threshold
        wanted = {
            "track": track.name,
            "best unit": str(found.unit),
            "on at": "–" if track.is_number else f"{(judged == 1).sum():,}",
            "score": f"{found.measure} {found.score:.3f}",
            "p": "< 0.001" if run else f"{found.p:.3f}",
            "all units": f"{readable.score:.3f}",
            "on if": f"{'>' if found.rises else '<'} {threshold:+.3f}" if threshold else "–",
            "held as where it is": f"{PLACES[track.is_number][held.like]} ({held.level:+.3f})",
            "change where it is not": f"{held.where_it_matters.mean:+.3f}",
            "where it is": f"{held.elsewhere.mean:+.3f}",
            "difference": f"{more.mean:+.3f} [{more.low:+.3f}, {more.high:+.3f}]",
        }
        cells = [cell.text for cell in row.find_elements(By.CSS_SELECTOR, "td")]
        shown = dict(zip(heads, cells, strict=True))
        assert {head: text.replace("−", "-") for head, text in shown.items()} == wanted
        assert (row.get_attribute("class") == "good") == is_good(found)


def test_a_reload_and_a_link_show_the_same_again(page):
    browser = page(view="text", track=LATCH, at=120, run=1)
    before = details(browser), texts(browser, ".text .here"), browser.title
    browser.refresh()
    wait(browser, ".text .here")
    assert (details(browser), texts(browser, ".text .here"), browser.title) == before
    assert (browser.title, here(browser)) == ("Text – two", 120)


def test_another_run_is_chosen_from_the_list(page):
    browser = page(view="units")
    first = texts(browser, "tbody tr")
    Select(one(browser, "#runs select")).select_by_visible_text("two")
    until(browser, lambda b: b.title == "Units – two")
    assert texts(browser, "tbody tr") != first
    one(browser, "#tab-summary").click()
    until(browser, lambda b: b.title == "Summary – two")
    assert "p < 0.001" in texts(browser, "h3")[0]


def test_it_is_dark_where_the_reader_likes_it_dark(page):
    browser, body = page(view="units"), ("body", "background-color")
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    labels, ink = ("figure svg text", "fill"), ["rgb(232, 230, 227)"]
    until(browser, lambda b: ink in b.execute_script(STYLES, *labels))
    assert all(fill == ink for fill in browser.execute_script(STYLES, *labels))
    assert browser.execute_script(STYLES, *body) == [["rgb(22, 24, 27)"]]
    one(browser, "#theme").click()
    assert browser.execute_script(STYLES, *body) == [["rgb(255, 255, 255)"]]


def test_in_a_narrow_window_nothing_sticks_out(page):
    browser = page(view="text")
    size = {"width": 600, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert one(browser, "html").get_property("scrollWidth") <= 600
    one(browser, "#tab-units").click()
    wait(browser, "#effects svg.marks")
    assert one(browser, "html").get_property("scrollWidth") <= 600


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_letters_can_be_read_on_every_colour(page, theme):
    browser = page(view="units", colour="chance")
    browser.execute_script("document.documentElement.dataset.theme = arguments[0]", theme)
    for selector in ("mark", "td a", ".about", ".contexts .faint", "[aria-selected=true]"):
        assert contrast(browser, selector) >= 4.5, selector
    one(browser, "#tab-text").click()
    wait(browser, ".text")
    for hue in ("low", "high"):
        full = f".text span {{ background-color: rgba(var(--{hue}), 0.65) !important; }}"
        browser.execute_script("document.styleSheets[0].insertRule(arguments[0])", full)
        assert 4.5 <= contrast(browser, ".text span") < 10


def test_a_state_that_is_no_state_shows_the_summary(page):
    browser = page(view="nothing", run=99, unit="none", at="x")
    assert browser.title == "Summary – one"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """A file with the report in two frames, the second of which has no rights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(content, "VALUES", 14 * 1_500)
        frame = Report({"one": examined()}, "A cell of a notebook")._repr_html_()
    bare = frame.replace("<iframe ", '<iframe sandbox="allow-scripts" ')
    path = tmp_path_factory.mktemp("notebook") / "notebook.html"
    path.write_text(f"<!doctype html><title>A notebook</title>{frame}{bare}")
    return path.as_uri()


@pytest.mark.parametrize("number", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_in_a_notebook_it_stays_in_its_frame(browser, notebook, number):
    browser.get(notebook)
    browser.get_log("browser")
    browser.switch_to.frame(number)
    wait(browser, ".summary")
    one(browser, "#tab-text").click()
    wait(browser, ".text")
    one(browser, "#text").send_keys(Keys.ARROW_RIGHT * 2)
    time.sleep(0.4)  # until it would have written the address
    assert here(browser) == 2
    assert "14 of 24 units: those that follow" in texts(browser, ".about")[1]
    one(browser, "#tab-units").click()
    wait(browser, "td a")
    browser.find_elements(By.CSS_SELECTOR, "td a")[0].click()
    wait(browser, ".text")
    assert here(browser) == 2
    browser.switch_to.default_content()
    assert (browser.title, browser.current_url) == ("A notebook", notebook)
    assert browser.get_log("browser") == []
