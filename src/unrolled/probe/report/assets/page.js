const SHOWS = { summary: showSummary, text: showText, units: showUnits };
const view = document.getElementById("view");
const runs = document.querySelector("#runs select");
const darkness = matchMedia("(prefers-color-scheme: dark)");
const tabs = VIEWS.map((name) => {
  const attributes = { "aria-controls": "view" };
  return link(titleOf(name), { view: name }, { id: `tab-${name}`, role: "tab", attributes });
});

function titleOf(name) {
  return name[0].toUpperCase() + name.slice(1);
}

function render() {
  const chosenTab = tabs[VIEWS.indexOf(state.view)];
  tabs.forEach((tab, number) => {
    tab.href = address({ view: VIEWS[number] });
    tab.ariaSelected = String(tab === chosenTab);
    tab.tabIndex = tab === chosenTab ? 0 : -1;
  });
  runs.value = state.run;
  document.title = `${titleOf(state.view)} – ${run.name}`;
  view.setAttribute("aria-labelledby", chosenTab.id);
  forgetPictures();
  keepingFocus(() => {
    view.replaceChildren(...(SHOWS[state.view]?.() ?? []), ...pictures(state.view));
  });
}

/** Change what is shown; whoever was in it stays at the same control, or where it was. */
function keepingFocus(change) {
  const before = document.activeElement;
  const inside = view.contains(before);
  change();
  if (inside) (document.getElementById(before.id) ?? view).focus({ preventScroll: true });
}

function switchTheme() {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme ? dataset.theme === "dark" : darkness.matches;
  dataset.theme = isDark ? "light" : "dark";
  show();
}

function turnTab(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const [at, last] = [VIEWS.indexOf(state.view), VIEWS.length - 1];
  const wanted = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
  if (wanted === undefined) return;
  event.preventDefault();
  const number = (wanted + VIEWS.length) % VIEWS.length;
  tabs[number].focus();
  go({ view: VIEWS[number] });
}

document.getElementById("tabs").replaceChildren(...tabs);
document.getElementById("tabs").addEventListener("keydown", turnTab);
document.getElementById("runs").hidden = content.runs.length < 2;
runs.replaceChildren(
  ...content.runs.map(({ name }, number) => make("option", { value: number, textContent: name })),
);
runs.addEventListener("change", () => go({ run: runs.value, unit: "", track: "", at: "0" }));
document.getElementById("theme").addEventListener("click", switchTheme);
darkness.addEventListener("change", show);
window.addEventListener("hashchange", () => {
  state = stated(location.hash);
  show();
});
show();
