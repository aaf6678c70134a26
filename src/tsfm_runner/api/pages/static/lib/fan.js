// The fan: a series and the band after it, level by level.

import { moment, points, range } from "./format.js";
import { colour } from "./plots.js";

const MIDDLE = 0.5;
const SHOWN_HORIZONS = 8; // of prices before the band, so that the band is not a sliver
const LEAST_SHOWN = 48;
const FEW_TICKS_PX = 560;

/**
 * Return what `drawPlot` draws: the last prices, and every pair of levels as an area.
 * Traces and layout are the caller's to add to.
 * @param {any} answer of POST /tsfm/forecast
 * @param {{ts: string[], y: (number | null)[]}} history
 * @param {{isRaw?: boolean, nShown?: number}} [options] whether the band before calibration is drawn as well, and how many prices
 */
export function fanFigure(answer, { ts, y }, { isRaw = false, nShown = Math.max(LEAST_SHOWN, SHOWN_HORIZONS * answer.ts.length) } = {}) {
  const from = Math.max(0, y.length - nShown);
  const history = { ts: ts.slice(from), y: y.slice(from) };
  const last = history.y.findLastIndex((price) => price !== null);
  const anchor = { ts: history.ts[last], price: history.y[last] };
  const keys = Object.keys(answer.yhat_q).sort((a, b) => Number(a) - Number(b));
  return {
    label: labelOf(answer, keys),
    traces: [
      ...areas(answer, keys, anchor),
      line(history.ts, history.y, { color: colour("ink"), width: 1.6 }, "Price"),
      ...(keys.includes("0.5") ? [line([anchor.ts, ...answer.ts], [anchor.price, ...answer.yhat_q["0.5"]], { color: colour("info-mark"), width: 1.8, dash: "dash" }, "Median")] : []),
      ...edges(answer, keys),
      ...(isRaw ? rawLines(answer, keys) : []),
    ],
    layout: {
      xaxis: { type: "date", tickangle: 0, nticks: innerWidth < FEW_TICKS_PX ? 4 : 9 }, hovermode: "x",
      yaxis: { tickformat: ".0%", rangemode: "normal" },
    },
  };
}

function labelOf(answer, keys) {
  const [low, high] = [keys[0], keys.at(-1)].map((key) => answer.yhat_q[key].at(-1));
  return `Prices and the band after them: from ${keys[0]} to ${keys.at(-1)} it is ${range(low, high)} percent at ${moment(answer.ts.at(-1))}`;
}

/** Outer pairs are drawn first, so that inner ones are darker. */
function areas(answer, keys, anchor) {
  const lower = keys.filter((key) => Number(key) < MIDDLE);
  const upper = keys.filter((key) => Number(key) > MIDDLE).reverse();
  return lower.slice(0, upper.length).map((key, place) => {
    const [low, high] = [answer.yhat_q[key], answer.yhat_q[upper[place]]];
    return {
      x: [anchor.ts, ...answer.ts, ...[...answer.ts].reverse()], y: [anchor.price, ...high, ...[...low].reverse()],
      type: "scatter", mode: "lines", fill: "toself", fillcolor: colour("fan-2"), line: { width: 0 }, hoverinfo: "skip",
    };
  });
}

/** Lines without width on the outermost levels, for who points at them. */
function edges(answer, keys) {
  return [keys[0], keys.at(-1)].map((key) => ({
    ...line(answer.ts, answer.yhat_q[key], { color: colour("info-mark"), width: 1 }, `Level ${key}`), opacity: 0.7,
  }));
}

function rawLines(answer, keys) {
  return [...new Set([keys[0], keys.at(-1)])].map((key) =>
    line(answer.ts, answer.yhat_q_raw[key], { color: colour("raw-mark"), width: 1.6, dash: "dot" }, `Level ${key} before calibration`));
}

function line(x, y, look, name) {
  return { x, y, type: "scatter", mode: "lines", line: look, name, hovertemplate: `${name}: %{y:.2%}<extra></extra>` };
}

/** Return the band as CSV: a line for each step, a column for each level. */
export function bandCsv(answer) {
  const keys = Object.keys(answer.yhat_q);
  const head = ["ts", ...keys.map((key) => `q${key}`), "lower", "upper", ...keys.map((key) => `raw_q${key}`)];
  const rows = answer.ts.map((ts, step) => [
    ts, ...keys.map((key) => answer.yhat_q[key][step]), answer.conformal.lower[step], answer.conformal.upper[step],
    ...keys.map((key) => answer.yhat_q_raw[key][step]),
  ]);
  return [head, ...rows].map((row) => row.join(",")).join("\n");
}

/** Return the band as rows for a table, in percent. */
export const bandRows = (answer) => answer.ts.map((ts, step) => ({
  ts, prices: Object.values(answer.yhat_q).map((column) => points(column[step], 2)),
  target: range(answer.conformal.lower[step], answer.conformal.upper[step], 2),
}));
