// The two figures over steps ahead: how often bands held, and how wide they were.

import { count, h, percent, points } from "../app.js";
import { INTERVALS, judged, JUDGEMENTS, spread } from "./coverage.js";
import { stepChart } from "./step_chart.js";

/**
 * Return both figures and a table of every number in them.
 * @param {any[]} rows by model, kind and step
 * @param {{model: string, version: string, kind: string, interval: "served" | "target", promised: number}} view
 */
export function stepFigures(rows, view) {
  const lines = linesOf(rows, view);
  return [
    h("div", { class: "figures-in" },
      h("section", {}, h("h3", {}, "Coverage"), coverageChart(lines, view)),
      h("section", {}, h("h3", {}, "Mean width"), widthChart(lines))),
    h("details", { class: "numbers" }, h("summary", {}, "The same as a table"), numbers(lines, view)),
  ];
}

/** What is drawn: the band as published, the same before calibration, and the baseline beside it. */
function linesOf(rows, { model, version, kind, interval }) {
  const own = inOrder(rows.filter((row) => row.model_name === model && row.model_version === version && row.kind === kind));
  const others = rows.filter((row) => row.kind === "shadow" && row.model_name !== model);
  const beside = kind === "served" ? mostScored(others) : [];
  const lines = [{ name: "published", label: `${model}, as published`, shape: "circle", rows: own, of: interval }];
  if (interval === "served") lines.push({ name: "raw", label: "before calibration", shape: "square", rows: own, of: "raw" });
  if (beside.length) lines.push({ name: "beside", label: `${beside[0].model_name} beside it`, shape: "diamond", rows: beside, of: interval });
  return lines;
}

function mostScored(rows) {
  const groups = [...Map.groupBy(rows, (row) => `${row.model_name} ${row.model_version}`).values()];
  const size = (group) => group.reduce((sum, row) => sum + row.n, 0);
  return inOrder(groups.sort((a, b) => size(b) - size(a))[0] ?? []);
}

const inOrder = (rows) => [...rows].sort((a, b) => a.step - b.step);

function coverageChart(lines, { promised, interval }) {
  const own = lines[0].rows;
  const worst = own.map((row) => row[interval].closed);
  return stepChart({
    label: `Coverage by steps ahead, ${percent(promised, 0)} promised: from ${percent(Math.min(...worst))} to ${percent(Math.max(...worst))}`,
    line: { value: promised, text: `${percent(promised, 0)} promised` },
    write: (value) => points(value, 0), to: 1,
    rows: lines.map(({ name, label, shape, rows, of }) => ({
      name, label, shape,
      dots: rows.map((row) => ({ step: row.step, value: row[of].closed, around: spread(row[of], row.n_effective), title: titleOf(label, row, of) })),
    })),
  });
}

function widthChart(lines) {
  const own = lines[0];
  const last = own.rows.at(-1);
  return stepChart({
    label: `Mean width by steps ahead: ${points(own.rows[0][own.of].mean_width)} points at step ${own.rows[0].step}, ${points(last[own.of].mean_width)} at step ${last.step}`,
    write: (value) => points(value), from: 0,
    rows: lines.map(({ name, label, shape, rows, of }) => ({
      name, label, shape, isJoined: true,
      dots: rows.map((row) => ({ step: row.step, value: row[of].mean_width, title: `${label}, step ${row.step}: ${points(row[of].mean_width, 2)} points` })),
    })),
  });
}

function titleOf(label, row, of) {
  const around = spread(row[of], row.n_effective);
  const between = around ? `, 95 % interval ${points(around[0])} – ${points(around[1])}` : "";
  return `${label}, step ${row.step}: ${percent(row[of].closed)} with the edges, ${percent(row[of].open)} without${between}`;
}

const TITLES = ["Band", "Step", "Closed %", "Open %", "95 % interval", "So it is", "Width", "Score", "Scored", "Independent"];

function numbers(lines, { promised, interval }) {
  const caption = `By steps ahead, ${INTERVALS[interval].long}; widths and scores in points`;
  return h("div", { class: "table-frame scroll", tabindex: "0", role: "group", "aria-label": caption },
    h("table", { class: "table" },
      h("caption", {}, caption),
      h("thead", {}, h("tr", {}, TITLES.map((title, place) => h("th", { scope: "col", class: place && place !== 5 ? "number" : null }, title)))),
      h("tbody", {}, lines.flatMap((line) => line.rows.map((row) => numberRow(line, row, promised))))));
}

function numberRow({ label, of }, row, promised) {
  const figures = row[of];
  const around = spread(figures, row.n_effective);
  const cells = [
    row.step, points(figures.closed), points(figures.open), around ? `${points(around[0])} – ${points(around[1])}` : "–",
    JUDGEMENTS[judged(figures, row.n_effective, promised)].word,
    points(figures.mean_width, 2), points(figures.interval_score, 2), count(row.n), row.n_effective === null ? "–" : count(row.n_effective),
  ];
  return h("tr", {}, h("th", { scope: "row" }, label),
    cells.map((text, place) => h("td", { class: place === 4 ? null : "number" }, text)));
}
