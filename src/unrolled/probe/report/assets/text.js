const STEPS = {
  ArrowRight: 1,
  ArrowLeft: -1,
  PageDown: 800,
  PageUp: -800,
  End: Infinity,
  Home: -Infinity,
};
const LINES = { ArrowDown: 1, ArrowUp: -1 };
const SAME_LINE = 8; // pixels by which boxes of other fonts may stand higher or lower

function showText() {
  const { track, unit } = chosen();
  const spans = run.letters.map((symbol, at) => {
    const span = letter(symbol, levelAt(unit, at), track && track.values[at] > track.above);
    span.dataset.at = at;
    return span;
  });
  const text = textbox(spans);
  const panel = make("aside", { ariaLive: "polite" });
  const mark = (to) => {
    const at = Math.max(0, Math.min(spans.length - 1, Math.trunc(to) || 0));
    text.querySelector(".here")?.classList.remove("here");
    spans[at].classList.add("here");
    panel.replaceChildren(...details(at, unit, track));
    return at;
  };
  followPointer(text, (at) => choose(mark(at)));
  followKeys(text, spans, (to) => {
    const at = mark(to);
    spans[at].scrollIntoView({ block: "nearest" });
    choose(at);
  });
  const before = document.getElementById("text"); // the same text in other colours?
  const top = before?.dataset.run === state.run ? before.scrollTop : null;
  queueMicrotask(() => {
    const at = mark(Number(state.at));
    if (top === null) spans[at].scrollIntoView({ block: "nearest" });
    else text.scrollTop = top;
  });
  const reading = make("div", { className: "reading" }, text, panel);
  return [controls(track, unit), textLegend(track), about(whereabouts()), reading];
}

function textbox(spans) {
  const properties = {
    id: "text",
    className: "text",
    tabIndex: 0,
    role: "textbox",
    ariaReadOnly: "true",
    ariaMultiLine: "true",
    ariaLabel: `The text, coloured by ${state.colour === "chance" ? "surprise" : "the unit"}`,
    dataset: { run: state.run },
  };
  return make("div", properties, ...spans);
}

function levelAt(unit, at) {
  if (state.colour === "chance") return 1 - 2 * (chanceAt(at) ?? 0.5);
  const { middle, span } = run.units[unit];
  return Math.max(-1, Math.min(1, (valueAt(unit, at) - middle) / span));
}

function followPointer(text, move) {
  const follow = ({ target }) => target.dataset.at !== undefined && move(Number(target.dataset.at));
  text.addEventListener("click", follow);
  text.addEventListener("pointermove", (event) => {
    // A text that scrolls below a resting pointer sends this, too.
    if (event.movementX || event.movementY) follow(event);
  });
}

function followKeys(text, spans, move) {
  const rail = { at: null, left: 0 }; // where Up or Down came to last, and the column they keep to
  text.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = Number(state.at);
    if (event.key in LINES) {
      if (rail.at !== at) rail.left = spans[at].offsetLeft;
      rail.at = beside(spans, at, LINES[event.key], rail.left);
      move(rail.at);
    } else if (event.key in STEPS) {
      move(at + STEPS[event.key]);
    } else return;
    event.preventDefault();
  });
}

/** The character on the line above (-1) or below (1) that is closest to a column. */
function beside(spans, at, by, left) {
  const inLine = (to, of) =>
    to in spans && Math.abs(spans[to].offsetTop - spans[of].offsetTop) < SAME_LINE;
  const far = (to) => Math.abs(spans[to].offsetLeft - left);
  let first = at;
  while (inLine(first, at)) first += by;
  if (!(first in spans)) return by > 0 ? spans.length - 1 : 0;
  let best = first;
  for (let to = first; inLine(to, first); to += by) if (far(to) < far(best)) best = to;
  return best;
}

function controls(track, unit) {
  const kept = track?.name ?? NO_TRACK;
  const chooseUnit = (name) => go({ unit: name, track: kept });
  const turn = (id, by, textContent, ariaLabel) => {
    const { name } = run.units.at((unit + by) % run.units.length);
    const button = make("button", { id, type: "button", textContent, ariaLabel });
    button.addEventListener("click", () => chooseUnit(name));
    return button;
  };
  const tracks = run.tracks.map(({ name }) => [name, name]);
  const colours = [
    ["unit", "the unit's value"],
    ["chance", "surprise: how unlikely it was"],
  ];
  return make(
    "div",
    { className: "controls" },
    choice("track", [[NO_TRACK, "no track"], ...tracks], kept, (name) =>
      go({ track: name, unit: "" }),
    ),
    unitField(unit, chooseUnit),
    turn("before", -1, "←", "the unit before"),
    turn("next", 1, "→", "the next unit"),
    choice("colour", colours, state.colour, (colour) => go({ colour })),
  );
}

function choice(label, options, value, then) {
  const select = make(
    "select",
    { id: label, ariaLabel: label },
    ...options.map(([value, textContent]) => make("option", { value, textContent })),
  );
  select.value = value;
  select.addEventListener("change", () => then(select.value));
  return make("label", {}, `${label} `, select);
}

function unitField(unit, then) {
  const names = run.units.map(({ name }) => make("option", { value: name }));
  const field = make("input", {
    id: "unit",
    value: run.units[unit].name,
    ariaLabel: "unit",
    attributes: { list: "unit-names" },
  });
  field.addEventListener("focus", () => field.select());
  field.addEventListener("change", () => {
    if (run.units.some(({ name }) => name === field.value)) then(field.value);
    else field.value = run.units[unit].name;
  });
  return make("label", {}, "unit ", field, make("datalist", { id: "unit-names" }, ...names));
}

function textLegend(track) {
  const rule = track?.number ? `above its mean, ${shown(track.above)}` : "on";
  const rest = track ? `; underlined: ${track.name} is ${rule}.` : ".";
  return state.colour === "chance" ? chanceLegend(rest) : unitLegend(rest);
}

function whereabouts() {
  const [first, last] = [run.start + 1, run.start + run.letters.length];
  const where = `Characters ${first.toLocaleString("en")} to ${last.toLocaleString("en")}`;
  const how = "of what was read. Point at one, or move with the arrow keys.";
  return `${where} ${how} ${run.missing}`;
}

function details(at, unit, track) {
  const rows = [
    ["character", visible(run.letters[at])],
    ["it was given", percent(chanceAt(at))],
    [run.units[unit].name, signed(valueAt(unit, at))],
    ...(track ? [[track.name, trackValue(track, at)]] : []),
  ];
  const list = rows.flatMap(([term, textContent]) => [
    make("dt", { textContent: term }),
    make("dd", { textContent }),
  ]);
  const bars = Array.from({ length: run.best }, (_, rank) => bar(at * run.best + rank));
  return [make("dl", {}, ...list), make("div", { className: "faint" }, "likeliest next"), ...bars];
}

function trackValue(track, at) {
  const value = track.values[at];
  if (!track.number) return value ? "on" : "off";
  return shown(value, Number.isInteger(value) ? 0 : 3);
}

function bar(index) {
  const chance = run.nextChances[index] / 65535;
  const length = make("span");
  length.style.width = `${chance * 100}%`;
  const symbol = make("code", { textContent: visible(run.vocabulary[run.next[index]]) });
  return make("div", { className: "bar" }, symbol, length, make("span", {}, percent(chance)));
}
