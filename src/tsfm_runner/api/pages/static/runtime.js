// The Runtime page: who answers, how fast, and what stands in the way.

import { api, byId, errorPanel, h, pageHead, replace, say, setNow, staleMark, stream, timeElement } from "./app.js";
import { ladderList, nameOf } from "./runtime/ladder.js";
import { answerList, learnedList, outcomeList, reasonBars, signalList, webhookList } from "./runtime/lists.js";
import { outlook } from "./runtime/outlook.js";
import { Samples } from "./runtime/samples.js";
import { tiles } from "./runtime/tiles.js";

const POLL_MS = 5000; // without live changes

const samples = new Samples();
const NAMES = ["outlook", "tiles", "ladder", "reasons", "answers", "outcomes", "learned", "signals", "webhooks"];
const places = Object.fromEntries(NAMES.map((name) => [name, h("div", { class: `place-${name}` })]));
let isShown = false;
let isLive = false;
let lastTitle = "";

/** Ask how the service is, and show it. */
async function refresh() {
  try {
    show(await api("/tsfm/runtime"));
  } catch (error) {
    if (isShown) showStale();
    else replace(byId("page"), errorPanel(error, () => void refresh()));
  }
}

function show(told) {
  setNow(told.now);
  samples.add(told);
  const status = { ...told, ladder: told.ladder.map((rung, place) => ({ ...rung, lately: callsLately(place) })) };
  lay();
  showOutlook(outlook(status, nameOf));
  replace(places.tiles, tiles(status, samples));
  replace(places.ladder, ladderList(status.ladder, sharesOf(status)));
  replace(places.reasons, reasonBars(status.forecasts));
  replace(places.answers, answerList(status.forecasts));
  replace(places.outcomes, outcomeList(status.requests));
  replace(places.learned, learnedList(status.calibration));
  replace(places.signals, signalList(status.signals));
  replace(places.webhooks, webhookList(status.webhooks));
  pageHead({ lead: [`Version ${status.version}, ${status.environment}, started `, timeElement(status.started_at)] });
}

/** Return how many calls a rung of the ladder took in the last minute, and how many failed. */
function callsLately(place) {
  const grown = samples.growth(({ ladder }) => {
    const { n, errors } = ladder[place].calls;
    return { n, failed: Object.values(errors).reduce((sum, times) => sum + times, 0) };
  });
  return { n: grown?.get("n") ?? 0, failed: grown?.get("failed") ?? 0 };
}

/** Return the share of each rung in the answers of the last minute, or else of all. */
function sharesOf({ ladder, forecasts }) {
  const grown = samples.growth((one) => one.forecasts.by_runtime);
  const all = grown ?? new Map(Object.entries(forecasts.by_runtime));
  const total = [...all.values()].reduce((sum, n) => sum + n, 0);
  if (!total) return null;
  return { of: new Map(ladder.map(({ rung }) => [rung, (all.get(rung) ?? 0) / total])), when: grown ? "in the last minute" : "since the start" };
}

function showOutlook({ tone, mark, title, text, todo }) {
  replace(places.outlook, h("section", { class: "outlook", dataset: { tone }, "aria-label": "How the service is" },
    h("span", { class: "outlook-mark", "aria-hidden": "true" }, mark),
    h("div", {}, h("h2", {}, title), h("p", {}, text), todo ? h("p", { class: "todo" }, h("b", {}, "What to do: "), todo) : null)));
  if (lastTitle && lastTitle !== title) say(`${title}. ${text}`);
  lastTitle = title;
}

function showStale() {
  replace(places.outlook, h("section", { class: "outlook", dataset: { tone: "bad" }, role: "alert" },
    h("span", { class: "outlook-mark", "aria-hidden": "true" }, "✕"),
    h("div", {}, h("h2", {}, "The service does not answer"), h("p", {}, staleMark("old"), " What stands below is how it was when it last answered. The page goes on trying."))));
  lastTitle = "The service does not answer";
}

/** Put the places onto the page, once. */
function lay() {
  if (isShown) return;
  isShown = true;
  replace(byId("page"), places.outlook,
    h("div", { class: "halves" },
      panel("The ladder", "A request goes down from the top; the first rung that can answer does.", places.ladder),
      h("div", { class: "column" },
        panel("Why a stand-in answered", "Forecasts since the start that the rung they were meant for did not make.", places.reasons),
        panel("Breach signals", null, places.signals),
        panel("Webhooks", null, places.webhooks))),
    h("section", { "aria-label": "Figures of the last ten minutes" }, places.tiles),
    h("div", { class: "thirds" },
      panel("Forecasts by who made them", null, places.answers),
      panel("Requests", null, places.outcomes),
      panel("Calibration", null, places.learned)));
}

const panel = (title, lead, place) => h("section", { class: "panel" }, h("h2", {}, title), lead ? h("p", { class: "muted lead" }, lead) : null, place);

void refresh();
setInterval(() => { if (!isLive && !document.hidden) void refresh(); }, POLL_MS);
stream({
  runtime: show,
  resync: () => void refresh(),
  state: (state) => {
    isLive = state === "live";
    if (state === "offline" && isShown) showStale();
  },
});
