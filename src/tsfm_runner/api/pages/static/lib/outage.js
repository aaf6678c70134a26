// What is wrong with the models right now, as one banner for every page.

import { h } from "./dom.js";

/**
 * Return the banner for a runtime status, null when all is well.
 * @param {any} status as `GET /tsfm/runtime` tells it
 */
export function outageBanner({ ladder }) {
  const models = ladder.filter((rung) => rung.is_configured && rung.rung !== "baseline");
  const ill = models.filter(isIll);
  if (!ill.length) return null;
  const names = h("b", {}, ill.map((rung) => rung.rung).join(", "));
  const more = h("a", { href: "/ui/runtime" }, "See the runtime");
  if (ill.length === models.length) {
    return { tone: /** @type {const} */ ("bad"), text: ["Outage: no model answers (", names, "). Baselines answer in their place, or the last answers are given again for a while. ", more] };
  }
  return { tone: /** @type {const} */ ("warn"), text: ["Trouble with ", names, ": other models or baselines answer where it does not. ", more] };
}

function isIll({ mode, is_healthy: isHealthy, breakers }) {
  const isCutOff = breakers.length > 0 && breakers.every((breaker) => breaker.state !== "closed");
  return mode !== "normal" || isHealthy === false || isCutOff;
}
