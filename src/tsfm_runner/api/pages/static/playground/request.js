// From what stands in the form to a request, and from its problems back to the form.

import { stepSeconds } from "../app.js";
import { isRegular } from "./series.js";

/**
 * @typedef {{y: (number | null)[], times: number[] | null, fields: Record<string, any>}} Series
 * @typedef {{marketId: string, asOf: string, freq: string, horizon: string, levels: number[], model: {provider?: string, model_name?: string} | null, category: string, tick: string}} Fields
 */

/** Fields of a request that the form has no place for are kept from what was pasted. */
const OWN = new Set(["market_id", "as_of_ts", "y", "y_ts", "freq", "horizon_steps", "quantiles", "level", "model", "category", "tick_size"]);

/**
 * Return the body of POST /tsfm/forecast. What the form cannot know to be wrong goes out
 * as it is: the service says what it wants.
 * @param {Series} series
 * @param {Fields} form
 */
export function requestOf(series, form) {
  const { times } = series;
  const needsTimes = times !== null && !isRegular(times, stepSeconds(form.freq));
  const others = Object.fromEntries(Object.entries(series.fields).filter(([name]) => !OWN.has(name)));
  return {
    market_id: form.marketId, as_of_ts: times ? momentText(times[times.length - 1]) : form.asOf, freq: form.freq,
    horizon_steps: numberOr(form.horizon), quantiles: form.levels,
    ...(form.model ? { model: form.model } : {}),
    ...(form.category ? { category: form.category } : {}),
    ...(form.tick ? { tick_size: numberOr(form.tick) } : {}),
    ...others,
    y: series.y,
    ...(needsTimes ? { y_ts: times.map(momentText) } : {}),
  };
}

/** Return when each price stood, for the picture. */
export function timesOf(request) {
  if (request.y_ts) return request.y_ts;
  const end = Date.parse(request.as_of_ts);
  const stepMs = 1000 * stepSeconds(request.freq);
  return request.y.map((_, place) => momentText(end - (request.y.length - 1 - place) * stepMs));
}

/** 1771588800000 -> "2026-02-20T12:00:00Z". */
export const momentText = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

const numberOr = (text) => (text.trim() === "" || Number.isNaN(Number(text)) ? text : Number(text));

const PLACES = { market_id: "market", as_of_ts: "as-of", freq: "freq", horizon_steps: "horizon", quantiles: "levels", model: "model", category: "category", tick_size: "tick", y: "series", y_ts: "series" };

/**
 * Return for each error of a problem the place in the form that it names, and words.
 * @param {{loc: (string | number)[], msg: string, input: string}[]} errors
 * @returns {{place: string, text: string}[]}
 */
export function placed(errors) {
  return errors.map(({ loc, msg, input }) => {
    const place = PLACES[loc[0]] ?? "form";
    const where = typeof loc[1] === "number" ? `${loc[0] === "quantiles" ? "Level" : "Price"} ${loc[1] + 1}` : place === "form" ? loc.join(".") : "";
    return { place, text: [where, `${msg}${input ? ` (it is ${input})` : ""}`].filter(Boolean).join(": ") };
  });
}
