// What is wrong with the models right now, as one banner for every page.

import { h } from "./dom.js";

const MODES = {
  baseline_only: ["bad", "left alone after failing again and again: baselines answer in its place"],
  degraded: ["warn", "failing: few requests ask it, baselines answer the others"],
};

/**
 * Return the banner for a runtime status, null when all is well.
 * @param {any} status as `GET /tsfm/runtime` tells it
 */
export function outageBanner(status) {
  const troubled = status.ladder.filter((one) => one.is_configured && one.rung !== "baseline" && (one.mode !== "normal" || one.is_healthy === false));
  if (!troubled.length) return null;
  const [first] = troubled;
  const [tone, words] = MODES[first.mode] ?? ["warn", "not well: baselines may answer in its place"];
  const names = troubled.map((one) => one.rung).join(" and ");
  return {
    tone: /** @type {"warn" | "bad"} */ (tone),
    text: ["The runtime ", h("b", {}, names), ` is ${words}. `, h("a", { href: "/ui/runtime" }, "See the runtime")],
  };
}
