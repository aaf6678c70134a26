// Draws figures over steps ahead: dots with whiskers, in the size of their place.

import { h, svg } from "../app.js";

const HEIGHT = 240;
const MARGIN = { top: 14, right: 12, bottom: 30, left: 44 };
const DODGE_PX = 7;
const SHAPES = {
  circle: (x, y) => svg("circle", { cx: x, cy: y, r: 4 }),
  square: (x, y) => svg("rect", { x: x - 3.5, y: y - 3.5, width: 7, height: 7 }),
  diamond: (x, y) => svg("path", { d: `M${x} ${y - 5}l5 5-5 5-5-5Z` }),
};

/**
 * @typedef {{step: number, value: number, around?: [number, number] | null, title: string}} Dot
 * @typedef {{name: string, label: string, shape: keyof typeof SHAPES, dots: Dot[], isJoined?: boolean}} Row
 */

/**
 * Return a chart that is drawn anew whenever its place changes its width.
 * @param {{rows: Row[], label: string, line?: {value: number, text: string}, write: (value: number) => string, from?: number, to?: number}} figure
 */
export function stepChart(figure) {
  const place = h("div", { class: "step-chart" });
  const watch = new ResizeObserver(() => {
    if (!place.isConnected) watch.disconnect();
    else if (place.clientWidth) place.replaceChildren(drawn(figure, place.clientWidth));
  });
  watch.observe(place);
  return h("figure", { class: "figure" }, place, legend(figure.rows));
}

function legend(rows) {
  return h("figcaption", { class: "legend" }, rows.map((row) => h("span", { class: "legend-item", dataset: { series: row.name } },
    svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, SHAPES[row.shape](6, 6)), row.label)));
}

function drawn(figure, width) {
  const scale = scales(figure, width);
  return svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": figure.label },
    axes(figure, scale, width),
    figure.line ? target(figure.line, scale, width) : null,
    figure.rows.map((row, place) => series(row, scale, (place - (figure.rows.length - 1) / 2) * scale.dodge)));
}

function scales({ rows, line, from, to }, width) {
  const dots = rows.flatMap((row) => row.dots);
  const steps = [...new Set(dots.map((dot) => dot.step))].sort((a, b) => a - b);
  const values = dots.flatMap((dot) => [dot.value, ...(dot.around ?? [])]).concat(line ? [line.value] : []);
  const low = from ?? Math.max(0, Math.floor(Math.min(...values) * 10) / 10);
  const high = to ?? Math.max(...values) * 1.08;
  const room = (width - MARGIN.left - MARGIN.right) / Math.max(1, steps.length);
  return {
    steps, low, high, room,
    dodge: Math.min(DODGE_PX, room / (rows.length + 1)),
    x: (step) => MARGIN.left + room * (steps.indexOf(step) + 0.5),
    y: (value) => MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - (value - low) / (high - low || 1)),
  };
}

function axes({ write }, { steps, low, high, room, x, y }, width) {
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (high - low));
  const every = Math.ceil(26 / room);
  return svg("g", { class: "axes" },
    ticks.map((value) => [
      svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, write(value)),
    ]),
    steps.map((step, place) => (place % every ? null
      : svg("text", { x: x(step), y: HEIGHT - MARGIN.bottom + 18, "text-anchor": "middle" }, step))));
}

function target({ value, text }, { y }, width) {
  return svg("g", { class: "promise" },
    svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
    svg("text", { x: width - MARGIN.right, y: y(value) - 5, "text-anchor": "end" }, text));
}

function series(row, { x, y }, shift) {
  const at = (dot) => x(dot.step) + shift;
  const path = row.dots.map((dot, place) => `${place ? "L" : "M"}${at(dot)} ${y(dot.value)}`).join("");
  return svg("g", { dataset: { series: row.name } },
    row.isJoined ? svg("path", { class: "joined", d: path }) : null,
    row.dots.map((dot) => svg("g", {},
      svg("title", {}, dot.title),
      dot.around ? svg("line", { class: "whisker", x1: at(dot), x2: at(dot), y1: y(dot.around[0]), y2: y(dot.around[1]) }) : null,
      SHAPES[row.shape](at(dot), y(dot.value)))));
}
