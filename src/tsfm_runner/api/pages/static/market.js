// The page of one market.

import {
  ApiError, api, bandBar, byId, codeWords, commandBlock, drawPlot, emptyState, errorPanel, h, key, marketPath, nowMs, outageBanner, pageHead, provenance, raiseNow,
  replace, say, setNow, setText, showBanner, skeleton, stepSeconds, stream, timeElement,
} from "./app.js";
import { marketFigure } from "./market/chart.js";
import { Past, tally } from "./market/past.js";
import { requestOf } from "./market/request.js";
import { facts, story } from "./market/story.js";
import { breachTable, dataSection, forecastColumns, forecastRows, PAST_COLUMNS, PRICE_COLUMNS, tallyWords } from "./market/tables.js";
import { curlOf } from "./playground/curl.js";

const REFRESH_MS = 2000;
const FIRST_PAST = 300;
const LATER_PAST = 30;
const marketId = new URLSearchParams(location.search).get("id") ?? "";
const page = byId("page");
const past = new Past();
/** @type {any} */
let market = null;
/** @type {any[]} */
let breaches = [];
/** @type {(ReturnType<typeof content> & {levels: string}) | null} */
let shown = null;
/** @type {import("./market/chart.js").View} */
const view = { isRaw: false, step: 1, span: "near" };

function content() {
  const plot = h("div", { class: "plot" });
  const facts = h("dl", { class: "facts" });
  const words = h("div", {});
  const origin = h("div", {});
  const told = h("p", { class: "muted chart-note" });
  const steps = /** @type {HTMLSelectElement} */ (h("select", { id: "step", onchange: () => { view.step = Number(steps.value); show(); } }));
  const span = /** @type {HTMLSelectElement} */ (h("select", { id: "span", onchange: () => { view.span = /** @type {any} */ (span.value); show(); } },
    h("option", { value: "near" }, "Last 72 steps"), h("option", { value: "day" }, "Last 288 steps"), h("option", { value: "all" }, "All prices")));
  const raw = h("button", {
    type: "button", class: "button small", "aria-pressed": "false",
    onclick: () => { view.isRaw = !view.isRaw; raw.setAttribute("aria-pressed", String(view.isRaw)); show(); },
  }, "Before calibration");
  const table = breachTable();
  const keys = Object.keys(market.forecast.yhat_q);
  const data = [
    dataSection("Prices", PRICE_COLUMNS, () => market.history.ts.map((ts, place) => ({ ts, price: market.history.y[place] }))),
    dataSection("The band ahead", forecastColumns(keys), () => forecastRows(market.forecast)),
    dataSection("Past bands and outcomes", PAST_COLUMNS, () => past.at(view.step || 1)),
  ];
  const curl = h("div", {});
  replace(page, facts,
    h("section", { class: "panel chart", "aria-labelledby": "chart" },
      h("div", { class: "panel-head" }, h("h2", { id: "chart" }, "Price, past bands, and the band ahead"),
        h("div", { class: "chart-tools" }, raw, h("label", { class: "unseen", for: "step" }, "Past bands"), steps, h("label", { class: "unseen", for: "span" }, "Time shown"), span)),
      plot, legend(), told),
    h("div", { class: "market-layout" },
      h("section", { class: "panel", "aria-labelledby": "words" }, h("h2", { id: "words" }, "What this band says"), words,
        h("details", { class: "data" }, h("summary", {}, "All about its origin"), origin)),
      h("section", { class: "panel", "aria-labelledby": "breaches" }, h("h2", { id: "breaches" }, "Breaches"), table.element)),
    h("section", { class: "panel", "aria-labelledby": "data" }, h("h2", { id: "data" }, "The same in numbers"), data.map((one) => one.element)),
    h("section", { class: "panel", "aria-labelledby": "ask" }, h("h2", { id: "ask" }, "Ask for the same"), curl));
  return { facts, words, origin, told, steps, table, data, curl, drawing: drawPlot(plot, figure) };
}

const LEGEND = [["line", "price"], ["mid", "median ahead"], ["fan", "band ahead"], ["ribbon", "band that was issued"], ["inside", "inside", "●"], ["outside", "outside", "◆"], ["breach", "breach opened", "△"]];
const legend = () => h("ul", { class: "legend", "aria-hidden": "true" }, LEGEND.map(([name, word, glyph]) => h("li", {}, h("i", { class: name }, glyph ?? ""), word)));

const figure = () => marketFigure(market, view.step ? past.at(view.step) : [], breaches, view);

function show() {
  if (!market) return;
  const levels = String(Object.keys(market.forecast.yhat_q));
  if (shown?.levels !== levels) shown = { levels, ...content() };
  const bands = past.at(view.step || 1);
  replace(shown.facts, facts(market, market.current ? bandBar(market.current, { tone: market.breach?.state === "open" ? market.breach.severity : "" }) : null));
  replace(shown.words, story(market));
  replace(shown.origin, provenance(market.forecast));
  showSteps(shown.steps);
  setText(shown.told, past.size ? tallyWords(view.step || 1, tally(bands)) : "The ledger holds no past band of this market.");
  shown.table.update(breaches);
  shown.data.forEach((one) => one.update());
  replaceIfOther(shown.curl, curlOf(location.origin, "/tsfm/forecast", requestOf(market, stepSeconds(market.forecast.freq)), { needsKey: Boolean(key()) }));
  void shown.drawing.redraw(figure);
  head();
}

function showSteps(select) {
  const wanted = [...past.steps.map((step) => [String(step), `Bands ${step} ${step === 1 ? "step" : "steps"} before`]), ["0", "No past bands"]];
  if (select.options.length !== wanted.length) replace(select, wanted.map(([value, text]) => h("option", { value }, text)));
  select.value = String(view.step);
}

function replaceIfOther(element, command) {
  if (element.dataset.command === command) return;
  element.dataset.command = command;
  replace(element, commandBlock(command, "Command that asks for the same band"));
}

function head() {
  pageHead({
    title: marketId,
    lead: [[market.category, market.event_id, `every ${market.freq}`, market.liquidity_bucket && `${market.liquidity_bucket} liquidity`].filter(Boolean).join(" · "), " · updated ", timeElement(market.updated_at)],
  });
  document.body.dataset.state = market.is_closed ? "closed" : market.is_stale ? "stale" : "fresh";
}

async function load(limit) {
  const [now, older, told] = await Promise.all([
    api(marketPath("/tsfm/markets", marketId)),
    api(marketPath("/tsfm/forecasts", marketId), { query: { limit } }).catch(orNothing({ forecasts: [] })),
    api("/tsfm/breaches", { query: { market_id: marketId, limit: 50 } }).catch(orNothing({ breaches: [] })),
  ]);
  market = now;
  raiseNow(now.updated_at);
  past.merge(older.forecasts);
  breaches = told.breaches;
  show();
}

/** The ledger may be away; what stands without it is still shown. */
const orNothing = (nothing) => (error) => {
  if (error instanceof ApiError && (error.status === 404 || error.status === 503)) return nothing;
  throw error;
};

async function start() {
  if (!marketId) {
    replace(page, emptyState({ title: "Which market?", text: "The address of this page names none.", actions: h("a", { class: "button primary", href: "/ui/markets" }, "To all markets") }));
    return;
  }
  pageHead({ title: marketId });
  try {
    await load(FIRST_PAST);
  } catch (error) {
    if (isUnknown(error)) showUnknown();
    else replace(page, errorPanel(error, () => { replace(page, skeleton(8)); void start(); }));
  }
}

const isUnknown = (error) => error instanceof ApiError && error.status === 404;

/** What was shown is of a market, or of a service, that is no more. */
function showUnknown() {
  market = shown = null;
  replace(page, unknown());
}

function unknown() {
  return emptyState({
    title: "Nothing is known of this market",
    text: "Nobody has asked about it lately: it may have closed, or the service was started anew.",
    actions: [h("a", { class: "button primary", href: "/ui/markets" }, "To all markets"), " ", h("a", { class: "button", href: "/ui/playground" }, "Ask about one")],
  });
}

let isDue = false;
/** Ask anew a moment after news, however often news come. */
function refreshSoon() {
  if (isDue) return;
  isDue = true;
  setTimeout(async () => {
    // The connection mark says what else is wrong.
    await load(market ? LATER_PAST : FIRST_PAST).catch((error) => { if (isUnknown(error)) showUnknown(); });
    isDue = false;
  }, REFRESH_MS);
}

function listen() {
  stream({
    hello: ({ now }) => setNow(now),
    markets: ({ rows }) => { if (rows.some((row) => row.market_id === marketId)) refreshSoon(); },
    signal: (breach) => {
      if (breach.market_id !== marketId) return;
      say(`Breach ${codeWords(breach.phase)}: ${breach.severity} ${breach.direction}`);
      refreshSoon();
    },
    runtime: (status) => { setNow(status.now); showBanner(outageBanner(status)); },
    resync: refreshSoon,
  });
}

/** Time alone changes how a market stands; nobody tells of it. */
function hasAged({ is_stale: isStale, is_closed: isClosed, stale_after: staleAfter, closes_at: closesAt }) {
  return (!isStale && Date.parse(staleAfter) <= nowMs()) || (!isClosed && closesAt !== null && Date.parse(closesAt) <= nowMs());
}
setInterval(() => { if (market && !document.hidden && hasAged(market)) refreshSoon(); }, REFRESH_MS);

if (marketId) listen(); // first, so that nothing falls in between
await start();
