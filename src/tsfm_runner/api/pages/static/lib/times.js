// Times relative to the clock of the service, which may run faster than the reader's.

import { h, setText } from "./dom.js";
import { moment, NONE, shortly } from "./format.js";

const LEAST_BETWEEN_MS = 1000;
const JITTER = 0.1;
let known = { hereMs: Date.now(), thereMs: Date.now() };
let rate = 1;
let isTold = false;

/** Tell what the clock of the service shows (RFC 3339); how fast it runs is learned. */
export function setNow(text) {
  const now = { hereMs: Date.now(), thereMs: Date.parse(text) };
  const passedMs = now.hereMs - known.hereMs;
  if (isTold && passedMs >= LEAST_BETWEEN_MS) {
    const seen = (now.thereMs - known.thereMs) / passedMs;
    rate = Math.abs(seen - 1) < JITTER ? 1 : Math.max(0, seen);
  }
  if (!isTold || passedMs >= LEAST_BETWEEN_MS) known = now;
  isTold = true;
}

/** Tell a time that has come at the service: its clock shows at least this. */
export function raiseNow(text) {
  const thereMs = Date.parse(text);
  if (thereMs > nowMs()) known = { hereMs: Date.now(), thereMs };
}

/** Return the time of the service in milliseconds. */
export const nowMs = () => known.thereMs + rate * (Date.now() - known.hereMs);

/** RFC 3339 -> "5 min ago", "in 2 h", "just now". */
export function relative(text) {
  if (!text) return NONE;
  const seconds = (nowMs() - Date.parse(text)) / 1000;
  if (Math.abs(seconds) < 2) return "just now";
  return seconds > 0 ? `${shortly(seconds)} ago` : `in ${shortly(-seconds)}`;
}

/**
 * Return a `<time>` that stays right by itself and shows the absolute time on hover.
 * @param {string | null} text RFC 3339
 * @param {(text: string) => string} [write]
 */
export function timeElement(text, write = relative) {
  if (!text) return h("span", {}, NONE);
  const element = h("time", { datetime: text, title: moment(text) }, write(text));
  writers.set(element, write);
  return element;
}

/** @type {WeakMap<Element, (text: string) => string>} */
const writers = new WeakMap();

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("time[datetime]")) {
    const write = writers.get(element);
    if (write) setText(element, write(/** @type {HTMLTimeElement} */ (element).dateTime));
  }
}, 1000);
