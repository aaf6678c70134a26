// What stands below the figures: reasons, outcomes, webhooks, and what was learned.

import { badge, count, h, percent, plural } from "../app.js";
import { reasonOf, SIDES } from "../lib/reasons.js";

const OUTCOMES = {
  ok: "answered", rejected: "refused: the caller can mend it", shed: "turned away: too many at once", error: "own errors", cancelled: "the caller left",
};

/**
 * Return why baselines stood in, as bars in order of size, each with what to do.
 * @param {any} forecasts
 */
export function reasonBars({ n, by_fallback_reason: byReason }) {
  const found = Object.entries(byReason).filter(([, times]) => times > 0).sort((a, b) => b[1] - a[1]);
  if (!found.length) return h("p", { class: "muted" }, n ? `None of ${plural(n, "forecast")} since the start had to be made by a stand-in.` : "No forecast was asked for since the start.");
  const most = found[0][1];
  return h("ol", { class: "reasons" }, found.map(([name, times]) => reasonItem(name, times, { n, most })));
}

function reasonItem(name, times, { n, most }) {
  const { title, means, todo, side } = reasonOf(name);
  const fill = h("i", {});
  fill.style.width = `${(100 * times) / most}%`;
  return h("li", {},
    h("div", { class: "reason-head" }, h("b", {}, title), h("code", { class: "muted" }, name), badge(`by ${SIDES[side]}`),
      h("span", { class: "reason-n" }, `${count(times)} · ${percent(times / n)}`)),
    h("div", { class: "reason-bar", "aria-hidden": "true" }, fill),
    h("p", {}, means, " ", h("span", { class: "muted" }, todo)));
}

/** Return counts as a list of terms. */
function terms(pairs) {
  return h("dl", { class: "terms" }, pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

export function outcomeList({ by_outcome: byOutcome }) {
  const found = Object.entries(byOutcome);
  if (!found.length) return h("p", { class: "muted" }, "No forecast was asked for since the start.");
  return terms(found.map(([name, n]) => [OUTCOMES[name] ?? name, count(n)]));
}

export function answerList({ by_runtime: byRuntime, crossings }) {
  const found = Object.entries(byRuntime).filter(([, n]) => n);
  return terms([...found.map(([name, n]) => [name, count(n)]), ["Steps whose quantiles crossed", count(crossings)]]);
}

export function learnedList({ bands_waiting: waiting, bands_dropped: dropped, outcomes, state_version: version }) {
  return terms([["Bands that wait for prices", count(waiting)], ["Steps scored", count(outcomes)], ["Bands dropped without a price", count(dropped)], ["Version of the state", count(version)]]);
}

export function signalList({ open, by_severity: bySeverity, followed }) {
  const severe = Object.entries(bySeverity).filter(([, n]) => n).map(([name, n]) => `${n} ${name}`).join(", ");
  return terms([["Breaches open now", open ? `${count(open)} (${severe})` : "0"], ["Went on the same way", count(followed.yes)], ["Did not", count(followed.no)], ["Not known", count(followed.unknown)]]);
}

export function webhookList(webhooks) {
  if (!webhooks.length) return h("p", { class: "muted" }, "None is configured: breaches are told by GET /tsfm/breaches and by its stream only.");
  return h("ul", { class: "webhooks" }, webhooks.map((one) => h("li", {},
    h("b", {}, one.name), one.is_failing ? badge("fails", { tone: "bad", icon: "✕" }) : badge("well", { tone: "good", icon: "●" }),
    h("span", {}, one.n_waiting ? `${plural(one.n_waiting, "signal")} waiting` : "nothing waiting"),
    one.dead_letters ? badge(plural(one.dead_letters, "dead letter"), { tone: "warn" }) : null,
    one.last_error ? h("p", { class: "muted" }, one.last_error) : null)));
}
