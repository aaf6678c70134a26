// Small words with a colour; never the colour alone.

import { h } from "./dom.js";

/** @typedef {"good" | "info" | "warn" | "moderate" | "severe" | "extreme" | "bad" | "stale" | "plain"} Tone */

const STATUSES = {
  calibrated: ["calibrated", "good", "The band holds what it promises, by what was seen."],
  warming_up: ["warming up", "info", "Too few outcomes were seen to promise anything yet."],
  drifting: ["drifting", "warn", "The market has changed; the band is wider than it was."],
  uncalibrated: ["uncalibrated", "plain", "Nothing was seen of such markets: the band is the model's own."],
  disabled: ["not calibrated", "plain", "Calibration is switched off."],
};
const ARROWS = { up: "▲", down: "▼" };

/**
 * @param {import("./dom.js").Child} text
 * @param {{tone?: Tone, title?: string, icon?: string}} [options]
 */
export function badge(text, { tone = "plain", title, icon } = {}) {
  return h("span", { class: "badge", dataset: { tone }, title },
    icon ? h("span", { "aria-hidden": "true", class: "badge-icon" }, icon) : null, text);
}

/** Return the badge of a calibration status. */
export function statusBadge(status) {
  const [text, tone, title] = STATUSES[status] ?? [status, "plain", ""];
  return badge(text, { tone: /** @type {Tone} */ (tone), title });
}

/**
 * Return the badge of a breach: direction by arrow and word, severity by word.
 * @param {{severity: string, direction: string}} breach
 */
export function severityBadge({ severity, direction }) {
  return h("span", { class: "badge", dataset: { tone: severity } },
    h("span", { "aria-hidden": "true", class: "badge-icon" }, ARROWS[direction] ?? ""),
    severity, h("span", { class: "unseen" }, ` ${direction}`));
}
