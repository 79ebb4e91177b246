const FULL = 0.65; // of a colour, behind the letters

function make(tag, properties = {}, ...children) {
  const { attributes = {}, dataset = {}, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** A link to another state. In a notebook the browser would follow it out of the page's frame. */
function link(text, changes, properties = {}) {
  const element = make("a", { textContent: text, href: address(changes), ...properties });
  element.addEventListener("click", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(changes);
  });
  return element;
}

function about(...children) {
  return make("p", { className: "about" }, ...children);
}

/** A character of the text; `level` is from -1, blue, to 1, orange. */
function letter(symbol, level, underlined) {
  const span = make("span", { textContent: symbol });
  if (symbol === "\n") Object.assign(span, { textContent: "⏎\n", className: "end" });
  if (underlined) span.classList.add("on");
  span.style.backgroundColor = ground(level);
  return span;
}

function ground(level) {
  const hue = level > 0 ? "--high" : "--low";
  return level ? `rgba(var(${hue}), ${(Math.abs(level) * FULL).toFixed(3)})` : "";
}

function unitLegend(rest) {
  return legend("below", "above the unit's median, when the character has been read", rest);
}

function chanceLegend(rest) {
  return legend("it was given nearly all of the chance", "or next to none; white: a half", rest);
}

function legend(low, high, rest) {
  return about(`${low} `, make("span", { className: "scale" }), ` ${high}${rest}`);
}

function visible(symbol) {
  return { "\n": "⏎", " ": "␣", "\t": "⇥", "\r": "␍" }[symbol] ?? symbol;
}

function shown(number, digits = 3) {
  return number === null ? "–" : number.toFixed(digits).replace("-", "−");
}

function signed(number) {
  return (number > 0 ? "+" : "") + shown(number);
}

function percent(chance) {
  return chance === null ? "–" : `${(chance * 100).toFixed(1)} %`;
}

/** What p is, as the summary's sentences say it: never 0, however rare. */
function compared(p) {
  const figure = shown(p);
  return figure === "0.000" ? "< 0.001" : `= ${figure}`;
}
