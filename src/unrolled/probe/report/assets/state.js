// The scripts of this page are joined, in the order in which page.py names them, into one module.
//
// What is shown hangs on `state` alone. The address after # follows it, so that a reload, a link
// or the back button show the same again. A page in a notebook has no address of its own: there
// the state just lives in memory.

const content = JSON.parse(document.getElementById("content").textContent);
const WRITTEN = ["summary", "text", "units"]; // views that are more than pictures
const VIEWS = [...new Set([...WRITTEN, ...content.pictures.map(({ view }) => view)])];
const DEFAULTS = { view: "summary", run: "0", unit: "", track: "", colour: "unit", at: "0" };
const NO_TRACK = "-";
const PATIENCE = 250; // ms of rest until the address follows: browsers stop those who write often

let state = stated(location.hash);
let run = null; // the one that is shown, its numbers unpacked
let latest = 0; // of all changes
let writing = 0; // a timer
const unpacked = {}; // runs, by their numbers

function stated(hash) {
  const given = new URLSearchParams(hash.slice(1));
  const known = Object.entries(DEFAULTS).map(([key, value]) => [key, given.get(key) ?? value]);
  const wanted = Object.fromEntries(known);
  if (!VIEWS.includes(wanted.view)) wanted.view = DEFAULTS.view;
  if (!/^\d+$/.test(wanted.run) || !content.runs[wanted.run]) wanted.run = DEFAULTS.run;
  return wanted;
}

function address(changes = {}) {
  const wanted = Object.entries({ ...state, ...changes });
  return "#" + new URLSearchParams(wanted.filter(([key, value]) => value !== DEFAULTS[key]));
}

/** Show something else; the back button leads back. */
function go(changes) {
  if (address(changes) === address()) return;
  write("replaceState");
  state = { ...state, ...changes };
  write("pushState");
  show();
}

/** Choose a character of the text that is shown; the address follows later. */
function choose(at) {
  state.at = String(at);
  clearTimeout(writing);
  writing = setTimeout(() => write("replaceState"), PATIENCE);
}

function write(how) {
  clearTimeout(writing);
  try {
    history[how](null, "", address());
  } catch {
    // The page stands in a frame: see above.
  }
}

/** Show what the state says, once for all changes of a moment. */
async function show() {
  const change = ++latest;
  // A field that is left by Tab changes before the next one has the focus, which is to be kept.
  await new Promise((done) => setTimeout(done));
  const wanted = await (unpacked[state.run] ??= unpackedRun(content.runs[state.run]));
  if (change !== latest) return;
  run = wanted;
  render();
}

async function unpackedRun(packed) {
  const tracks = packed.tracks.map(async (track) => ({
    ...track,
    values: await unpack(track.values, Float32Array),
  }));
  const passages = packed.passages.map(async (passage) => ({
    ...passage,
    marks: await unpack(passage.on, Uint8Array),
    levels: await unpack(passage.level, Int8Array),
  }));
  return {
    ...packed,
    letters: [...packed.text],
    values: await unpack(packed.values, Uint8Array),
    chances: await unpack(packed.likelihood, Uint16Array),
    next: await unpack(packed.likeliest, Uint32Array),
    nextChances: await unpack(packed.probabilities, Uint16Array),
    tracks: await Promise.all(tracks),
    passages: await Promise.all(passages),
  };
}

async function unpack(text, Type) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Type(await new Response(stream).arrayBuffer());
}

/** The track and the unit that are looked at: if none is named, the first good pair. */
function chosen() {
  const named = run.units.findIndex((unit) => unit.name === state.unit);
  const first = named < 0 && state.track === "" && run.tracks.find((each) => each.found?.good);
  const track = run.tracks.find((each) => each.name === state.track) ?? (first || null);
  return { track, unit: named >= 0 ? named : (track?.found?.unit ?? 0) };
}

function valueAt(unit, at) {
  const { low, step } = run.units[unit];
  return low + step * run.values[unit * run.letters.length + at];
}

/** What the network gave a character, when it had read those before it. */
function chanceAt(at) {
  return run.start + at === 0 ? null : run.chances[at] / 65535;
}
