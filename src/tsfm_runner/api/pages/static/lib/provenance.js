// Where a band came from, and how far it can be trusted, in words.

import { badge, statusBadge } from "./badges.js";
import { h } from "./dom.js";
import { count, duration, milliseconds, percent, plural, points } from "./format.js";
import { reasonOf } from "./reasons.js";
import { segmentWords } from "./words.js";

const RUNGS = { tollama: "tollama", embedded: "the embedded model", chronos: "Chronos", baseline: "a baseline" };
const WARNINGS = {
  quantiles_rearranged: "The model's quantiles crossed and were put in order.",
  band_widened_to_min_width: "The raw band of a jumpy market was too narrow, and was widened.",
  band_clamped_to_max_width: "The raw band was too wide, and was cut.",
  market_closed: "The market closed before its last price: there may be nothing left to forecast.",
  closes_within_horizon: "The market closes before the last step; what lies behind is no market's price.",
  model_revision_not_in_registry: "The licence of this revision of the model is not known.",
  covariates_not_supported_by_model: "The model cannot use the covariates, or some of them.",
  covariates_not_sent: "The runtime does not know covariates; they were not sent.",
  covariates_ignored: "The model ignored the covariates.",
  params_not_sent: "The runtime does not take params; they were not sent.",
  horizon_beyond_training: "The model was not trained to look so far ahead; it goes on from its own forecasts.",
};

/**
 * Return the provenance of an answer as a list of terms.
 * @param {any} answer of POST /tsfm/forecast
 */
export function provenance({ conformal, meta }) {
  return h("dl", { class: "provenance" },
    term("Made by", who(meta)),
    meta.fallback_used ? term("Why not by the one that was meant", whyNot(meta)) : null,
    term("Calibration", trust(conformal, meta)),
    term("It saw", `${plural(meta.input_len, "step")}, ${percent(meta.missing_ratio, 0)} of them without a price${meta.transform.space === "logit" ? ", in log-odds" : ""}`),
    term("Levels", levels(meta.quantile_source)),
    term("Way down the ladder", h("ol", { class: "route" }, meta.route.map(rung))),
    term("Served", served(meta)),
    meta.warnings.length ? term("To know", h("ul", { class: "warnings" }, meta.warnings.map((name) => h("li", {}, WARNINGS[name] ?? name)))) : null);
}

const term = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));

function who({ runtime, model_name: model, model_version: version, license_tag: licence }) {
  const of = runtime === "baseline" ? "a baseline, computed here" : `asked through ${RUNGS[runtime] ?? runtime}`;
  return [h("b", {}, model), ` ${version}, ${of} `, badge(licence.replaceAll("_", " "), { tone: licence === "commercial_ok" ? "good" : "warn" })];
}

function whyNot({ fallback_reason: name }) {
  const { title, means, todo } = reasonOf(name);
  return [badge(title, { tone: "warn", icon: "▲" }), ` ${means} `, h("span", { class: "muted" }, todo)];
}

function trust(conformal, { band_calibration: calibration }) {
  const { status, n, empirical_coverage: covered, coverage_ci: around, target_coverage: target, segment } = conformal;
  const seen = covered === null
    ? "Nothing was scored in its segment so far."
    : `Of ${plural(n, "scored step")} of such markets ${percent(covered)} ended inside the ${percent(target, 0)} interval${around ? ` (95 % interval ${points(around[0])} – ${points(around[1])})` : ""}.`;
  return [statusBadge(status), calibration === "raw" ? " The band is the model's own. " : " ", seen, h("span", { class: "muted segment" }, segmentWords(segment))];
}

function levels(sources) {
  const kinds = Map.groupBy(Object.entries(sources), ([, source]) => source);
  if (kinds.size === 1 && kinds.has("native")) return "All are the model's own.";
  return [...kinds].map(([source, pairs]) => `${pairs.map(([level]) => level).join(", ")} ${source === "native" ? "by the model itself" : source}`).join("; ");
}

function rung({ rung: name, taken, reason, detail }) {
  const words = taken ? "answered" : `passed over: ${reasonOf(reason ?? "").title.toLowerCase()}${detail ? ` (${detail})` : ""}`;
  return h("li", { dataset: { taken: taken ? "yes" : "no" } }, h("span", { "aria-hidden": "true" }, taken ? "● " : "○ "), h("b", {}, name), ` ${words}`);
}

function served({ latency_ms: latency, cache_hit: isHit, cache_age_s: age, cache_stale: isStale, batch_size: batch, breaker_state: breaker }) {
  const parts = [`in ${milliseconds(latency)}`];
  if (isHit) parts.push(`from the cache, ${duration(age)} old${isStale ? " and overdue, as the model fails" : ""}`);
  else if (batch > 1) parts.push(`computed together with ${count(batch - 1)} others`);
  if (breaker && breaker !== "closed") parts.push(`breaker ${breaker.replace("_", " ")}`);
  return parts.join(", ");
}
