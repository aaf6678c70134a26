// The Calibration page: do bands hold what they promise, where, and since when.

import { api, byId, count, emptyState, errorPanel, h, pageHead, replace, segmentWords, setNow, staleMark, stream, toast } from "./app.js";
import { INTERVALS } from "./calibration/coverage.js";
import { driftList } from "./calibration/drifts.js";
import { stepFigures } from "./calibration/figures.js";
import { choiceButtons, choiceInAddress, completed, filterBar, keepInAddress } from "./calibration/filters.js";
import { grid, gridLegend } from "./calibration/grid.js";
import { headline } from "./calibration/headline.js";
import { modelTable } from "./calibration/models.js";
import { partsOf, SPLITS } from "./calibration/segments.js";
import { byModel, bySplit, byStep } from "./calibration/source.js";

const LEAST_PAUSE_MS = 10_000;
const MAX_DRIFTS = 200;

const places = Object.fromEntries(["stale", "filters", "headline", "grid", "steps", "models", "drifts"].map((name) => [name, h("div", { class: `place-${name}` })]));
const models = modelTable();

let choice = choiceInAddress();
let drifts = [];
let nOutcomes = null;
let waiting = 0;
let isShown = false;
let isAsking = false;
let askedAt = 0;
let timer = 0;

/** Ask for everything, and show it; what is shown stays until its successor is here. */
async function refresh() {
  if (isAsking) return;
  isAsking = true;
  try {
    const [pooled, told] = await Promise.all([byModel(choice.segment), api("/tsfm/drifts")]);
    drifts = told.drifts;
    if (!pooled.rows.length) await showNone();
    else await showAll(pooled);
    replace(places.stale);
  } catch (error) {
    if (isShown) replace(places.stale, staleMark("These figures are old: the last try to get new ones failed."));
    else replace(byId("page"), errorPanel(error, () => void refresh()));
  } finally {
    isAsking = false;
    askedAt = performance.now();
  }
}

async function showAll({ rows, target }) {
  choice = completed(choice, rows);
  const [steps, groups] = await Promise.all([byStep(choice), bySplit(choice, choice.kind === "shadow")]);
  const interval = /** @type {"served" | "target"} */ (choice.interval);
  const view = { ...choice, interval, promised: INTERVALS[interval].share(target), choose: (segment) => change({ segment }) };
  lay();
  const parts = [...new Set(groups.flatMap((group) => partsOf(group.segment).map((part) => part.join("="))))];
  keepFocus(() => {
    replace(places.filters, filterBar(choice, rows, parts, change));
    replace(places.headline, headline(rows.find(isChosen), rows, view));
    replace(places.grid, ...gridParts(groups, view));
    models.update(rows, view);
    showDrifts();
  });
  replace(places.steps, ...stepFigures(steps.rows, view));
  pageHead({ actions: intervalButtons(target) });
}

const isChosen = (row) => row.model_name === choice.model && row.model_version === choice.version && row.freq === choice.freq && row.kind === choice.kind;

function gridParts(groups, view) {
  return [
    h("div", { class: "panel-head" }, h("h2", {}, "Where it holds, and where not"), choiceButtons("Split by", SPLITS, choice.split, (split) => change({ split }))),
    h("p", { class: "muted" }, "The share of prices inside, in percent, by steps ahead. The sign and the colour say whether that is what was promised, with 2 points of tolerance."),
    gridLegend(),
    grid(groups, view),
  ];
}

function intervalButtons(target) {
  const values = { served: INTERVALS.served.label, target: `${Math.round(100 * target)} %` };
  return choiceButtons("Interval", values, choice.interval, (interval) => change({ interval }));
}

/** Put the places onto the page, once. */
function lay() {
  if (isShown) return;
  isShown = true;
  replace(byId("page"),
    places.stale, places.filters, places.headline,
    section(places.grid),
    section(h("h2", {}, "Step by step"), places.steps),
    section(h("h2", {}, "Models, and the baselines beside them"),
      h("p", { class: "muted" }, "Beside every band of a model the baseline's band is scored at the same moment, and not served. A score adds to the width what misses cost; less is better."),
      places.models),
    section(h("h2", {}, "Drifts"), places.drifts));
  replace(places.models, models.element);
}

const section = (...children) => h("section", { class: "panel" }, children);

function showDrifts() {
  replace(places.drifts, driftList(drifts));
}

/** Say why there is nothing, and when there will be something. */
async function showNone() {
  isShown = false;
  pageHead({ actions: null });
  if (choice.segment) {
    replace(byId("page"), emptyState({
      title: "Nothing was scored there", text: `No scored step is of ${segmentWords(choice.segment)}.`,
      actions: h("button", { type: "button", class: "button", onclick: () => change({ segment: "" }) }, "Show all segments"),
    }));
    return;
  }
  replace(byId("page"), emptyState({
    title: "Nothing is scored yet",
    text: [
      "A band is scored when the price that it spoke of has come: at five minutes between prices, the first step five minutes later. ",
      "Prices come with the next request for the market, or by themselves through POST /tsfm/observations. ",
      waiting ? `${count(waiting)} bands are waiting for theirs now; this page fills by itself.` : "No band is waiting for prices now: forecast a market first.",
    ],
    command: `curl -s ${location.origin}/tsfm/observations -d '[{"market_id": "will-it-rain", "ts": "${new Date().toISOString().slice(0, 16)}:00Z", "y": 0.43}]'`,
    actions: h("a", { class: "button", href: "/ui/playground" }, "Forecast one in the Playground"),
  }));
}

/** Take up what the reader chose. */
function change(changes) {
  choice = { ...choice, ...changes };
  keepInAddress(choice);
  clearTimeout(timer);
  isAsking = false;
  void refresh();
}

/** Keep the focus where it was, though what had it was made anew. */
function keepFocus(work) {
  const active = document.activeElement;
  const container = Object.values(places).find((place) => place.contains(active));
  const at = container ? [...container.querySelectorAll("select, input, button")].indexOf(/** @type {any} */ (active)) : -1;
  work();
  if (container && at >= 0 && !container.contains(document.activeElement)) container.querySelectorAll("select, input, button")[at]?.focus();
}

/** Ask again when more was scored, at most every few seconds. */
function refreshSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => void refresh(), Math.max(0, askedAt + LEAST_PAUSE_MS - performance.now()));
}

pageHead({ lead: "Do bands hold as many prices as they promise?" });
void refresh();
stream({
  hello: ({ now }) => setNow(now),
  runtime: ({ now, calibration }) => {
    setNow(now);
    waiting = calibration.bands_waiting;
    if (nOutcomes !== calibration.outcomes) refreshSoon();
    nOutcomes = calibration.outcomes;
  },
  drift: (drift) => {
    drifts = [drift, ...drifts].slice(0, MAX_DRIFTS);
    showDrifts();
    toast(`A drift of ${drift.model_name} at step ${drift.step}: ${segmentWords(drift.segment)}`);
  },
  resync: () => void refresh(),
});
