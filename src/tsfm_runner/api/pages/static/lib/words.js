// Codes of the wire in words: reasons, warnings, segments, closings.

const REASONS = {
  too_few_points: "the series has too few points for a model",
  max_gap_exceeded: "the series has a hole too long to be filled",
  baseline_only_liquidity: "the market is not liquid enough to ask a model",
  route_policy: "a baseline is proven better for such markets",
  model_not_installed: "the model is not installed",
  runtime_timeout: "the model did not answer in time",
  runtime_unavailable: "the model could not be reached",
  runtime_protocol: "the model sent something that is no forecast",
  invalid_output: "the model answered with impossible prices",
  breaker_open: "the model failed too often lately and is left alone for a while",
  deadline_exceeded: "the time for the answer was over",
  overloaded: "too many requests were at work",
  degraded: "the model is not well and is asked by few requests only",
  stale_if_error: "the model failed, so an earlier answer was served again",
};

const WARNINGS = {
  quantiles_rearranged: "The quantiles of the model crossed and were put in order.",
  band_widened_to_min_width: "The market jumps, and the band was widened to the least width.",
  band_clamped_to_max_width: "The band was wider than allowed and was cut.",
  market_closed: "The market had closed: there may be nothing left to forecast.",
  closes_within_horizon: "The market closes before the last step; beyond that there is no price.",
  model_revision_not_in_registry: "The licence of the model is unknown.",
  covariates_not_supported_by_model: "The model cannot use some of the covariates; those were not sent.",
  covariates_not_sent: "The runtime does not know covariates; they were not sent.",
  covariates_ignored: "The model ignored the covariates.",
  params_not_sent: "The runtime takes no parameters; they were not sent.",
  horizon_beyond_training: "This is further ahead than the model was trained for.",
};

const CLOSINGS = {
  recovered: "the price came back into its band", turned: "the price left on the other side",
  market_closed: "the market closed", stale: "no prices came any more",
};

const spelled = (code) => String(code).replaceAll("_", " ");

/** "runtime_timeout" -> "the model did not answer in time". */
export const reasonWords = (reason) => REASONS[reason] ?? spelled(reason);
/** "market_closed" -> a sentence. */
export const warningWords = (warning) => WARNINGS[warning] ?? spelled(warning);
/** Why a breach was closed. */
export const closingWords = (reason) => CLOSINGS[reason] ?? spelled(reason);
/** "route_policy" -> "route policy", for small places. */
export const codeWords = spelled;

const PARTS = {
  category: (value) => (value === "other" ? "markets of other categories" : `${value} markets`),
  moving: (value) => `that move in ${bounds(value, (share) => `${Math.round(100 * share)}`, " %")} of steps`,
  expiry: (value) => (value === "none" || value === "na" ? "with no end set" : `${bounds(value, String, " steps")} from the end`),
  edge: (value) => `${bounds(value, (share) => `${Math.round(100 * share)}`, " points")} from 0 or 100 %`,
  age: (value) => (value.startsWith("<") ? "that are new" : "that are long known"),
};

/** "category=crypto,moving=>=0.6,..." -> "crypto markets that move in 60 % of steps or more, ...". */
export function segmentWords(segment) {
  if (!segment) return "markets in general";
  const parts = segment.split(",").map((part) => {
    const cut = part.indexOf("=");
    const [name, value] = [part.slice(0, cut), part.slice(cut + 1)];
    return cut > 0 && PARTS[name] ? PARTS[name](value) : spelled(part);
  });
  return parts.length < 2 ? parts.join("") : `${parts[0]} ${parts.slice(1).join(", ")}`;
}

function bounds(value, write, unit) {
  if (value.startsWith(">=")) return `${write(Number(value.slice(2)))}${unit} or more`;
  if (value.startsWith("<")) return `less than ${write(Number(value.slice(1)))}${unit}`;
  const [low, high] = value.split("-").map(Number);
  return Number.isFinite(high) ? `${write(low)}–${write(high)}${unit}` : value;
}
