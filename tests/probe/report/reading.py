"""What a page in a browser shows: its texts, its colours, how well they can be read."""

import numpy as np

STYLES = """
const [selector, ...names] = arguments;
const read = (style) => names.map((name) => style[name]);
return [...document.querySelectorAll(selector)].map((each) => read(getComputedStyle(each)));
"""


def texts(browser, selector):
    script = "return [...document.querySelectorAll(arguments[0])].map((each) => each.innerText)"
    return browser.execute_script(script, selector)


def colour(text):
    """Red, green, blue and opacity."""
    parts = [float(part) for part in text.split("(")[1].removesuffix(")").split(",")]
    return parts if len(parts) == 4 else [*parts, 1.0]


def luminance(rgb):
    """Of a colour, as WCAG 2.1 says it."""
    parts = np.asarray(rgb) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(browser, selector):
    """The smallest of some letters with what is behind them."""
    ((paper,),) = browser.execute_script(STYLES, "body", "background-color")
    found = []
    for pair in browser.execute_script(STYLES, selector, "color", "background-color"):
        (*ink, _), (*hue, opacity) = map(colour, pair)
        ground = opacity * np.array(hue) + (1 - opacity) * np.array(colour(paper)[:3])
        low, high = sorted((luminance(ink), luminance(ground)))
        found.append((high + 0.05) / (low + 0.05))
    return min(found)
