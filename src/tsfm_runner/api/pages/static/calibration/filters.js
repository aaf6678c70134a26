// What the page is asked to show: kept in its address, so that it can be sent to others.

import { h } from "../app.js";
import { SPLITS } from "./segments.js";

const KEYS = /** @type {const} */ (["model", "version", "freq", "kind", "segment", "interval", "split"]);
const KINDS = { served: "Served", shadow: "Beside a model, not served" };

/** @typedef {{model: string, version: string, freq: string, kind: string, segment: string, interval: string, split: string}} Choice */

/** Return what the address asks for; what it leaves out is empty. */
export function choiceInAddress() {
  const query = new URLSearchParams(location.search);
  return /** @type {Choice} */ (Object.fromEntries(KEYS.map((key) => [key, query.get(key) ?? ""])));
}

/** Keep the choice in the address, without a step in the history. */
export function keepInAddress(choice) {
  const query = new URLSearchParams(KEYS.filter((key) => choice[key]).map((key) => [key, choice[key]]));
  history.replaceState(null, "", `${location.pathname}?${query}`);
}

/**
 * Complete a choice by what was scored: the model that was served most, if none is named.
 * @param {Choice} choice
 * @param {any[]} rows by model, frequency and kind
 */
export function completed(choice, rows) {
  const fits = (row) => (!choice.model || row.model_name === choice.model) && (!choice.version || row.model_version === choice.version)
    && (!choice.freq || row.freq === choice.freq) && (!choice.kind || row.kind === choice.kind);
  const order = [...rows].sort((a, b) => Number(b.kind === "served") - Number(a.kind === "served") || b.n - a.n);
  const row = order.find(fits) ?? order.find((one) => one.model_name === choice.model) ?? order[0];
  return {
    ...choice, model: row.model_name, version: row.model_version, freq: row.freq, kind: row.kind,
    interval: choice.interval === "target" ? "target" : "served", split: choice.split in SPLITS ? choice.split : "category",
  };
}

/**
 * Return the bar of choices. `change` is called with what differs.
 * @param {Choice} choice
 * @param {any[]} rows
 * @param {string[]} parts of segments, to choose from
 * @param {(changes: Partial<Choice>) => void} change
 */
export function filterBar(choice, rows, parts, change) {
  const models = unique(rows.map((row) => `${row.model_name} ${row.model_version}`));
  const own = rows.filter((row) => row.model_name === choice.model && row.model_version === choice.version);
  return h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
    select("Model", models, `${choice.model} ${choice.version}`, (value) => {
      const at = value.lastIndexOf(" ");
      change({ model: value.slice(0, at), version: value.slice(at + 1), freq: "", kind: "" });
    }),
    select("Step between prices", unique(own.map((row) => row.freq)), choice.freq, (freq) => change({ freq, kind: "" })),
    select("Band", unique(own.filter((row) => row.freq === choice.freq).map((row) => row.kind)), choice.kind, (kind) => change({ kind }), KINDS),
    segmentField(choice.segment, parts, change));
}

const unique = (values) => [...new Set(values)].sort();

function select(label, values, chosen, change, words = {}) {
  return h("label", { class: "field" }, h("span", {}, label),
    h("select", { onchange: (event) => change(event.target.value) },
      values.map((value) => h("option", { value, selected: value === chosen }, words[value] ?? value))));
}

function segmentField(segment, parts, change) {
  return h("label", { class: "field wide" }, h("span", {}, "Only segments with"),
    h("input", {
      type: "search", value: segment, list: "segment-parts", placeholder: "category=weather,age=<36", spellcheck: "false", autocomplete: "off",
      onchange: (event) => change({ segment: event.target.value.replace(/\s+/g, "") }),
    }),
    h("datalist", { id: "segment-parts" }, parts.map((value) => h("option", { value }))));
}

/**
 * Return a row of buttons of which one is pressed.
 * @param {string} label
 * @param {Record<string, string>} values
 * @param {string} chosen
 * @param {(value: string) => void} change
 */
export function choiceButtons(label, values, chosen, change) {
  return h("div", { class: "segmented", role: "group", "aria-label": label },
    Object.entries(values).map(([value, text]) => h("button", {
      type: "button", "aria-pressed": String(value === chosen), onclick: () => change(value),
    }, text)));
}
