const COLUMNS = [
  {
    head: "track",
    about: "What the text does.",
    cell: (track) => make("span", { textContent: track.name, title: track.about }),
  },
  {
    head: "best unit",
    about: "Which follows it most closely, up or down.",
    cell: unitLink,
  },
  {
    head: "on at",
    about:
      "At how many characters of the second half the track is on; a score of a few says little.",
    cell: ({ places }) => places?.toLocaleString("en") ?? "–",
  },
  {
    head: "score",
    about: "AUC of a track that is on or off, R² of one of numbers; on the second half.",
    cell: ({ found }) => `${found.measure} ${shown(found.score)}`,
  },
  {
    head: "p",
    about: "That the best of all pairs of units and tracks does so well by chance.",
    cell: ({ found }) => compared(found.p).replace("= ", ""),
  },
  {
    head: "all units",
    about: "The score of a line through all units.",
    cell: ({ found }) => shown(found.all),
  },
  {
    head: "on if",
    about: "Where the unit's value parts on from off best, on the first half.",
    cell: ({ found }) =>
      found.threshold === null ? "–" : `${found.rises ? ">" : "<"} ${signed(found.threshold)}`,
  },
  {
    head: "held as where it is",
    about: "The unit is held at its mean where the track is off or low (or on, or high).",
    cell: ({ found }) => `${found.like} (${signed(found.held)})`,
  },
  {
    head: "change where it is not",
    about:
      "What that adds to the log-likelihood of a character where the track is not so, in nats.",
    cell: ({ found }) => signed(found.matters.mean),
  },
  {
    head: "where it is",
    about: "The same where it is so.",
    cell: ({ found }) => signed(found.elsewhere.mean),
  },
  {
    head: "difference",
    about: "Of these two, and its 95 % interval: whether the unit does anything about the track.",
    cell: ({ found }) => interval(found.difference),
  },
];

function showSummary() {
  const sentences = run.summary.map(({ lead, text }) =>
    make("p", {}, lead ? make("b", { textContent: `${lead}: ` }) : null, text),
  );
  const words = make("div", { className: "summary" }, ...sentences);
  if (!run.passages.length) return [words];
  const title = make("h2", { textContent: "The best unit of each track" });
  const key = unitLegend("; underlined: the track is on, or above its mean.");
  return [words, title, key, ...run.passages.flatMap(showPassage)];
}

function showPassage({ track: name, text, levels, marks }) {
  const track = run.tracks.find((each) => each.name === name);
  const { measure, score, p } = track.found;
  const figures = ` ${measure} ${shown(score)}, p ${compared(p)}`;
  const letters = [...text].map((symbol, at) => letter(symbol, levels[at] / 127, marks[at]));
  return [
    make("h3", {}, `${name}: `, unitLink(track), make("span", { className: "faint" }, figures)),
    make("div", { className: "passage" }, ...letters),
  ];
}

function unitLink({ name, found }) {
  const unit = run.units[found.unit].name;
  return link(unit, { view: "text", unit, track: name });
}

function showUnits() {
  const tracks = run.tracks.filter((track) => track.found);
  const silent = run.tracks.filter((track) => !track.found).map((track) => track.name);
  return [
    ...(tracks.length ? showTable(tracks) : []),
    ...(silent.length ? [about(`Nothing can be said of: ${silent.join(", ")}.`)] : []),
    ...tracks.flatMap(showContexts),
    ...showGroups(),
  ];
}

function showTable(tracks) {
  const heads = COLUMNS.map(({ head, about: title }) =>
    make("th", { textContent: head, title, scope: "col" }),
  );
  const rows = tracks.map((track) => {
    const cells = COLUMNS.map(({ cell }) => make("td", {}, cell(track)));
    return make("tr", { className: track.found.good ? "good" : "" }, ...cells);
  });
  const table = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, ...heads)),
    make("tbody", {}, ...rows),
  );
  const terms = COLUMNS.flatMap(({ head, about: said }) => [
    make("dt", { textContent: head }),
    make("dd", { textContent: said }),
  ]);
  const key = make("summary", { textContent: "What the columns say" });
  const good = "● a unit follows it closely: AUC 0.9 or R² 0.8, p < 0.01. ";
  return [
    about(good, "Chosen on the first half of the text, judged on the second."),
    make("div", { className: "wide" }, table),
    make("details", {}, key, make("dl", {}, ...terms)),
  ];
}

function interval({ mean, low, high }) {
  return mean === null ? "–" : `${signed(mean)} [${signed(low)}, ${signed(high)}]`;
}

function showContexts({ name, found }) {
  const flat = (text) => text.replaceAll("\n", "⏎");
  const lines = found.contexts.map(({ before, at, after, value }) => {
    const mark = make("mark", { textContent: visible(at) });
    const figure = make("span", { className: "faint" }, `${signed(value).padStart(8)}  `);
    const parts = [figure, flat(before).padStart(45), mark, flat(after)];
    return make("div", {}, ...parts);
  });
  const extreme = found.rises ? "highest" : "lowest";
  const title = `${name}: where ${run.units[found.unit].name} is ${extreme}`;
  return [make("h3", { textContent: title }), make("div", { className: "contexts" }, ...lines)];
}

function showGroups() {
  const groups = run.groups.filter((group) => group.length > 1);
  if (!groups.length) return [];
  const lists = groups.map((group) => {
    const names = group.slice(0, 40).map((unit) => run.units[unit].name);
    const links = names.flatMap((unit) => [", ", link(unit, { view: "text", unit })]).slice(1);
    return make("li", {}, ...links, group.length > 40 ? ` and ${group.length - 40} more` : "");
  });
  return [
    make("h2", { textContent: "Units that go together" }),
    about("Groups whose units correlate at 0.7 or more on average, up or down."),
    make("ol", {}, ...lists),
  ];
}
