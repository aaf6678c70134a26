// One way to ask the service: with the key, with typed errors.

import { ApiError, OfflineError } from "./errors.js";
import { askForKey, key } from "./key.js";

/**
 * @typedef {object} ApiOptions
 * @property {string} [method]
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string | number | boolean | null | undefined>} [query] without the empty ones
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/**
 * Ask the service and return its JSON. Where it wants a key, the reader is asked for it.
 * @param {string} path
 * @param {ApiOptions} [options]
 * @returns {Promise<any>}
 * @throws {ApiError | OfflineError}
 */
export async function api(path, options = {}) {
  const answer = await fetched(path, options);
  return answer.status === 204 ? null : answer.json();
}

/**
 * The same, but return the whole response; `stream` reads it piece by piece.
 * @param {string} path
 * @param {ApiOptions} [options]
 * @returns {Promise<Response>}
 */
export async function fetched(path, options = {}) {
  for (;;) {
    const used = key();
    const answer = await sent(path, options, used);
    if (answer.ok) return answer;
    const error = new ApiError(answer.status, await problem(answer), answer.headers.get("x-request-id"));
    if (answer.status !== 401) throw error;
    if (!(await askForKey(used))) throw error;
  }
}

/** Return the path with its query. */
export function address(path, query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Return the path of a market's route; its id may hold anything, slashes too.
 * @param {"/tsfm/markets" | "/tsfm/forecasts"} route
 * @param {string} marketId
 */
export const marketPath = (route, marketId) => `${route}/${encodeURIComponent(marketId)}`;

async function sent(path, { method = "GET", body, query, headers = {}, signal }, used) {
  const all = { Accept: "application/json", ...headers };
  if (used) all.Authorization = `Bearer ${used}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  try {
    return await fetch(address(path, query), {
      method, headers: all, signal, cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new OfflineError(error);
  }
}

async function problem(answer) {
  try {
    return await answer.json();
  } catch {
    return {};
  }
}
