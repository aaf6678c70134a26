// The figures of now, each with its last ten minutes.

import { count, duration, h, milliseconds, percent } from "../app.js";
import { chartTile } from "./time_chart.js";

const LAG_S = 5;
const SMALL = 10;

/**
 * @param {any} status
 * @param {import("./samples.js").Samples} samples
 */
export function tiles(status, samples) {
  const { requests, cache, queue, ledger, forecasts } = status;
  const rate = samples.rate((one) => one.forecasts.n);
  const perSecond = samples.growth((one) => ({ n: one.forecasts.n }));
  return h("ul", { class: "tiles" }, [
    chartTile({ name: "Forecasts a second", value: speed(rate.at(-1)?.[1] ?? 0), note: perSecond ? `${count(perSecond.get("n"))} in the last minute` : `${count(forecasts.n)} since the start`, points: rate, most: 1 }),
    chartTile({ name: "Requests, half within", value: milliseconds(requests.p50_ms), points: samples.line((one) => one.requests.p50_ms), note: "lately" }),
    chartTile({ name: "Requests, 95 % within", value: milliseconds(requests.p95_ms), points: samples.line((one) => one.requests.p95_ms), note: "lately" }),
    chartTile({ name: "At work", value: count(requests.in_flight), note: `baselines only from ${count(requests.max_in_flight)} on`, points: samples.line((one) => one.requests.in_flight), most: SMALL, tone: requests.in_flight > requests.max_in_flight ? "bad" : "" }),
    chartTile({ name: "Wait for a call", value: milliseconds(queue.p95_ms), note: `95 %; half within ${milliseconds(queue.p50_ms)}`, points: samples.line((one) => one.queue.p95_ms) }),
    chartTile({ name: "Series a call", value: queue.mean_batch_size === null ? "–" : queue.mean_batch_size.toFixed(1), note: "mean", points: samples.line((one) => one.queue.mean_batch_size), most: SMALL }),
    chartTile({ name: "From the cache", value: percent(cache.hit_ratio, 0), note: `${count(cache.hit)} hits, ${count(cache.join)} shared, ${count(cache.stale)} old`, points: samples.line((one) => one.cache.hit_ratio), most: 1 }),
    chartTile({ name: "Ledger behind by", value: duration(ledger.lag_s), note: ledger.let_go ? `${count(ledger.let_go)} entries lost` : "nothing lost", points: samples.line((one) => one.ledger.lag_s), most: LAG_S, tone: ledger.let_go ? "bad" : ledger.lag_s > LAG_S ? "warn" : "" }),
  ]);
}

function speed(perSecond) {
  return perSecond < SMALL ? perSecond.toFixed(1) : count(Math.round(perSecond));
}
