// Asks for the figures that the page shows.

import { api } from "../app.js";
import { valuesOf } from "./segments.js";

const LIMIT = 1000;
const MAX_SEGMENTS = 300;

/** @typedef {{model: string, version: string, freq: string, segment: string, split: string}} Choice */

/** Return every row for a query, page after page. */
export async function rows(query) {
  const found = [];
  let cursor = null;
  let target = null;
  do {
    const page = await api("/tsfm/coverage", { query: { limit: LIMIT, ...query, cursor } });
    found.push(...page.rows);
    target = page.target_coverage;
    cursor = page.next_cursor;
  } while (cursor && found.length < LIMIT * 10);
  return { rows: found, target };
}

/** Return how each model did, pooled over segments and steps. */
export const byModel = (segment) => rows({ group_by: "model,freq,kind", segment });

/** Return how bands did at each step, of every model and kind at this frequency. */
export const byStep = ({ freq, segment }) => rows({ group_by: "model,kind,step", freq, segment });

/**
 * Return the steps of each part of the split: a name, and its rows.
 * @param {Choice} choice
 * @param {boolean} isShadow
 */
export async function bySplit(choice, isShadow) {
  const { model, version, freq, segment, split } = choice;
  const query = { model, version, freq, shadow: isShadow };
  const whole = await rows({ ...query, segment, group_by: "segment" });
  const segments = whole.rows.sort((a, b) => b.n - a.n).map((row) => row.segment);
  if (split === "segment") return wholeSegments(query, segment, segments);
  const wanted = valuesOf(segments, split);
  return Promise.all(wanted.map(async (value) => {
    const parts = [segment, `${split}=${value}`].filter(Boolean).join(",");
    const found = await rows({ ...query, segment: parts, group_by: "step" });
    return { name: split, value, segment: parts, rows: found.rows };
  }));
}

async function wholeSegments(query, segment, segments) {
  const found = await rows({ ...query, segment, group_by: "segment,step" });
  const groups = Map.groupBy(found.rows, (row) => row.segment);
  return segments.slice(0, MAX_SEGMENTS)
    .map((name) => ({ name: "segment", value: name, segment: name, rows: groups.get(name) ?? [] }));
}
