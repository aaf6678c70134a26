// Where a price stands in its band, as a small bar: the band is the middle half.

import { svg } from "./dom.js";

const WIDTH = 120;
const HEIGHT = 20;
const LEFT = WIDTH / 4;
const RIGHT = WIDTH - LEFT;
const MARGIN = 5;
const NARROW = 0.0005; // a band that is one price: nothing to stand in

/**
 * @typedef {object} Stand
 * @property {number} lower
 * @property {number | null} median
 * @property {number} upper
 * @property {number} position 0 on the lower edge, 1 on the upper one
 * @property {boolean} is_outside
 */

/**
 * Return the bar. It is hidden from screen readers unless it gets a label: beside it
 * the same stands in numbers.
 * @param {Stand | null} stand
 * @param {{tone?: string, label?: string}} [options]
 */
export function bandBar(stand, { tone = "", label } = {}) {
  const props = {
    class: "band-bar", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "data-tone": tone || null,
    ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }),
  };
  const middle = HEIGHT / 2;
  const rail = svg("line", { class: "rail", x1: 0, x2: WIDTH, y1: middle, y2: middle });
  if (!stand) return svg("svg", props, rail);
  const width = stand.upper - stand.lower;
  const median = width > NARROW && stand.median !== null ? across((stand.median - stand.lower) / width) : WIDTH / 2;
  const price = width > NARROW || stand.is_outside ? across(stand.position) : WIDTH / 2;
  return svg("svg", props, rail,
    svg("rect", { class: "band", x: LEFT, y: 4, width: RIGHT - LEFT, height: HEIGHT - 8, rx: 2 }),
    svg("line", { class: "median", x1: median, x2: median, y1: 4, y2: HEIGHT - 4 }),
    mark(price, middle, stand.is_outside));
}

/** A price inside is a dot; one outside a diamond; one beyond the bar an arrowhead. */
function mark(x, y, isOutside) {
  if (!isOutside) return svg("circle", { class: "price", cx: x, cy: y, r: 4 });
  const at = Math.min(WIDTH - MARGIN, Math.max(MARGIN, x));
  const shape = at === x ? "0,-5.5 5.5,0 0,5.5 -5.5,0" : x > at ? "-4,-5.5 4.5,0 -4,5.5" : "4,-5.5 -4.5,0 4,5.5";
  return svg("polygon", { class: "price outside", points: shape, transform: `translate(${at} ${y})` });
}

const across = (position) => LEFT + position * (RIGHT - LEFT);
