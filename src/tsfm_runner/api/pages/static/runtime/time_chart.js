// A figure of the last ten minutes as a small line.

import { h, svg } from "../app.js";

const SPAN_MS = 600_000;
const WIDTH = 240;
const HEIGHT = 44;
const PAD = 2;

/**
 * Return a tile: a name, the value now, and how it was.
 * @param {{name: string, value: string, note?: string, points: [number, number | null][], tone?: string, most?: number, limit?: number}} figure
 */
export function chartTile({ name, value, note = "", points, tone = "", most = 0, limit }) {
  return h("li", { class: "tile", dataset: tone ? { tone } : {} },
    h("span", { class: "tile-name" }, name),
    h("span", { class: "tile-value" }, value),
    h("span", { class: "tile-note" }, note),
    line(points, Math.max(most, limit ?? 0), limit));
}

function line(points, most, limit) {
  const known = points.filter(([, value]) => value !== null);
  const top = Math.max(most, ...known.map(([, value]) => /** @type {number} */ (value)), 1e-9);
  const end = points.length ? points[points.length - 1][0] : 0;
  const x = (atMs) => round(WIDTH - PAD - ((end - atMs) / SPAN_MS) * (WIDTH - 2 * PAD));
  const y = (value) => round(HEIGHT - PAD - (value / top) * (HEIGHT - 2 * PAD));
  return svg("svg", { class: "time-line", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("line", { class: "ground", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }),
    limit === undefined ? null : svg("line", { class: "limit", x1: 0, x2: WIDTH, y1: y(limit), y2: y(limit) }),
    known.length > 1 ? svg("path", { d: path(points, x, y) }) : null);
}

function path(points, x, y) {
  let isDown = false;
  return points.map(([atMs, value]) => {
    if (value === null) {
      isDown = false;
      return "";
    }
    const to = `${isDown ? "L" : "M"}${x(atMs)} ${y(value)}`;
    isDown = true;
    return to;
  }).join("");
}

const round = (value) => Math.round(value * 10) / 10;
