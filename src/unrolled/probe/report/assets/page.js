// One page, no network. What is shown hangs on `state` alone, and `state` is the part of the
// address after #, so that a reload, a link or the back button show the same again.
const content = JSON.parse(document.getElementById("content").textContent);
const TITLES = { summary: "Summary", text: "Text", units: "Units", gates: "Gates", errors: "Errors", gradients: "Gradients", training: "Training" };
const DEFAULTS = { view: "summary", run: "0", unit: "", track: "", colour: "unit", at: "0" };
let state = { ...DEFAULTS };
const drawn = []; // pictures that hold memory until they are finalized
let decoded = null; // the run that is shown, its numbers unpacked

// ---------------------------------------------------------------- small things

function make(tag, properties = {}, ...children) {
  const { dataset, ...rest } = properties;
  const element = Object.assign(document.createElement(tag), rest);
  Object.assign(element.dataset, dataset ?? {});
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function shown(number, digits = 3) {
  return number === null || number === undefined ? "–" : number.toFixed(digits).replace("-", "−");
}

function signed(number) {
  return number === null ? "–" : (number > 0 ? "+" : "") + shown(number);
}

function visible(symbol) {
  return { "\n": "⏎", " ": "␣", "\t": "⇥", "\r": "␍" }[symbol] ?? symbol;
}

async function unpack(text, Type) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Type(await new Response(stream).arrayBuffer());
}

function ground(level) {
  return level === 0 ? "" : `rgba(var(${level > 0 ? "--high" : "--low"}), ${(Math.abs(level) * 0.65).toFixed(2)})`;
}

// ---------------------------------------------------------------- state

function address(changes) {
  const wanted = { ...state, ...changes };
  const kept = Object.entries(wanted).filter(([key, value]) => value !== DEFAULTS[key]);
  return "#" + new URLSearchParams(kept).toString();
}

function go(changes, { silently = false } = {}) {
  const hash = address(changes);
  if (silently) {
    history.replaceState(null, "", hash);
    state = { ...state, ...changes };
  } else {
    location.hash = hash; // comes back by `hashchange`
    if (hash === location.hash) read();
  }
}

async function read() {
  const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const before = state;
  state = { ...DEFAULTS, ...given };
  if (!Object.hasOwn(TITLES, state.view)) state.view = DEFAULTS.view;
  if (!/^\d+$/.test(state.run) || !content.runs[state.run]) state.run = DEFAULTS.run;
  if (!decoded || before.run !== state.run) decoded = await decode(content.runs[state.run]);
  render();
}

async function decode(run) {
  const symbols = [...run.text];
  return {
    ...run,
    letters: symbols,
    size: symbols.length,
    courses: await unpack(run.values, Int8Array),
    chances: await unpack(run.likelihood, Uint8Array),
    next: await unpack(run.likeliest, Uint32Array),
    nextChances: await unpack(run.probabilities, Uint8Array),
    tracks: await Promise.all(run.tracks.map(async (track) => ({ ...track, marks: await unpack(track.values, Uint8Array) }))),
    passages: await Promise.all(run.passages.map(async (passage) => ({ ...passage, marks: await unpack(passage.on, Uint8Array), levels: await unpack(passage.level, Int8Array) }))),
    letter: [...run.vocabulary],
  };
}

function chosen() {
  const named = decoded.units.findIndex((unit) => unit.name === state.unit);
  const first = named < 0 && state.track === "" ? decoded.tracks.find((each) => each.found?.good) : null;
  const track = decoded.tracks.find((each) => each.name === state.track) ?? first ?? null;
  return { track, unit: named >= 0 ? named : (track?.found?.unit ?? 0) };
}

// ---------------------------------------------------------------- views

const VIEWS = { summary: showSummary, text: showText, units: showUnits };

function render() {
  renderTabs();
  const view = document.getElementById("view");
  drawn.splice(0).forEach((picture) => picture.finalize());
  const nodes = (VIEWS[state.view] ?? (() => []))();
  view.replaceChildren(...nodes, ...pictures(state.view));
  document.title = `${TITLES[state.view]} – ${decoded.name}`;
}

function renderTabs() {
  const has = (view) => view in VIEWS || content.pictures.some((picture) => picture.view === view);
  const tabs = Object.keys(TITLES).filter(has).map((view) =>
    make("a", { href: address({ view }), textContent: TITLES[view], role: "tab", tabIndex: view === state.view ? 0 : -1, ariaSelected: String(view === state.view), dataset: { view } }));
  const views = document.getElementById("views");
  const focused = views.contains(document.activeElement);
  views.replaceChildren(...tabs);
  if (focused) views.querySelector('[aria-selected="true"]').focus();
  const runs = document.getElementById("runs");
  runs.hidden = content.runs.length < 2;
  runs.firstElementChild.replaceChildren(...content.runs.map((run, index) =>
    make("option", { value: String(index), textContent: run.name, selected: String(index) === state.run })));
}

function showSummary() {
  const sentences = make("div", { className: "summary" }, ...decoded.summary.map(({ lead, text }) => make("p", {}, lead ? make("b", { textContent: `${lead}: ` }) : null, text)));
  return [sentences, ...(decoded.passages.length ? [make("h2", { textContent: "The best unit of each track" }), legend()] : []), ...decoded.passages.flatMap(showPassage)];
}

function legend() {
  return make("p", { className: "about" }, "below ", make("span", { className: "scale" }), " above the unit's median, when the character has been read; underlined: the track is on, or above its mean.");
}

function showPassage(passage) {
  const track = decoded.tracks.find((each) => each.name === passage.track);
  const { found } = track;
  const unit = decoded.units[found.unit].name;
  const link = make("a", { href: address({ view: "text", unit, track: track.name }), textContent: unit });
  const score = make("span", { className: "faint" }, ` ${found.measure} ${shown(found.score)}, p = ${shown(found.p)}`);
  const spans = [...passage.text].map((symbol, at) => letter(symbol, passage.levels[at] / 127, passage.marks[at]));
  return [make("h3", {}, `${track.name}: `, link, score), make("div", { className: "passage" }, ...spans)];
}

function letter(symbol, level, on) {
  const span = make("span", { textContent: symbol === "\n" ? "⏎\n" : symbol, className: symbol === "\n" ? "end" : "" });
  span.style.backgroundColor = ground(level);
  if (on) span.classList.add("on");
  return span;
}

function showUnits() {
  const rows = decoded.tracks.filter((track) => track.found).map(showRow);
  const head = ["track", "best unit", "measure", "score", "p", "all units", "held as where it is", "change where it is not", "where it is", "difference"];
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { textContent: text, scope: "col" })))), make("tbody", {}, ...rows));
  const silent = decoded.tracks.filter((track) => !track.found).map((track) => track.name);
  return [
    make("p", { className: "about", textContent: "● the unit follows the track closely (AUC 0.9 or R² 0.8, p < 0.01). Chosen on the first half of the text, judged on the second. The last columns: the unit is held at its mean where the track is off or low (or on, or high); how much that changes the log-likelihood of a character, in nats, where the track is not so and where it is; and the difference, which shows whether the unit does anything about the track, with its 95 % interval." }),
    rows.length ? table : null,
    silent.length ? make("p", { className: "about", textContent: `Nothing can be said of: ${silent.join(", ")}.` }) : null,
    ...decoded.tracks.filter((track) => track.found).flatMap(showContexts),
    ...showGroups(),
  ].filter((node) => node);
}

function showRow(track) {
  const { found } = track;
  const unit = decoded.units[found.unit].name;
  const interval = ({ mean, low, high }) => (mean === null ? "–" : `${signed(mean)} [${signed(low)}, ${signed(high)}]`);
  const link = make("a", { href: address({ view: "text", unit, track: track.name }), textContent: unit });
  const cells = [found.measure, shown(found.score), shown(found.p), shown(found.all), `${found.like} (${signed(found.held)})`, signed(found.matters.mean), signed(found.elsewhere.mean), interval(found.difference)];
  return make("tr", { className: found.good ? "good" : "" }, make("td", { textContent: track.name, title: track.about }), make("td", {}, link), ...cells.map((text) => make("td", { textContent: text })));
}

function showContexts(track) {
  const { found } = track;
  const flat = (text) => [...text].map((symbol) => (symbol === "\n" ? "⏎" : symbol)).join("");
  const lines = found.contexts.map(({ before, at, after }) =>
    make("div", { className: "context" }, flat(before).padStart(45), make("mark", { textContent: visible(at) }), flat(after)));
  const extreme = found.rises ? "highest" : "lowest";
  return [make("h3", { textContent: `${track.name}: where ${decoded.units[found.unit].name} is ${extreme}` }), ...lines];
}

function showGroups() {
  const groups = decoded.groups.filter((group) => group.length > 1);
  if (!groups.length) return [];
  const items = groups.map((group) => make("li", {}, ...group.slice(0, 40).flatMap((unit, at) => [at ? ", " : "", make("a", { href: address({ view: "text", unit: decoded.units[unit].name }), textContent: decoded.units[unit].name })]), group.length > 40 ? ` and ${group.length - 40} more` : ""));
  return [make("h2", { textContent: "Units that go together" }), make("p", { className: "about", textContent: "Groups whose units correlate at 0.7 or more on average, up or down." }), make("ol", {}, ...items)];
}

// ---------------------------------------------------------------- the text

function showText() {
  const { track, unit } = chosen();
  const { letters } = decoded;
  const spans = letters.map((symbol, at) => {
    const span = letter(symbol, levelAt(unit, at), track && marked(track, at));
    span.dataset.at = at;
    return span;
  });
  const text = make("div", { className: "text", tabIndex: 0, role: "textbox", ariaReadOnly: "true", ariaMultiLine: "true", ariaLabel: "The text, coloured by the unit" }, ...spans);
  const panel = make("aside", { ariaLive: "polite" });
  const move = (to, scroll) => {
    const at = Math.max(0, Math.min(letters.length - 1, to));
    text.querySelector(".here")?.classList.remove("here");
    spans[at].classList.add("here");
    if (scroll) spans[at].scrollIntoView({ block: "nearest" });
    go({ at: String(at) }, { silently: true });
    panel.replaceChildren(...details(at, unit, track));
  };
  text.addEventListener("mouseover", (event) => event.target.dataset.at !== undefined && move(Number(event.target.dataset.at), false));
  text.addEventListener("click", (event) => event.target.dataset.at !== undefined && move(Number(event.target.dataset.at), false));
  text.addEventListener("keydown", (event) => {
    const line = () => letters.indexOf("\n", Number(state.at)) - Number(state.at) + 1 || 80;
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: line(), ArrowUp: -line(), PageDown: 800, PageUp: -800, Home: -letters.length, End: letters.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    move(Number(state.at) + steps[event.key], true);
  });
  queueMicrotask(() => move(Math.trunc(Number(state.at)) || 0, true));
  const where = `Characters ${(decoded.start + 1).toLocaleString("en")} to ${(decoded.start + letters.length).toLocaleString("en")} of what was read. Point at one, or move with the arrow keys.`;
  return [controls(track, unit), legend(), make("p", { className: "about", textContent: where }), make("div", { className: "reading" }, text, panel)];
}

function levelAt(unit, at) {
  return state.colour === "chance" ? 1 - 2 * (decoded.chances[at] / 255) : decoded.courses[unit * decoded.size + at] / 127;
}

function marked(track, at) {
  const value = track.low + (track.marks[at] / 255) * (track.high - track.low);
  return track.number ? value > (track.low + track.high) / 2 : value > 0;
}

function controls(track, unit) {
  const tracks = make("select", { ariaLabel: "track" }, make("option", { value: "-", textContent: "no track", selected: state.track === "-" }), ...decoded.tracks.map((each) =>
    make("option", { value: each.name, textContent: each.name, selected: each === track })));
  tracks.addEventListener("change", () => go({ track: tracks.value, unit: "" }));
  const names = make("datalist", { id: "unit-names" }, ...decoded.units.map((each) => make("option", { value: each.name })));
  const units = make("input", { value: decoded.units[unit].name, ariaLabel: "unit" });
  units.setAttribute("list", "unit-names");
  units.addEventListener("focus", () => units.select());
  units.addEventListener("change", () => decoded.units.some((each) => each.name === units.value) && go({ unit: units.value }));
  const step = (by) => () => go({ unit: decoded.units[(unit + by + decoded.units.length) % decoded.units.length].name });
  const turn = (label, by, name) => {
    const button = make("button", { type: "button", textContent: label, ariaLabel: name });
    button.addEventListener("click", step(by));
    return button;
  };
  const colours = make("select", { ariaLabel: "colour" }, ...[["unit", "the unit's value"], ["chance", "surprise: how unlikely it was"]].map(([value, text]) =>
    make("option", { value, textContent: text, selected: state.colour === value })));
  colours.addEventListener("change", () => go({ colour: colours.value }));
  return make("div", { className: "controls" }, make("label", {}, "track ", tracks), make("label", {}, "unit ", units, names), turn("←", -1, "the unit before"), turn("→", 1, "the next unit"), make("label", {}, "colour ", colours));
}

function details(at, unit, track) {
  const { middle, span, name } = decoded.units[unit];
  const value = middle + (decoded.courses[unit * decoded.size + at] / 127) * span;
  const rows = [["character", visible(decoded.letters[at])], ["it was given", `${((decoded.chances[at] / 255) * 100).toFixed(1)} %`], [name, signed(value)]];
  if (track) rows.push([track.name, shown(track.low + (track.marks[at] / 255) * (track.high - track.low), track.number ? 1 : 0)]);
  const list = make("dl", {}, ...rows.flatMap(([term, text]) => [make("dt", { textContent: term }), make("dd", { textContent: text })]));
  const bars = [...Array(decoded.best).keys()].map((rank) => {
    const chance = decoded.nextChances[at * decoded.best + rank] / 255;
    const bar = make("span");
    bar.style.width = `${chance * 100}%`;
    return make("div", { className: "bar" }, make("code", { textContent: visible(decoded.letter[decoded.next[at * decoded.best + rank]]) }), bar, make("span", { textContent: `${(chance * 100).toFixed(1)} %` }));
  });
  return [list, make("div", { className: "faint", textContent: "likeliest next" }), ...bars];
}

// ---------------------------------------------------------------- pictures

function pictures(view) {
  return content.pictures.filter((picture) => picture.view === view).flatMap((picture) => {
    const figure = make("figure", { id: picture.name, ariaLabel: picture.title });
    const spec = structuredClone(picture.spec);
    const shown = vegaEmbed(figure, { ...spec, config: { ...spec.config, ...theme() } }, { renderer: "svg", actions: { export: true, source: false, compiled: false, editor: false } });
    shown.then((picture) => (figure.isConnected ? drawn.push(picture) : picture.finalize()));
    return [make("h2", { textContent: picture.title }), make("p", { className: "about", textContent: picture.about }), figure];
  });
}

function theme() {
  const style = getComputedStyle(document.documentElement);
  const [ink, line] = ["--ink", "--line"].map((name) => style.getPropertyValue(name).trim());
  const words = { labelColor: ink, titleColor: ink, symbolBaseFillColor: ink, symbolBaseStrokeColor: ink };
  return { background: "transparent", axis: { ...words, gridColor: line, domainColor: line, tickColor: line }, legend: words, header: words, title: { color: ink }, view: { stroke: line } };
}

// ---------------------------------------------------------------- events

document.getElementById("views").addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const tabs = [...event.currentTarget.children];
  const next = tabs[(tabs.indexOf(document.activeElement) + by + tabs.length) % tabs.length];
  go({ view: next.dataset.view });
});
document.querySelector("#runs select").addEventListener("change", (event) => go({ run: event.target.value, unit: "", track: "", at: "0" }));
document.getElementById("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).getPropertyValue("--ground").trim() !== "#ffffff";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  render();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
window.addEventListener("hashchange", read);
read();
