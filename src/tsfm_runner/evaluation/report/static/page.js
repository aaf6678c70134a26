// The page: what the reader chose, what is drawn for it, and the theme.

const WEIGHTINGS = { group: "groups alike", origin: "origins alike" };
const CONFIG = { responsive: true, displayModeBar: false, scrollZoom: false, doubleClick: false };
const chosen = { freq: data.freqs[0], weighting: "group", coverage: data.coverage };

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (isKnown(value)) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function preset(place, { name, values, first }) {
  if (!values.includes(place[name])) place[name] = values.includes(first) ? first : values[0];
}

/** Return a labelled list of values; `place[name]` follows it. */
function select(place, { name, label, values, write = String }, changed) {
  const list = element("select");
  values.forEach((value, k) => list.append(new Option(write(value), k, false, value === place[name])));
  list.addEventListener("change", () => {
    place[name] = values[Number(list.value)];
    changed();
  });
  return element("label", {}, label, list);
}

// Who is shown must always be said, even where there is nobody else.
const asked = (choices) =>
  choices.filter(({ name, values }) => values.length > (name === "entry" || name === "model" ? 0 : 1));

function keyItem({ glyph, hue, ink, state, text }) {
  const mark = element("span", { class: state ? "mark bar" : "mark", "aria-hidden": "true" }, glyph ?? "");
  if (state) {
    mark.style.borderColor = standingColour(state);
    mark.style.background = state === "maybe" ? "transparent" : standingColour(state);
  } else mark.style.color = ink ?? colour(hue);
  return element("li", {}, mark, text);
}

function numbers({ rows, columns }) {
  const heads = columns.map(([name]) => element("th", { scope: "col" }, name));
  const body = element("tbody");
  for (const row of rows) {
    const [first, ...rest] = columns.map(([, write]) => String(write(row)));
    body.append(element("tr", {}, element("th", { scope: "row" }, first), ...rest.map((text) => element("td", {}, text))));
  }
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body);
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Numbers" }, table);
}

/** Chooses for one figure alone what the page chose and its rows do not have. */
const INSTEAD = { freq: ["Frequency", freqName], coverage: ["Band", whole] };

class Figure {
  constructor(section) {
    this.figure = figures[section.id];
    this.local = {};
    this.instead = {};
    this.choices = element("div", { class: "local" });
    this.summary = element("p", { class: "summary" });
    this.key = element("ul", { class: "key" });
    this.panels = element("div", { class: "panels" });
    this.numbers = element("details", {}, element("summary", {}, "The same in numbers"));
    this.numbers.addEventListener("toggle", () => this.fillNumbers());
    this.save = element("button", { type: "button", class: "save" }, "Save as SVG");
    this.save.addEventListener("click", () => savePlots(section.id, this.panels));
    const below = element("div", { class: "below" }, this.numbers, this.save);
    section.append(this.choices, this.summary, this.key, this.panels, below);
    const choices = this.figure.choices();
    choices.forEach((choice) => preset(this.local, choice));
    this.choices.append(...asked(choices).map((choice) => select(this.local, choice, () => this.draw())));
    for (const [name, words] of Object.entries(INSTEAD)) this.addInstead(name, ...words);
  }

  addInstead(name, label, write) {
    const values = unique(this.figure.rows.filter((row) => name in row).map((row) => row[name]));
    if (!values.length) return;
    preset(this.instead, { name, values, first: data[name] });
    const box = select(this.instead, { name, label, values, write }, () => this.draw());
    box.dataset.name = name;
    this.choices.append(box);
  }

  /** Return what the page chose, or what is chosen here where the rows lack that. */
  chosenHere() {
    const here = { ...chosen, ...this.local };
    for (const box of this.choices.querySelectorAll("[data-name]")) {
      const { name } = box.dataset;
      box.hidden = this.figure.rows.some((row) => row[name] === chosen[name]);
      if (!box.hidden) here[name] = this.instead[name];
    }
    return here;
  }

  draw() {
    const here = this.chosenHere();
    const width = this.panels.clientWidth;
    const { panels, panelPx, key = [], summary = "", table } = this.figure.draw(here, width);
    this.table = table;
    this.summary.textContent = panels.length ? summary : "";
    this.summary.hidden = !this.summary.textContent;
    this.key.replaceChildren(...(panels.length ? key.map(keyItem) : []));
    this.key.hidden = !this.key.children.length;
    this.panels.style.setProperty("--panel", panelPx ? `${panelPx}px` : "100%");
    this.panels.querySelectorAll(".plot").forEach((plot) => Plotly.purge(plot));
    this.panels.replaceChildren(...panels.map(panelBox));
    if (!panels.length) this.panels.append(element("p", { class: "nothing" }, "Nothing was scored for this choice."));
    this.numbers.hidden = !panels.length;
    this.save.hidden = !panels.length;
    this.fillNumbers();
    const plots = [...this.panels.querySelectorAll(".plot")];
    return Promise.all(panels.map((panel, k) => Plotly.newPlot(plots[k], panel.traces, panel.layout, CONFIG)));
  }

  fillNumbers() {
    while (this.numbers.children.length > 1) this.numbers.lastChild.remove();
    if (this.numbers.open && this.table) this.numbers.append(numbers(this.table));
  }
}

function panelBox({ title, about, told: words }) {
  const plot = element("div", { class: "plot", role: "img", "aria-label": title ? `${title}: ${words}` : words });
  plot.style.height = "auto";
  const heads = [title && element("h3", {}, title), about && element("p", {}, about)].filter(Boolean);
  return element("div", { class: "panel" }, ...heads, plot);
}

/** Save each plot of a figure as a file of its own. */
async function savePlots(name, panels) {
  let number = 0;
  for (const plot of panels.querySelectorAll(".plot")) {
    number += 1;
    const { clientWidth: width, clientHeight: height } = plot;
    await Plotly.downloadImage(plot, { format: "svg", width, height, filename: `${name}-${number}` });
  }
}

/** Show the rows of the headline table that were chosen. */
function headline() {
  const bodies = [...document.querySelectorAll("#headline tbody")];
  const steps = unique(bodies.map((body) => Number(body.dataset.step)));
  const local = {};
  const show = () => bodies.forEach((body) => {
    const { freq, weighting, step } = body.dataset;
    body.hidden = freq !== chosen.freq || weighting !== chosen.weighting || Number(step) !== local.step;
  });
  const choice = { name: "step", label: "Step ahead", values: steps, first: 0, write: stepName };
  preset(local, choice);
  document.querySelector("#headline .local").append(...asked([choice]).map((one) => select(local, one, show)));
  return show;
}

function start() {
  const showHeadline = headline();
  const drawn = [...document.querySelectorAll("section[data-plot]")].map((section) => new Figure(section));
  const drawAll = async () => {
    showHeadline();
    delete document.documentElement.dataset.drawn;
    await Promise.all(drawn.map((figure) => figure.draw()));
    document.documentElement.dataset.drawn = String(document.querySelectorAll(".plot").length);
  };
  const choices = [
    { name: "freq", label: "Frequency", values: data.freqs, write: freqName },
    { name: "weighting", label: "Weighting", values: unique(tables.intervals.map((row) => row.weighting)), first: "group", write: (name) => WEIGHTINGS[name] },
    { name: "coverage", label: "Band", values: data.coverages, first: data.coverage, write: whole },
  ];
  choices.forEach((choice) => preset(chosen, choice));
  const boxes = asked(choices).map((choice) => select(chosen, choice, drawAll));
  if (boxes.length) document.getElementById("choices").append(element("div", {}, ...boxes));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  matchMedia(`(max-width: ${NARROW_PX}px)`).addEventListener("change", drawAll);
  drawAll();
}

start();
