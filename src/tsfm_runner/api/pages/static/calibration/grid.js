// The grid: one row for each part of the markets, one cell for each step ahead.

import { count, h, percent, points } from "../app.js";
import { INTERVALS, JUDGEMENTS, judged, spread } from "./coverage.js";
import { partInWords, segmentInWords } from "./segments.js";

/**
 * Return the grid as a table, which a screen reader reads cell by cell.
 * @param {{name: string, value: string, segment: string, rows: any[]}[]} groups
 * @param {{interval: "served" | "target", promised: number, choose: (segment: string) => void}} view
 */
export function grid(groups, view) {
  const steps = [...new Set(groups.flatMap((group) => group.rows.map((row) => row.step)))].sort((a, b) => a - b);
  const head = h("tr", { role: "row" }, h("th", { scope: "col", role: "columnheader", class: "grid-corner" }, "Steps ahead"),
    steps.map((step) => h("th", { scope: "col", role: "columnheader" }, h("span", { class: "unseen" }, "step "), step)));
  // Roles are said anew: on small screens rows are laid out as no table is.
  const table = h("table", { class: "grid", role: "table" },
    h("caption", { class: "unseen" }, `Share of prices inside ${INTERVALS[view.interval].long}, in percent, by steps ahead`),
    h("thead", { role: "rowgroup" }, head),
    h("tbody", { role: "rowgroup" }, groups.map((group) => row(group, steps, view))));
  table.style.setProperty("--steps", String(steps.length));
  return h("div", { class: "grid-scroll", role: "region", tabindex: "0", "aria-label": "Coverage by part and step" }, table);
}

/** Return what the shapes of the grid mean. */
export function gridLegend() {
  return h("ul", { class: "grid-legend" }, Object.entries(JUDGEMENTS).map(([name, { word, mark, means }]) =>
    h("li", {}, h("span", { class: "key", dataset: { judgement: name }, "aria-hidden": "true" }, mark), h("b", {}, word), ` ${means}`)));
}

function row(group, steps, view) {
  const byStep = new Map(group.rows.map((one) => [one.step, one]));
  return h("tr", { role: "row" }, h("th", { scope: "row", role: "rowheader" }, nameOf(group, view)),
    steps.map((step) => cell(byStep.get(step), view)));
}

function nameOf({ name, value, segment, rows }, { choose }) {
  const text = name === "segment" ? segmentInWords(value) : partInWords(name, value);
  const n = rows.reduce((sum, one) => sum + one.n, 0);
  return [
    h("button", { type: "button", class: "link", title: `Show only ${segment}`, onclick: () => choose(segment) }, text),
    h("span", { class: "grid-n" }, `${count(n)} scored`),
  ];
}

function cell(one, { interval, promised }) {
  if (!one) return h("td", { class: "none", role: "cell" }, h("span", { class: "unseen" }, "nothing scored"));
  const figures = one[interval];
  const name = judged(figures, one.n_effective, promised);
  const { word, mark } = JUDGEMENTS[name];
  return h("td", { role: "cell", dataset: { judgement: name }, title: inFull(one, figures, word) },
    h("span", { class: "grid-share" }, points(figures.closed, 0)),
    h("span", { class: "grid-mark", "aria-hidden": "true" }, mark),
    h("span", { class: "unseen" }, ` percent, ${word}`));
}

/** Return everything about a cell, for who points at it. */
export function inFull(one, figures, word) {
  const around = spread(figures, one.n_effective);
  const worth = one.n_effective === null ? "of one event only" : `worth ${points(one.n_effective / 100, 0)} independent ones`;
  return [
    `Step ${one.step}: ${word}.`,
    `${percent(figures.closed)} inside with the edges, ${percent(figures.open)} without.`,
    around ? `95 % interval ${points(around[0])} – ${percent(around[1])}.` : "",
    `${count(one.n)} scored steps, ${worth}. Mean width ${points(figures.mean_width)} points.`,
  ].filter(Boolean).join(" ");
}
