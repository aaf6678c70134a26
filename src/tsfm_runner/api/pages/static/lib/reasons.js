// Why a baseline stood in for a model, in words, and what to do about it.

/** @typedef {"data" | "runtime" | "policy" | "load"} Side whose doing it is */

export const SIDES = { data: "the data", runtime: "the runtime", policy: "settings", load: "load" };

const RUNTIME_DOWN = "Run tsfm-runner doctor, and look at the runtime's log.";
const TOO_SLOW = "Use a smaller model or a faster machine, or raise resilience.attempt_timeout_s and the deadline if callers can wait.";

/** @type {Record<string, {title: string, means: string, todo: string, side: Side}>} */
export const REASONS = {
  too_few_points: { title: "Too few points", side: "data", means: "Fewer than preparation.min_points (32) steps were left after preparation.", todo: "Send more of the history. A young market mends itself as it grows." },
  max_gap_exceeded: { title: "A hole too long", side: "data", means: "A hole longer than preparation.max_gap_minutes (60) lies between the prices, or before now.", todo: "Fill the hole at the source, or send a larger max_gap_minutes if an old price is still the price." },
  baseline_only_liquidity: { title: "Too little traded", side: "policy", means: "No model is asked for markets of this liquidity.", todo: "Change routing.baseline_only_liquidity if you disagree." },
  route_policy: { title: "Not on the way", side: "policy", means: "The model is off the ladder for this market, is not proven here, or cannot do this horizon.", todo: "Look at routing.overrides, and at the verdict." },
  model_not_installed: { title: "Model not installed", side: "runtime", means: "The runtime is well, but does not have the model.", todo: "Install it there, or name another in tollama.model." },
  runtime_timeout: { title: "Runtime too slow", side: "runtime", means: "A call took longer than resilience.attempt_timeout_s (2.0). A runtime that hangs shows itself so.", todo: TOO_SLOW },
  runtime_unavailable: { title: "Runtime unavailable", side: "runtime", means: "The runtime cannot be reached, or answered 429 or 5xx.", todo: RUNTIME_DOWN },
  runtime_protocol: { title: "Answer not understood", side: "runtime", means: "The runtime refused the request, or its answer breaks its own contract.", todo: "Run tsfm-runner doctor, and compare the versions." },
  invalid_output: { title: "Numbers not finite", side: "runtime", means: "The model answered with numbers that are none.", todo: "The model failed on this series. Use another if it happens often." },
  deadline_exceeded: { title: "Out of time", side: "load", means: "The time for the whole request was over first: it waited too long for its turn.", todo: `${TOO_SLOW} Many requests at once wait for resilience.max_calls_in_flight (2).` },
  breaker_open: { title: "Breaker open", side: "runtime", means: "Calls of this model family failed in a row, so none is made for breaker.cooldown_s (30).", todo: `${RUNTIME_DOWN} Models answer again by themselves after two probes.` },
  degraded: { title: "Degraded", side: "runtime", means: "Most calls of the runtime failed: it gets one probe now and then, and nothing else.", todo: RUNTIME_DOWN },
  overloaded: { title: "Overloaded", side: "load", means: "More than resilience.max_in_flight (512) requests were at work.", todo: "Send fewer at a time, or add processes." },
  stale_if_error: { title: "An older answer", side: "runtime", means: "The model failed, and an answer that it gave a little earlier was given again.", todo: "As for the reason in meta.route of such an answer." },
};

/** Return the words for a reason; one that is not known keeps its name. */
export function reasonOf(name) {
  return REASONS[name] ?? { title: name, side: "runtime", means: "", todo: "" };
}
