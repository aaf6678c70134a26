// The form: a series, and what is asked about it.

import { h, nowMs, replace } from "../app.js";
import { levelField } from "./levels.js";
import { modelField } from "./models.js";
import { momentText } from "./request.js";

const FREQS = ["1m", "5m", "15m", "30m", "1h", "4h", "1d"];
const LEVELS = [0.1, 0.25, 0.5, 0.75, 0.9];
const MINUTE_MS = 60_000;

/**
 * Return the form; `change` is called whenever something in it does.
 * @param {{start: HTMLElement, change: () => void, submit: () => void}} options
 */
export function requestForm({ start, change, submit }) {
  const text = /** @type {HTMLTextAreaElement} */ (h("textarea", { id: "series", rows: "8", spellcheck: "false", autocomplete: "off", placeholder: "0.41, 0.42, 0.42, 0.40, …\nor CSV with ts,price\nor JSON", "aria-describedby": "series-note series-error", oninput: change }));
  const note = h("p", { class: "note", id: "series-note", "aria-live": "polite" });
  const freq = /** @type {HTMLSelectElement} */ (h("select", { id: "freq", "aria-describedby": "freq-error", onchange: change }, FREQS.map((value) => h("option", { value, selected: value === "5m" }, value))));
  const horizon = input("horizon", { value: "12", inputmode: "numeric" }, change);
  const asOf = input("as-of", { value: momentText(Math.floor(nowMs() / MINUTE_MS) * MINUTE_MS), spellcheck: "false" }, change);
  const market = input("market", { value: "playground", spellcheck: "false" }, change);
  const category = input("category", { placeholder: "none", spellcheck: "false" }, change);
  const tick = input("tick", { placeholder: "found by itself", inputmode: "decimal" }, change);
  const levels = levelField(LEVELS, change);
  const model = modelField(change);
  const button = /** @type {HTMLButtonElement} */ (h("button", { type: "submit", class: "button primary" }, "Forecast"));
  const element = /** @type {HTMLFormElement} */ (h("form", { class: "panel request", novalidate: true, onsubmit: (event) => { event.preventDefault(); submit(); } },
    start,
    field("series", "Prices, oldest first", text, note),
    h("div", { class: "row" }, field("freq", "Step between prices", freq), field("horizon", "Steps ahead", horizon)),
    field("as-of", "Time of the last price", asOf),
    h("div", { class: "field" }, h("span", { class: "label", id: "levels-label" }, "Levels"), levels.element, errorOf("levels")),
    field("model", "Model", model.element, model.note),
    h("div", { class: "row" }, field("category", "Category", category), field("tick", "Tick size", tick)),
    field("market", "Name of the market", market),
    errorOf("form"),
    h("div", { class: "submit" }, button, h("span", { class: "muted" }, "or Ctrl + Enter"))));
  element.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit(); });
  const values = () => ({ marketId: market.value, asOf: asOf.value.trim(), freq: freq.value, horizon: horizon.value, levels: levels.value(), model: model.value(), category: category.value.trim(), tick: tick.value });
  const setFreq = (value) => {
    if (![...freq.options].some((one) => one.value === value)) freq.append(h("option", { value }, value));
    freq.value = value;
  };
  return { element, text, note, asOf, model, values, setFreq, fill: fill({ horizon, asOf, market, category, tick, levels, model, setFreq }), setBusy: busy(button) };
}

function field(id, label, control, note) {
  return h("div", { class: "field" }, h("label", { for: id }, label), control, note, errorOf(id));
}

const errorOf = (place) => h("p", { class: "field-error", id: `${place}-error`, hidden: true });

function input(id, props, change) {
  return /** @type {HTMLInputElement} */ (h("input", { id, type: "text", autocomplete: "off", "aria-describedby": `${id}-error`, ...props, oninput: change }));
}

function busy(button) {
  return (isBusy) => {
    button.disabled = isBusy;
    replace(button, isBusy ? "Asking…" : "Forecast");
  };
}

/** Return a function that puts the fields of a request into the form. */
function fill({ horizon, asOf, market, category, tick, levels, model, setFreq }) {
  return (fields) => {
    if (fields.freq) setFreq(String(fields.freq));
    if (fields.horizon_steps !== undefined) horizon.value = String(fields.horizon_steps);
    if (fields.as_of_ts) asOf.value = String(fields.as_of_ts);
    if (fields.market_id) market.value = String(fields.market_id);
    category.value = fields.category ?? "";
    tick.value = fields.tick_size === undefined || fields.tick_size === null ? "" : String(fields.tick_size);
    if (Array.isArray(fields.quantiles)) levels.set(fields.quantiles.map(Number));
    if (fields.model?.model_name) model.set(fields.model.model_name);
  };
}

/**
 * Show errors at their fields and go to the first; without errors, take all away.
 * @param {{place: string, text: string}[]} errors
 */
export function showErrors(errors) {
  const byPlace = Map.groupBy(errors, ({ place }) => place);
  let first = null;
  for (const element of document.querySelectorAll(".request .field-error")) {
    const place = element.id.replace(/-error$/, "");
    const texts = (byPlace.get(place) ?? []).map(({ text }) => text);
    /** @type {HTMLElement} */ (element).hidden = texts.length === 0;
    replace(element, texts.map((text) => h("span", {}, text)));
    const control = document.getElementById(place);
    if (texts.length) control?.setAttribute("aria-invalid", "true");
    else control?.removeAttribute("aria-invalid");
    if (texts.length) first ??= control ?? element;
  }
  first?.focus();
}
