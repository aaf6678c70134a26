// Drifts: where bands stopped to hold what they promise, and what was done.

import { badge, h, percent, segmentWords, timeElement } from "../app.js";

const SHOWN = 20;
const PROMISED_MISSES = 0.2; // of the band from 0.1 to 0.9, which is watched

/**
 * Return the newest drifts as a list, or why there are none.
 * @param {any[]} drifts newest first
 */
export function driftList(drifts) {
  if (!drifts.length) {
    return h("p", { class: "muted" }, "None since the service started. A drift is told here within seconds: it means that prices moved in a new way, and that bands stand on recent outcomes only from then on.");
  }
  const older = drifts.length - SHOWN;
  return [
    h("ol", { class: "drifts" }, drifts.slice(0, SHOWN).map(item)),
    older > 0 ? h("p", { class: "muted" }, `${older} older ones are in the log, as “drift”.`) : null,
  ];
}

function item({ at, model_name: model, freq, segment, step, miss_rate: misses, inside_rate: inside }) {
  const isNarrow = misses - PROMISED_MISSES >= inside - (1 - PROMISED_MISSES);
  return h("li", {},
    badge(isNarrow ? "became too narrow" : "became too wide", { tone: isNarrow ? "severe" : "info", icon: isNarrow ? "▼" : "▲" }),
    h("span", { class: "drift-words" }, `${model}, ${freq}, step ${step}: `, segmentWords(segment)),
    h("span", { class: "muted" }, `missed ${percent(misses)}, inside ${percent(inside)} · `, timeElement(at)));
}
