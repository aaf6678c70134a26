// In one glance: does the band hold what it promises, and what did calibration do.

import { badge, count, h, percent, plural, points } from "../app.js";
import { INTERVALS, JUDGEMENTS, judged, spread } from "./coverage.js";
import { comparison, shadowOf } from "./models.js";

/**
 * @param {any} row of the model that was chosen, pooled over segments and steps
 * @param {any[]} rows of all models
 * @param {{interval: "served" | "target", promised: number}} view
 */
export function headline(row, rows, { interval, promised }) {
  const figures = row[interval];
  const { word, mark, tone, means } = JUDGEMENTS[judged(figures, row.n_effective, promised)];
  const around = spread(figures, row.n_effective);
  return h("section", { class: "panel verdict", dataset: { tone } },
    h("p", { class: "verdict-word" }, h("span", { "aria-hidden": "true" }, mark), " ", upper(word)),
    h("div", { class: "verdict-text" },
      h("p", {}, h("b", {}, percent(figures.closed)), ` of prices ended inside ${INTERVALS[interval].long} of ${row.model_name}; ${percent(promised, 0)} were promised.`,
        around ? ` The 95 % interval is ${points(around[0])} – ${percent(around[1])}: ${means}.` : ` ${upper(means)}: all are of one event.`),
      h("p", { class: "muted" }, `${plural(row.n, "scored step")}, ${worth(row)}. An edge counts as inside; without edges it is ${percent(figures.open)}.`)),
    h("ul", { class: "verdict-facts" }, facts(row, rows, { interval, isEarly: tone === JUDGEMENTS.early.tone })));
}

function worth({ n_effective: n }) {
  return n === null ? "whose worth is not known before there are two events" : `worth ${count(Math.round(n))} independent ones, as markets of one event move together`;
}

function facts(row, rows, { interval, isEarly }) {
  const soFar = isEarly ? " so far, on too few to tell" : "";
  const beside = shadowOf(row, rows);
  const less = beside ? 1 - row[interval].interval_score / beside[interval].interval_score : null;
  return [
    fact("Mean width", `${points(row[interval].mean_width, 2)} points`),
    interval === "served" ? fact("Before calibration", `${percent(row.raw.closed)} inside, ${points(row.raw.mean_width, 2)} points wide`) : null,
    interval === "served" ? fact("Calibration made the score", changeOf(row.served.interval_score, row.raw.interval_score) + soFar) : null,
    beside ? fact("Score of the model", comparison(less, beside.model_name) + soFar, less > 0 && !isEarly ? "good" : "plain") : null,
  ];
}

function changeOf(score, before) {
  const less = 1 - score / before;
  const share = percent(Math.abs(less));
  return share === "0.0 %" ? "no different" : `${share} ${less > 0 ? "better" : "worse"}`;
}

function fact(name, value, tone) {
  return h("li", {}, h("span", { class: "muted" }, name), tone ? badge(value, { tone }) : h("b", {}, value));
}

const upper = (text) => text[0].toUpperCase() + text.slice(1);
