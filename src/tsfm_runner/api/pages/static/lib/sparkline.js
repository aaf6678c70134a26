// A series in the size of a word, with the band ahead as a wedge behind its end.

import { svg } from "./dom.js";

const HEIGHT = 28;
const WEDGE = 0.2; // of the width
const PAD = 3;
const LEAST_RANGE = 0.03; // smaller moves than this should not look like large ones

/**
 * @param {(number | null)[]} values oldest first
 * @param {{ahead?: {lower: number, upper: number, median: number | null} | null, width?: number, label?: string, tone?: string}} [options]
 */
export function sparkline(values, { ahead = null, width = 132, label, tone = "" } = {}) {
  const props = {
    class: "sparkline", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, "data-tone": tone || null,
    ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }),
  };
  const known = values.filter((value) => value !== null);
  if (!known.length) return svg("svg", props);
  const y = scale([...known, ...(ahead ? [ahead.lower, ahead.upper] : [])]);
  const end = width * (ahead ? 1 - WEDGE : 1) - PAD;
  const x = (place) => PAD + (values.length > 1 ? (place / (values.length - 1)) * (end - PAD) : end - PAD);
  const last = values.findLastIndex((value) => value !== null);
  return svg("svg", props,
    ahead ? wedge([x(last), y(values[last])], width - 1, ahead, y) : null,
    svg("path", { class: "line", d: path(values, x, y) }),
    svg("circle", { class: "now", cx: round(x(last)), cy: round(y(values[last])), r: 2.2 }));
}

function wedge([x, y], end, { lower, upper, median }, scaled) {
  const [top, low, mid] = [upper, lower, median ?? (lower + upper) / 2].map((value) => round(scaled(value)));
  return [
    svg("path", { class: "fan", d: `M${round(x)} ${round(y)}L${end} ${top}V${low}Z` }),
    svg("path", { class: "mid", d: `M${round(x)} ${round(y)}L${end} ${mid}` }),
  ];
}

/** Return the line; it breaks where values are missing. */
function path(values, x, y) {
  let isDown = false;
  return values.map((value, place) => {
    if (value === null) {
      isDown = false;
      return "";
    }
    const to = `${isDown ? "L" : "M"}${round(x(place))} ${round(y(value))}`;
    isDown = true;
    return to;
  }).join("");
}

function scale(values) {
  const low = Math.min(...values), high = Math.max(...values);
  const air = Math.max(0, (LEAST_RANGE - (high - low)) / 2);
  const [bottom, top] = [low - air, high + air];
  return (value) => PAD + (1 - (value - bottom) / (top - bottom)) * (HEIGHT - 2 * PAD);
}

const round = (value) => Math.round(value * 10) / 10;
