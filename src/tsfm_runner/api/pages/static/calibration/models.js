// Each model beside the baseline that was scored at the same moments.

import { badge, count, h, percent, points, sortableTable } from "../app.js";
import { INTERVALS, JUDGEMENTS, judged, spread } from "./coverage.js";

const FROM = 0.5; // where the small picture of a share begins

/**
 * Return a table of how every model did; `update` takes its rows, one for each model,
 * frequency and kind, and which interval is looked at.
 */
export function modelTable() {
  /** @type {{interval: "served" | "target", promised: number, rows: any[]}} */
  let view = { interval: "served", promised: 0.8, rows: [] };
  const table = sortableTable({
    caption: "Models compared", isCaptionHidden: true, name: "models",
    sort: { key: "n", direction: "descending" },
    rowKey: (row) => [row.model_name, row.model_version, row.freq, row.kind].join(" "),
    columns: [
      { key: "model", label: "Model", isHead: true, value: (row) => row.model_name, cell: modelOf },
      { key: "covered", label: "Covered", value: (row) => row[view.interval].closed, cell: (row) => covered(row, view) },
      { key: "judgement", label: "So it is", cell: (row) => judgementOf(row, view) },
      { key: "width", label: "Mean width", hint: "In points of a hundred", isNumber: true, value: (row) => row[view.interval].mean_width, cell: (row) => points(row[view.interval].mean_width, 2) },
      { key: "score", label: "Score", hint: "Mean interval score in points: width and what misses cost. Less is better.", isNumber: true, first: "ascending", value: (row) => row[view.interval].interval_score, cell: (row) => scoreOf(row, view) },
      { key: "n", label: "Scored", isNumber: true, value: (row) => row.n, cell: (row) => count(row.n) },
    ],
  });
  const update = (rows, { interval, promised }) => {
    view = { interval, promised, rows };
    table.update(rows);
  };
  return { element: table.element, update };
}

const modelOf = (row) => [
  row.model_name, " ", h("span", { class: "muted" }, row.model_version),
  h("span", { class: "beside muted" }, `${row.kind === "served" ? "served" : "beside, not served"}, ${row.freq}`),
];

function covered(row, { interval, promised }) {
  const figures = row[interval];
  return h("span", { class: "covered" }, dotOnLine(figures, row.n_effective, promised), h("span", {}, percent(figures.closed)));
}

function judgementOf(row, { interval, promised }) {
  const { word, mark, tone, means } = JUDGEMENTS[judged(row[interval], row.n_effective, promised)];
  return badge(word, { tone, icon: mark, title: means });
}

function scoreOf(row, { interval, rows }) {
  const score = row[interval].interval_score;
  const beside = shadowOf(row, rows);
  if (!beside) return points(score, 2);
  const less = 1 - score / beside[interval].interval_score;
  return [points(score, 2), h("span", { class: "beside muted" }, comparison(less, beside.model_name))];
}

/** The baseline beside a served model: of its frequency, the one that was scored most. */
export function shadowOf(row, rows) {
  if (row.kind !== "served") return undefined;
  return rows.filter((other) => other.kind === "shadow" && other.freq === row.freq && other.model_name !== row.model_name)
    .sort((a, b) => b.n - a.n)[0];
}

/** 0.08 -> "8 % better than ewma". */
export function comparison(less, name) {
  const share = percent(Math.abs(less), 0);
  if (share === "0 %") return `as ${name}`;
  return `${share} ${less > 0 ? "better" : "worse"} than ${name}`;
}

/** A picture beside the figure: where the share may lie, against the promise. */
function dotOnLine(figures, nEffective, promised) {
  const place = (value) => `${(100 * Math.max(0, value - FROM)) / (1 - FROM)}%`;
  const [low, high] = spread(figures, nEffective) ?? [figures.open, figures.closed];
  return h("span", { class: "dotline", "aria-hidden": "true" },
    placed("dotline-around", { left: place(low), right: `calc(100% - ${place(high)})` }),
    placed("dotline-promise", { left: place(promised) }),
    placed("dotline-dot", { left: place(figures.closed) }));
}

function placed(name, style) {
  const element = h("i", { class: name });
  Object.assign(element.style, style);
  return element;
}
