// Bands of the past against what happened, from the ledger.

/** @typedef {{ts: string, issued: string, step: number, lower: number, upper: number, median: number | null, outcome: number | null, isInside: boolean | null}} PastBand */

const TOLERANCE = 1e-9;

export class Past {
  /** @type {Map<string, any>} */
  #forecasts = new Map();

  /** Take forecasts of `GET /tsfm/forecasts/{id}`; known ones have more outcomes now. */
  merge(forecasts) {
    for (const one of forecasts) this.#forecasts.set(one.forecast_id, one);
  }

  get size() {
    return this.#forecasts.size;
  }

  /** Return the steps that can be chosen: those that a band has reached. */
  get steps() {
    const longest = Math.max(1, ...[...this.#forecasts.values()].map((one) => one.horizon_steps));
    return [1, 2, 3, 6, 12, 24, 48].filter((step) => step <= longest);
  }

  /**
   * Return what was forecast for each time that many steps before it, oldest first; of
   * two for one time, the later one.
   * @returns {PastBand[]}
   */
  at(step) {
    const bands = new Map();
    const all = [...this.#forecasts.values()].sort((a, b) => a.as_of_ts.localeCompare(b.as_of_ts));
    for (const one of all) if (one.horizon_steps >= step) bands.set(one.ts[step - 1], pastBand(one, step));
    return [...bands.values()].sort((a, b) => Date.parse(a.ts) - Date.parse(b.ts));
  }
}

function pastBand(forecast, step) {
  const place = step - 1;
  const [lower, upper, outcome] = [forecast.lower[place], forecast.upper[place], forecast.outcomes[place]];
  return {
    ts: forecast.ts[place], issued: forecast.as_of_ts, step, lower, upper, outcome,
    median: forecast.yhat_q["0.5"]?.[place] ?? null,
    isInside: outcome === null ? null : lower - TOLERANCE <= outcome && outcome <= upper + TOLERANCE,
  };
}

/** Return how many outcomes there are and how many were inside. */
export function tally(bands) {
  const known = bands.filter((band) => band.isInside !== null);
  return { n: known.length, nInside: known.filter((band) => band.isInside).length };
}
