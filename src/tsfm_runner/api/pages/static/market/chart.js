// The chart of a market: prices, past bands and their outcomes, breaches, the fan ahead.

import { colour, fanFigure, moment, plainText, points, range } from "../app.js";

const AIR = 0.06;
const BEYOND = 0.004; // of 0 and 1, so that a line on them is seen
const SPANS = { near: 72, day: 288, all: Infinity };

/**
 * @typedef {object} View
 * @property {boolean} isRaw
 * @property {number} step 0: no past bands
 * @property {"near" | "day" | "all"} span
 */

/**
 * @param {any} market as `GET /tsfm/markets/{id}` tells it
 * @param {import("./past.js").PastBand[]} bands
 * @param {any[]} breaches
 * @param {View} view
 */
export function marketFigure(market, bands, breaches, view) {
  const { history, forecast } = market;
  const from = history.ts[Math.max(0, history.ts.length - SPANS[view.span])];
  const start = Date.parse(from);
  const shown = bands.filter((band) => Date.parse(band.ts) >= start);
  const fan = fanFigure(forecast, history, { isRaw: view.isRaw, nShown: SPANS[view.span] });
  const signals = breaches.filter((breach) => Date.parse(breach.opened_at) >= start);
  return {
    label: `${fan.label}. ${plainText(describe(shown, signals))}`,
    traces: [...ribbon(shown), target(forecast, market), ...fan.traces, ...outcomes(shown), ...marks(signals)],
    layout: {
      ...fan.layout, height: innerWidth < 700 ? 300 : 420, margin: { l: 46, r: 10, t: 10, b: 44 },
      xaxis: { ...fan.layout.xaxis, range: [from, forecast.ts.at(-1)], tickangle: 0, nticks: innerWidth < 700 ? 4 : 9, hoverformat: "%d %b %H:%M UTC" },
      yaxis: { ...fan.layout.yaxis, ...heights(reach(market, shown, start, view.isRaw)), nticks: 7 },
      hovermode: "x unified",
    },
  };
}

/** The interval that stood for each time, drawn behind everything. */
function ribbon(bands) {
  if (!bands.length) return [];
  const x = bands.map((band) => band.ts);
  const edge = { type: "scatter", mode: "lines", x, line: { width: 1, color: colour("info-mark"), shape: "hvh" }, opacity: 0.35, hoverinfo: "skip" };
  return [
    { ...edge, y: bands.map((band) => band.lower) },
    {
      ...edge, y: bands.map((band) => band.upper), fill: "tonexty", fillcolor: colour("fan-1"), hoverinfo: "text", name: "Band",
      text: bands.map((band) => `Band ${band.step} ahead: ${range(band.lower, band.upper)} %`), hovertemplate: "%{text}<extra></extra>",
    },
  ];
}

/** The interval at the target coverage, behind the levels that were asked for. */
function target({ ts, conformal: { lower, upper } }, { as_of_ts: now, price }) {
  return {
    type: "scatter", mode: "lines", line: { width: 0 }, fill: "toself", fillcolor: colour("fan-1"), hoverinfo: "skip",
    x: [now, ...ts, ...[...ts].reverse()], y: [price, ...upper, ...[...lower].reverse()],
  };
}

/** Outcomes: dots inside, diamonds outside; told apart by shape and colour. */
function outcomes(bands) {
  const of = (isInside, look, word) => {
    const some = bands.filter((band) => band.isInside === isInside);
    return {
      type: "scatter", mode: "markers", x: some.map((band) => band.ts), y: some.map((band) => band.outcome), marker: look, name: word,
      hovertemplate: `${word} its band<extra></extra>`,
    };
  };
  return [
    of(true, { symbol: "circle", size: 4.5, color: colour("good-mark") }, "Inside"),
    of(false, { symbol: "diamond", size: 9, color: colour("severe-mark"), line: { width: 1.2, color: colour("raised") } }, "Outside"),
  ];
}

function marks(breaches) {
  return ["up", "down"].map((direction) => {
    const some = breaches.filter((breach) => breach.direction === direction);
    return {
      type: "scatter", mode: "markers", name: "Breach", x: some.map((breach) => breach.opened_at), y: some.map((breach) => breach.opened_price),
      marker: {
        symbol: `triangle-${direction}-open`, size: 17, line: { width: 2.2 },
        color: some.map((breach) => colour(`${breach.severity}-mark`)),
      },
      text: some.map((breach) => plainText(`${breach.severity} breach ${direction}`)), hovertemplate: "%{text} opened<extra></extra>",
    };
  });
}

function reach(market, bands, start, isRaw) {
  const { history, forecast } = market;
  const prices = history.y.filter((price, place) => price !== null && Date.parse(history.ts[place]) >= start);
  const columns = [...Object.values(forecast.yhat_q), ...(isRaw ? Object.values(forecast.yhat_q_raw) : [])].flat();
  const { lower, upper } = forecast.conformal;
  const all = [...prices, ...columns, ...lower, ...upper, ...bands.flatMap((band) => [band.lower, band.upper])];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const air = Math.max(0.004, AIR * (high - low));
  return [Math.max(low - air, -BEYOND), Math.min(high + air, 1 + BEYOND)];
}

/** Marks are written as finely as they are apart, so that no two read the same. */
function heights([low, high]) {
  const digits = high - low < 0.02 ? 2 : high - low < 0.1 ? 1 : 0;
  return { range: [low, high], tickformat: `.${digits}%`, automargin: true };
}

function describe(bands, breaches) {
  const known = bands.filter((band) => band.isInside !== null);
  const nOutside = known.filter((band) => !band.isInside).length;
  const past = known.length ? `${known.length} past bands, ${nOutside} outcomes outside.` : "";
  const told = breaches.map((one) => `${one.severity} breach ${one.direction} at ${moment(one.opened_at)}, price ${points(one.opened_price)} percent`);
  return [past, ...told].join(" ");
}
