// The request that asks for the same band again.

/**
 * @param {any} market as `GET /tsfm/markets/{id}` tells it
 * @param {number} stepS
 */
export function requestOf(market, stepS) {
  const { forecast, history } = market;
  const known = new Map(history.ts.map((ts, place) => [Date.parse(ts), history.y[place]]));
  const end = Date.parse(forecast.as_of_ts);
  const length = Math.max(forecast.meta.input_len, 1);
  const y = Array.from({ length }, (_, place) => known.get(end - (length - 1 - place) * 1000 * stepS) ?? null);
  const told = {
    market_id: market.market_id, as_of_ts: forecast.as_of_ts, freq: forecast.freq, horizon_steps: forecast.horizon_steps,
    quantiles: forecast.quantiles, category: market.category, event_id: market.event_id, closes_at: market.closes_at,
    tick_size: market.tick_size, liquidity_bucket: market.liquidity_bucket, y: y.slice(y.findIndex((price) => price !== null)),
  };
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null));
}
