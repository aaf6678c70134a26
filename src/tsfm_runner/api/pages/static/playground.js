// The Playground page: a series in, a band out, and the command that does the same.

import { api, ApiError, byId, commandBlock, duration, emptyState, errorPanel, h, key, marketPath, moment, pageHead, plural, range, replace, setNow, skeleton, stepSeconds, stream } from "./app.js";
import { answerView } from "./playground/answer.js";
import { curlOf } from "./playground/curl.js";
import { drawExample, EXAMPLES } from "./playground/examples.js";
import { requestForm, showErrors } from "./playground/form.js";
import { placed, requestOf, timesOf } from "./playground/request.js";
import { fromPercent, readSeries, usualStep } from "./playground/series.js";
import { startField } from "./playground/start.js";

const ROUTE = "/tsfm/forecast";
const SETTLED_MS = 250;
const UNITS = /** @type {const} */ ([[86_400, "d"], [3_600, "h"], [60, "m"]]);

/** @type {{series: any, problem: string}} */
let read = { series: null, problem: "" };
let timer = 0;
/** @type {AbortController | null} */
let asking = null;

const start = startField({ example: takeExample, market: (id) => void takeMarket(id), file: (file) => void takeFile(file) });
const form = requestForm({ start: start.element, change: changed, submit: () => void submit() });
const answer = answerView();
const command = h("section", { class: "panel" });

/** Read what was pasted, and say what was understood. */
function changed(event) {
  if (event?.target === form.text) start.choose("");
  clearTimeout(timer);
  timer = setTimeout(look, SETTLED_MS);
}

function look() {
  clearTimeout(timer);
  const before = read.series;
  try {
    read = { series: readSeries(form.text.value), problem: "" };
  } catch (error) {
    read = { series: null, problem: /** @type {Error} */ (error).message };
  }
  if (read.series && read.series.times && String(read.series.times) !== String(before?.times)) form.setFreq(freqOf(usualStep(read.series.times)));
  if (read.series && before !== null && Object.keys(read.series.fields).length && JSON.stringify(read.series.fields) !== JSON.stringify(before.fields)) form.fill(read.series.fields);
  form.asOf.disabled = Boolean(read.series?.times);
  showNote();
  showCommand();
}

function showNote() {
  const { series, problem } = read;
  if (!series) return replace(form.note, form.text.value.trim() ? h("span", { class: "field-error" }, problem) : problem);
  const known = series.y.filter((price) => price !== null);
  const [low, high] = known.reduce(([a, b], price) => [Math.min(a, price), Math.max(b, price)], [Infinity, -Infinity]);
  const holes = series.y.length - known.length;
  const between = series.isPercent ? `${low} – ${high}` : `${range(low, high)} %`;
  replace(form.note, `${plural(series.y.length, "price")}${holes ? `, ${holes} missing` : ""}, ${between}`, spanOf(series), series.wasSorted ? ". They were put in order of time" : "", ".", series.isPercent ? percentOffer() : null);
}

function spanOf({ times }) {
  if (!times) return "";
  const [first, last] = [times[0], times[times.length - 1]].map((ms) => moment(new Date(ms).toISOString()));
  return `, mostly ${duration(usualStep(times))} apart, ${first} to ${last}`;
}

/** Prices from 0 to 100 are noticed; whether they are percent, only the reader knows. */
function percentOffer() {
  const convert = () => {
    const { times } = read.series;
    const y = fromPercent(read.series.y);
    form.text.value = times ? ["ts,price", ...y.map((price, place) => `${new Date(times[place]).toISOString()},${price ?? ""}`)].join("\n") : y.map((price) => price ?? "null").join("\n");
    look();
    form.text.focus();
  };
  return h("span", { class: "offer" }, "These look like percent; the service wants prices from 0 to 1. ", h("button", { type: "button", class: "button small", onclick: convert }, "Divide by 100"));
}

function showCommand() {
  const isReady = Boolean(read.series);
  replace(command, h("h2", {}, "The same in a shell"),
    isReady ? commandBlock(curlOf(location.origin, ROUTE, requestOf(read.series, form.values()), { needsKey: Boolean(key()) }), "Command that asks the same") : h("p", { class: "muted" }, "It appears with a series."),
    isReady && key() ? h("p", { class: "muted" }, "Set TSFM_KEY to your key first.") : null);
}

/** Ask, and show the band or what was wrong. */
async function submit() {
  look();
  if (!read.series) {
    answer.clear(h("p", { class: "field-error" }, "No band: the prices cannot be read."));
    return showErrors([{ place: "series", text: read.problem }]);
  }
  showErrors([]);
  asking?.abort();
  const mine = asking = new AbortController();
  form.setBusy(true);
  answer.clear(skeleton());
  const request = requestOf(read.series, form.values());
  try {
    const told = await api(ROUTE, { method: "POST", body: request, signal: mine.signal });
    answer.show(told, { ts: timesOf(request), y: request.y });
  } catch (error) {
    if (mine.signal.aborted) return;
    if (error instanceof ApiError && error.errors.length) {
      answer.clear(h("p", { class: "field-error" }, `${error.title}: see the marked ${error.errors.length === 1 ? "field" : "fields"}.`));
      showErrors(placed(error.errors));
    } else answer.clear(errorPanel(error, () => void submit()));
  } finally {
    if (asking === mine) form.setBusy(false);
  }
}

function takeExample(name) {
  form.fill({ category: EXAMPLES[name].category, tick_size: 0.01, market_id: "playground" });
  form.text.value = drawExample(name).map((price) => price ?? "null").join(", ");
  void submit();
}

async function takeMarket(id) {
  try {
    const market = await api(marketPath("/tsfm/markets", id));
    const { ts, y } = market.history;
    form.fill({ ...market, horizon_steps: market.forecast.horizon_steps, quantiles: market.forecast.quantiles });
    form.text.value = ["ts,price", ...ts.map((at, place) => `${at},${y[place] ?? ""}`)].join("\n");
    await submit();
  } catch (error) {
    answer.clear(errorPanel(error, () => void takeMarket(id)));
  }
}

async function takeFile(file) {
  start.choose("");
  form.text.value = await file.text();
  look();
  form.text.focus();
}

function freqOf(seconds) {
  const [size, unit] = UNITS.find(([one]) => seconds >= one && seconds % one === 0) ?? [60, "m"];
  const n = Math.max(1, Math.round(seconds / size));
  return Number.isFinite(stepSeconds(`${n}${unit}`)) ? `${n}${unit}` : "5m";
}

async function offerChoices() {
  const [models, markets] = await Promise.allSettled([api("/tsfm/models"), api("/tsfm/markets")]);
  if (models.status === "fulfilled") form.model.offer(models.value.models);
  if (markets.status === "fulfilled") {
    setNow(markets.value.now);
    start.offer(markets.value.rows);
    const wanted = new URLSearchParams(location.search).get("market");
    if (wanted) {
      start.choose(`market:${wanted}`);
      void takeMarket(wanted);
    }
  }
}

pageHead({ lead: "Try a series: see its band, and how to ask for it." });
replace(byId("page"), h("div", { class: "bench" },
  form.element,
  h("div", { class: "results" },
    h("section", { class: "panel", "aria-label": "The answer" }, answer.element), command)));
answer.clear(emptyState({
  title: "No band yet", text: "Paste prices, or start from an example or a market of the board.",
  actions: h("button", { type: "button", class: "button", onclick: () => { start.choose("example:lively"); takeExample("lively"); } }, "Try an example"),
}));
look();
void offerChoices();
stream({ hello: ({ now }) => setNow(now) });
