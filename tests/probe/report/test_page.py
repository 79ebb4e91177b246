"""The page in a browser: what is pointed at, switched, viewed and reloaded."""

import shutil
import time

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from tests.probe.planted import LATCH
from tests.probe.report.examined import examined

from unrolled.probe.report.page import Report

OPTIONS = (
    "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
    "disable-component-update disable-sync window-size=1300,900"
).split()
VIEWS = ["Summary", "Text", "Units", "Gates", "Errors", "Gradients", "Training"]


@pytest.fixture(scope="module")
def browser():
    driver = shutil.which("chromedriver")
    if driver is None or not (shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("needs chromium and its driver; CI installs both")
    options = webdriver.ChromeOptions()
    for option in OPTIONS:
        options.add_argument(f"--{option}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield started
    started.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    Report({"one": examined(), "two": examined(1)}, "Two <networks> & a text").save(path)
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
    assert browser.get_log("browser") == []


def wait(browser, selector):
    WebDriverWait(browser, 10).until(lambda b: b.find_elements(By.CSS_SELECTOR, selector))


def one(browser, selector):
    (found,) = browser.find_elements(By.CSS_SELECTOR, selector)
    return found


def texts(browser, selector):
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]


def details(browser):
    terms, values = texts(browser, "aside dt"), texts(browser, "aside dd")
    return dict(zip(terms, values, strict=True))


def test_it_opens_with_the_summary_in_words(page):
    browser = page()
    assert one(browser, "h1").text == "Two <networks> & a text"
    assert browser.title == "Summary – one"
    first = browser.find_elements(By.CSS_SELECTOR, ".summary p")[0].text
    assert first.startswith("planted-0 (cell lstm, units 12) read 6,000 characters, at ")
    assert texts(browser, "nav a") == VIEWS
    assert len(browser.find_elements(By.CSS_SELECTOR, ".passage")) == len(examined().finding.best)


def test_pointing_at_a_character_shows_what_the_unit_did_and_what_was_likely_next(page):
    browser, seen = page(view="text", track=LATCH), examined()
    at = 57
    target = one(browser, f'.text span[data-at="{at}"]')
    ActionChains(browser).move_to_element(target).perform()
    found = next(found for found in seen.finding.best if found.track.name == LATCH)
    course = seen.tape.values[found.unit.source][found.unit.index]
    shown = details(browser)
    assert float(shown[str(found.unit)].replace("−", "-")) == pytest.approx(course[at], abs=0.02)
    assert shown[LATCH] == str(int(found.track.values[at]))
    likeliest = texts(browser, "aside .bar code")
    named = {"⏎": "\n", "␣": " "}
    wanted = [seen.subject.vocabulary[number] for number in seen.tape.likeliest[at]]
    assert [named.get(symbol, symbol) for symbol in likeliest] == wanted
    assert f"at={at}" in browser.current_url


def test_switching_the_unit_colours_the_text_anew(page):
    browser, seen = page(view="text"), examined()

    def ground(at):
        element = one(browser, f'.text span[data-at="{at}"]')
        return element.value_of_css_property("background-color")

    name = "unit 3 of h (recurrent, layer 0)"
    field = one(browser, "input[aria-label=unit]")
    before = [ground(at) for at in range(40)]
    field.send_keys(Keys.CONTROL + "a")
    field.send_keys(name, Keys.TAB)
    WebDriverWait(browser, 5).until(lambda b: "unit+3+of+h" in b.current_url)
    wait(browser, f'input[value="{name}"], input[aria-label=unit]')
    after = [ground(at) for at in range(40)]
    assert before != after
    course = next(v for s, v in seen.tape.values.items() if s.name == "h")[3]
    high, low = int(course[:40].argmax()), int(course[:40].argmin())
    red, _, blue = (int(part) for part in after[high].split("(")[1].split(",")[:3])
    assert red > blue
    red, _, blue = (int(part) for part in after[low].split("(")[1].split(",")[:3])
    assert blue > red


def test_the_keyboard_moves_through_the_text_and_the_views(page):
    browser = page(view="text")
    one(browser, ".text").send_keys(Keys.ARROW_RIGHT * 3)
    assert one(browser, ".text .here").get_attribute("data-at") == "3"
    one(browser, ".text").send_keys(Keys.ARROW_DOWN)
    line = examined().text.find("\n", 3)
    assert one(browser, ".text .here").get_attribute("data-at") == str(3 + line - 3 + 1)
    one(browser, 'nav a[data-view="text"]').send_keys(Keys.ARROW_RIGHT)
    WebDriverWait(browser, 5).until(lambda b: b.title == "Units – one")
    assert browser.switch_to.active_element.text == "Units"


def test_every_view_draws_its_pictures_and_asks_no_network(page):
    browser = page()
    browser.get_log("performance")
    counts = {}
    for view in VIEWS:
        one(browser, f'nav a[data-view="{view.lower()}"]').click()
        WebDriverWait(browser, 5).until(lambda b, view=view: b.title == f"{view} – one")
        time.sleep(0.3)  # pictures come after the page
        counts[view] = len(browser.find_elements(By.CSS_SELECTOR, "figure svg.marks"))
    assert counts == {
        "Summary": 0, "Text": 0, "Units": 2, "Gates": 1, "Errors": 3, "Gradients": 3, "Training": 4
    }  # fmt: skip
    asked = [entry["message"] for entry in browser.get_log("performance")]
    assert not [message for message in asked if '"url":"http' in message]


def test_a_reload_and_a_link_show_the_same_again(page):
    browser = page(view="text", track=LATCH, at=120, run=1)
    before = details(browser), texts(browser, ".text .here"), browser.title
    browser.refresh()
    wait(browser, ".text .here")
    assert (details(browser), texts(browser, ".text .here"), browser.title) == before
    assert browser.title == "Text – two"
    assert one(browser, ".text .here").get_attribute("data-at") == "120"
    browser.back()
    assert "run=1" not in browser.current_url


def test_another_run_is_chosen_from_the_list(page):
    browser = page(view="units")
    first = texts(browser, "tbody tr")
    Select(one(browser, "#runs select")).select_by_visible_text("two")
    WebDriverWait(browser, 5).until(lambda b: b.title == "Units – two")
    assert texts(browser, "tbody tr") != first


@pytest.fixture
def dark(browser):
    """A reader who likes it dark."""
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    yield
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_it_is_dark_where_the_reader_likes_it_dark(page, dark):
    opened = page(view="text")
    body = one(opened, "body")
    assert body.value_of_css_property("background-color") == "rgba(22, 24, 27, 1)"
    one(opened, "#theme").click()
    assert body.value_of_css_property("background-color") == "rgba(255, 255, 255, 1)"


def test_a_state_that_is_no_state_shows_the_summary(page):
    browser = page(view="nothing", run=99, unit="none", at="x")
    assert browser.title == "Summary – one"
