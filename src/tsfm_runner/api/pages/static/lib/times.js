// Times relative to the clock of the service, which may run faster than the reader's.

import { h, setText } from "./dom.js";
import { moment, NONE, shortly } from "./format.js";

let offsetMs = 0;

/** Tell what the clock of the service shows (RFC 3339). */
export function setNow(text) {
  offsetMs = Date.parse(text) - Date.now();
}

/** Return the time of the service in milliseconds. */
export const nowMs = () => Date.now() + offsetMs;

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
