// The ladder, drawn as rungs: who is asked first, who answered, and who was passed over.

import { badge, count, duration, h, milliseconds, percent, plural } from "../app.js";
import { troubleOf } from "./outlook.js";

const NAMES = { tollama: "tollama", embedded: "The embedded model", chronos: "Chronos", baseline: "Baseline" };
const ROLES = {
  tollama: "models of a daemon beside the service", embedded: "a small model in the service itself",
  chronos: "Chronos in the service itself", baseline: "arithmetic only; it always answers",
};
const MODES = {
  normal: ["normal", "good", "Everything is sent."],
  degraded: ["degraded", "warn", "Calls hold half as many series, and there is no retry."],
  baseline_only: ["baselines only", "bad", "One probe now and then; baselines answer everything else."],
};
const BREAKERS = {
  closed: ["closed", "good", "Calls go through."],
  half_open: ["half open", "warn", "Two probes go through; both must succeed."],
  open: ["open", "bad", "No call goes through."],
};
const ERRORS = { unavailable: "unavailable", timeout: "too slow", refused: "refused", protocol: "not understood" };

export const nameOf = (rung) => NAMES[rung.rung] ?? rung.rung;

/**
 * Return the rungs in order, the first to be asked on top.
 * @param {any[]} ladder
 * @param {{of: Map<string, number>, when: string} | null} shares of the answers, by rung
 */
export function ladderList(ladder, shares) {
  return h("ol", { class: "ladder" }, ladder.map((rung) => rungItem(rung, shares?.of.get(rung.rung) ?? null, shares?.when ?? "")));
}

function rungItem(rung, share, when) {
  const trouble = troubleOf(rung);
  const state = !rung.is_configured ? "off" : trouble ? "ill" : "well";
  return h("li", { class: "rung", dataset: { state, taken: share ? "yes" : "no" } },
    h("div", { class: "rung-head" },
      h("h3", {}, nameOf(rung)), healthBadge(rung, trouble),
      h("span", { class: "rung-share" }, rung.is_configured ? shareText(share, when) : null)),
    h("p", { class: "muted" }, trouble ? `It ${trouble}${rung.error ? `: ${rung.error}` : "."}` : ROLES[rung.rung] ?? ""),
    bar(share),
    rung.is_configured && rung.rung !== "baseline" ? detail(rung) : null);
}

function healthBadge(rung, trouble) {
  if (!rung.is_configured) return badge("not configured", { icon: "–" });
  if (trouble) return badge("in trouble", { tone: "bad", icon: "✕" });
  if (rung.is_healthy === null) return badge("not known yet", { icon: "?" });
  return badge("well", { tone: "good", icon: "●" });
}

function shareText(share, when) {
  if (share === null) return "";
  return share ? `answered ${percent(share, 0)} ${when}` : `answered nothing ${when}`;
}

function bar(share) {
  const fill = h("i", {});
  fill.style.width = `${100 * (share ?? 0)}%`;
  return h("div", { class: "rung-bar", "aria-hidden": "true" }, fill);
}

function detail(rung) {
  const [mode, tone, title] = MODES[rung.mode] ?? [rung.mode, "plain", ""];
  return h("dl", { class: "rung-facts" },
    term("Mode", badge(mode, { tone, title })),
    term("Breaker", rung.breakers.length ? rung.breakers.map(breakerBadge) : h("span", { class: "muted" }, "not used yet")),
    term("Calls", rung.calls.n ? `${count(rung.calls.n)}, half within ${milliseconds(rung.calls.p50_ms)}, 95 % within ${milliseconds(rung.calls.p95_ms)}` : "none yet"),
    term("Failed calls", failures(rung.calls)));
}

function breakerBadge({ family, state, open_s: openS }) {
  const [word, tone, title] = BREAKERS[state] ?? [state, "plain", ""];
  return h("span", { class: "breaker" }, `${family} `, badge(word, { tone, title }), openS ? h("span", { class: "muted" }, ` open for ${duration(openS)} in all`) : null);
}

function failures({ errors }) {
  const found = Object.entries(errors).filter(([, n]) => n);
  if (!found.length) return h("span", { class: "muted" }, "none");
  return found.map(([kind, n]) => `${plural(n, "time", "times")} ${ERRORS[kind] ?? kind}`).join(", ");
}

const term = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
