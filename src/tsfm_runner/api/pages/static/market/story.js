// What the band of a market means, as a person would say it.

import { badge, change, codeWords, h, percent, plural, points, range, reasonOf, relative, segmentWords, severityBadge, stepSeconds, duration, timeElement } from "../app.js";

const LEAST_MOVE = 0.0005;

/**
 * Return a paragraph or two about the newest answer.
 * @param {any} market as `GET /tsfm/markets/{id}` tells it
 */
export function story(market) {
  return h("div", { class: "story" }, standing(market), h("p", {}, ahead(market)), h("p", {}, maker(market)), h("p", {}, trust(market)));
}

/** Return what else would be read wrongly: no price comes any more, or which band was left. */
function standing({ is_closed: isClosed, is_stale: isStale, breach, current }) {
  if (isClosed) return h("p", {}, h("b", {}, "The market has closed."), " The band below was drawn before; no price comes any more that could be in it.");
  if (isStale) return h("p", {}, h("b", {}, "The newest price is old."), " The band below says nothing of what has happened since.");
  if (breach?.state === "open" && current && !current.is_outside) {
    return h("p", {}, "The price is inside the newest band, which was drawn after it had moved. The breach is open all the same: it stands against the band that the price left.");
  }
  return null;
}

function ahead({ forecast, ahead: last, price }) {
  const length = duration(stepSeconds(forecast.freq) * forecast.horizon_steps);
  const isMoving = last.median !== null && Math.abs(last.median - price) >= LEAST_MOVE;
  const middle = last.median === null ? "" : `, most likely near ${points(last.median)} %${isMoving ? ` (${change(last.median - price)})` : ", where it is"}`;
  return [`In ${length} the price should be between `, h("b", {}, `${range(last.lower, last.upper)} %`), middle,
    `. That interval is meant to hold ${percent(last.coverage, 0)} of outcomes.`];
}

function maker({ forecast: { meta } }) {
  const { model_name: model, model_version: version, fallback_reason: reason } = meta;
  const name = h("b", {}, model);
  if (!reason) return ["It was drawn by ", name, `, version ${version}, from the last ${plural(meta.input_len, "step")}${missing(meta)}.`];
  return ["It was drawn by ", name, " in place of a model: ", h("b", {}, codeWords(reason)), `. ${reasonOf(reason).means} It saw the last ${plural(meta.input_len, "step")}${missing(meta)}.`];
}

const missing = ({ missing_ratio: share }) => (share > 0 ? `, ${percent(share, 0)} of them missing` : "");

function trust({ forecast: { conformal, meta } }) {
  const { n, empirical_coverage: covered, coverage_ci: around, segment, status } = conformal;
  const kind = `It is calibrated as one of ${segmentWords(segment)}`;
  if (meta.band_calibration === "raw") return `It is the model's own, not corrected by outcomes (${codeWords(status)}).`;
  if (!n || covered === null) return `${kind}; none of their outcomes was scored here yet, so it stands on what others showed.`;
  const interval = around ? ` (95 % interval ${range(around[0], around[1])} %)` : "";
  return [`${kind}. Of ${plural(n, "outcome")} of theirs `, h("b", {}, percent(covered)), ` were inside${interval}.`,
    status === "warming_up" ? " That is too few to promise anything; much is borrowed from other segments." : "",
    status === "drifting" ? " They have changed lately, and only recent ones count." : ""];
}

/** Return the facts above the chart. */
export function facts(market, bar) {
  const { current, breach, closes_at: closes } = market;
  return [
    fact("Price", [h("span", { class: "big" }, percent(market.price)), h("span", { class: "sub" }, market.is_stale && !market.is_closed ? badge("stale", { tone: "stale", icon: "◷" }) : null, " ", timeElement(market.as_of_ts))]),
    fact("In its band", current ? [bar, h("span", { class: "sub" }, `${range(current.lower, current.upper)} %, issued ${relative(current.issued_at)}`)] : h("span", { class: "sub" }, "no band was issued for it")),
    fact("Band ahead", [h("span", { class: "big" }, `${range(market.ahead.lower, market.ahead.upper)} %`), h("span", { class: "sub" }, timeElement(market.ahead.ts))]),
    fact("Breach", breachFact(breach)),
    fact("Closes", market.is_closed ? badge("closed") : closes ? h("span", { class: "big" }, timeElement(closes)) : h("span", { class: "sub" }, "no time was told")),
  ];
}

const fact = (name, value) => h("div", { class: "fact" }, h("dt", {}, name), h("dd", {}, value));

function breachFact(breach) {
  if (!breach) return h("span", { class: "sub" }, "none");
  const { state, severity, direction, n_steps: n, opened_at: since } = breach;
  if (state === "cooldown") return [badge("cooling down"), h("span", { class: "sub" }, `was ${severity} ${direction}`)];
  return [severityBadge({ severity, direction }), h("span", { class: "sub" }, `${plural(n, "step")}, `, timeElement(since))];
}
