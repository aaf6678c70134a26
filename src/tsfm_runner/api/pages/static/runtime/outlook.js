// How the service is, in one sentence and one shape: what an operator reads first.

import { duration, plural } from "../app.js";

const LAG_S = 5;
const FEW = 2;

/**
 * @typedef {{tone: "good" | "warn" | "bad" | "info", mark: string, title: string, text: string, todo: string}} Outlook
 */

/**
 * Return what is the matter, the worst first.
 * @param {any} status of GET /tsfm/runtime
 * @param {(rung: any) => string} named
 * @returns {Outlook}
 */
export function outlook(status, named) {
  const models = status.ladder.filter((rung) => rung.rung !== "baseline" && rung.is_configured);
  const ill = models.filter((rung) => troubleOf(rung) !== null);
  if (models.length && ill.length === models.length) return outage(ill, named);
  if (status.ledger.let_go > 0) return bad("Entries were lost", `${plural(status.ledger.let_go, "entry", "entries")} could not be written to the ledger.`, "Look at the disk, and run tsfm-runner ledger check.");
  if (ill.length) return standIn(ill, models, named);
  const aside = besides(status);
  if (aside) return aside;
  if (!models.length) return { tone: "info", mark: "●", title: "Baselines answer", text: "No model runtime is configured.", todo: "Set tollama.url, or embedded.enabled, to have models answer." };
  return { tone: "good", mark: "✓", title: "All is well", text: `${listed(models.map(named))} can answer.`, todo: "" };
}

/** What is wrong with a rung, or null; `lately` are its calls of the last minute, where known. */
export function troubleOf(rung) {
  if (!rung.is_configured) return null;
  if (rung.is_healthy === false) return "does not answer";
  if (rung.mode === "baseline_only") return "is asked no more: most calls failed";
  const open = rung.breakers.filter((breaker) => breaker.state !== "closed");
  if (open.length && open.length === rung.breakers.length) return open.every(({ state }) => state === "half_open") ? "is being tried again: its breaker is half open" : "has its breaker open";
  if (rung.mode === "degraded") return "is degraded: many calls failed";
  const { n = 0, failed = 0 } = rung.lately ?? {};
  if (failed >= FEW && failed > n / 2) return `failed ${failed} of ${n} calls in the last minute`;
  return open.length ? `has the breaker of ${listed(open.map((breaker) => breaker.family))} open` : null;
}

function outage(ill, named) {
  return bad("Outage: no model answers",
    `${ill.map((rung) => `${named(rung)} ${troubleOf(rung)}`).join("; ")}. Baselines answer in their place, or their own last answers are given again for a while; no caller sees an error.`,
    "Run tsfm-runner doctor, and look at the log of the runtime.");
}

function standIn(ill, models, named) {
  const well = models.filter((rung) => !ill.includes(rung));
  return {
    tone: "warn", mark: "▲", title: `Trouble with ${named(ill[0])}`,
    text: `It ${troubleOf(ill[0])}. ${listed(well.map(named))} answers where it can, baselines elsewhere; no caller sees an error.`, todo: "Run tsfm-runner doctor, and look at the log of the runtime.",
  };
}

function besides({ requests, ledger, webhooks }) {
  if (requests.in_flight > requests.max_in_flight) return warning("Overloaded", `${requests.in_flight} requests are at work; from ${requests.max_in_flight} on baselines answer.`, "Send fewer at a time, or add processes.");
  if (ledger.lag_s > LAG_S) return warning("The ledger lags behind", `Its oldest entry has waited for ${duration(ledger.lag_s)} to be written.`, "Look at the disk.");
  const failing = webhooks.filter((one) => one.is_failing);
  if (failing.length) return warning("A webhook fails", `${listed(failing.map((one) => one.name))} cannot be told of breaches. Nothing is lost: they wait.`, "Look at the receiver; what went wrong stands below.");
  return null;
}

const bad = (title, text, todo) => /** @type {Outlook} */ ({ tone: "bad", mark: "✕", title, text, todo });
const warning = (title, text, todo) => /** @type {Outlook} */ ({ tone: "warn", mark: "▲", title, text, todo });
const listed = (names) => names.join(" and ");
