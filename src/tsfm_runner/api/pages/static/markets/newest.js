// The newest signals, and what a reader who cannot see them hears.

import { h, percent, replace, severityBadge, timeElement } from "../app.js";
import { closingWords } from "../lib/words.js";
import { marketAddress } from "./columns.js";

const MOST = 12;

/** Return the list of the newest signals, one line for each breach. */
export function newestSignals() {
  /** @type {Map<string, any>} */
  const known = new Map();
  const list = h("ol", { class: "signals" });
  const none = h("p", { class: "muted" }, "No breach was signalled yet.");
  const element = h("section", { class: "panel newest", "aria-labelledby": "newest" }, h("h2", { id: "newest" }, "Newest signals"), none, list);
  const show = () => {
    const newest = [...known.values()].sort((a, b) => b.id - a.id).slice(0, MOST);
    known.clear();
    newest.forEach((one) => known.set(one.dedupe_key, one));
    none.hidden = newest.length > 0;
    replace(list, newest.map(line));
  };
  return {
    element,
    fill(breaches) {
      known.clear();
      breaches.forEach((one) => known.set(one.dedupe_key, one));
      show();
    },
    add(breach) {
      known.set(breach.dedupe_key, breach);
      show();
    },
  };
}

function line(breach) {
  return h("li", {}, severityBadge(breach),
    h("a", { href: marketAddress(breach.market_id), title: breach.market_id }, breach.market_id),
    h("span", { class: "what" }, what(breach)),
    h("span", { class: "when" }, timeElement(breach.ts)));
}

function what({ is_open: isOpen, close_reason: reason, follow_through: later, price, n_steps: n }) {
  if (later) return `followed: ${later.followed === null ? "unknown" : later.followed ? "yes" : "no"}`;
  if (!isOpen) return `over: ${closingWords(reason)}`;
  return `at ${percent(price)}${n > 1 ? `, ${n} steps` : ""}`;
}

/** Return a sentence about markets that have just begun to breach. */
export function alarmWords(rows) {
  const [first] = rows;
  const one = `${first.market_id}: ${first.breach.severity} breach ${first.breach.direction}, price ${percent(first.price)}`;
  return rows.length === 1 ? one : `${rows.length} new breaches, the first ${one}`;
}
