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
  return h("figure", { class: "figure" }, place, legend(figure));
}

function legend({ rows, line }) {
  const promise = line ? h("span", { class: "legend-item" }, svg("svg", { viewBox: "0 0 20 12", "aria-hidden": "true", class: "promise" }, svg("line", { x1: 0, x2: 20, y1: 6, y2: 6 })), line.text) : null;
  return h("figcaption", { class: "legend" }, promise, rows.map((row) => h("span", { class: "legend-item", dataset: { series: row.name } },
    svg("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, SHAPES[row.shape](6, 6)), row.label)));
}

/** Round numbers from a value to another, few enough to be read. */
export function ticks(low, high) {
  const step = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2].find((size) => (high - low) / size <= 6) ?? 0.5;
  const from = Math.floor(low / step + 1e-9);
  const to = Math.ceil(high / step - 1e-9);
  return Array.from({ length: to - from + 1 }, (_, place) => (from + place) * step);
}

function drawn(figure, width) {
  const scale = scales(figure, width);
  return svg("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img", "aria-label": figure.label },
    axes(figure, scale, width),
    figure.line ? target(figure.line, scale, width) : null,
    figure.rows.map((row, place) => series(row, scale, (place - (figure.rows.length - 1) / 2) * scale.dodge)));
}

function scales({ rows, line, from, to = Infinity }, width) {
  const dots = rows.flatMap((row) => row.dots);
  const steps = [...new Set(dots.map((dot) => dot.step))].sort((a, b) => a - b);
  // Whiskers of what is drawn for comparison may leave the picture; its dots may not.
  const values = [...dots.map((dot) => dot.value), ...rows[0].dots.flatMap((dot) => dot.around ?? []), ...(line ? [line.value] : [])];
  const marks = ticks(from ?? Math.min(...values), Math.min(to, Math.max(...values)));
  const [low, high] = [marks[0], marks.at(-1)];
  const room = (width - MARGIN.left - MARGIN.right) / Math.max(1, steps.length);
  return {
    steps, marks, room,
    dodge: Math.min(DODGE_PX, room / (rows.length + 1)),
    x: (step) => MARGIN.left + room * (steps.indexOf(step) + 0.5),
    y: (value) => MARGIN.top + (HEIGHT - MARGIN.top - MARGIN.bottom) * (1 - (Math.min(high, Math.max(low, value)) - low) / (high - low || 1)),
  };
}

function axes({ write }, { steps, marks, room, x, y }, width) {
  const every = Math.ceil(26 / room);
  return svg("g", { class: "axes" },
    marks.map((value) => [
      svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg("text", { x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, write(value)),
    ]),
    steps.map((step, place) => (place % every ? null
      : svg("text", { x: x(step), y: HEIGHT - MARGIN.bottom + 18, "text-anchor": "middle" }, step))));
}

function target({ value }, { y }, width) {
  return svg("g", { class: "promise" }, svg("line", { x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }));
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
