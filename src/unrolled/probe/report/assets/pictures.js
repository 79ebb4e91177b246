const drawn = []; // pictures that hold memory until they are finalized

function pictures(view) {
  return content.pictures.filter((picture) => picture.view === view).flatMap(showPicture);
}

function showPicture({ name, title, about: said, spec }) {
  const figure = make("figure", { id: name, ariaLabel: title });
  const actions = { export: true, source: false, compiled: false, editor: false };
  const config = { ...spec.config, ...theme() };
  vegaEmbed(figure, { ...structuredClone(spec), config }, { renderer: "svg", actions }).then(
    (picture) => (figure.isConnected ? drawn.push(picture) : picture.finalize()),
  );
  return [make("h2", { textContent: title }), about(said), figure];
}

function forgetPictures() {
  drawn.splice(0).forEach((picture) => picture.finalize());
}

/** The page's colours for what charts are made of. */
function theme() {
  const style = getComputedStyle(document.documentElement);
  const [ink, line] = ["--ink", "--line"].map((name) => style.getPropertyValue(name).trim());
  const words = {
    labelColor: ink,
    titleColor: ink,
    symbolBaseFillColor: ink,
    symbolBaseStrokeColor: ink,
  };
  return {
    background: "transparent",
    axis: { ...words, gridColor: line, domainColor: line, tickColor: line },
    legend: words,
    header: words,
    title: { color: ink },
    view: { stroke: line },
  };
}
