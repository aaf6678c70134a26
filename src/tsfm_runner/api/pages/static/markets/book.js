// The markets as the page knows them: rows by id, what is chosen of them, and counts.

/** @typedef {Record<string, any>} MarketRow as `GET /tsfm/markets` tells it */
/** @typedef {{text: string, category: string, state: string}} Choice */

export const SEVERITIES = ["extreme", "severe", "moderate"];

/** What can be chosen: word for the reader, and what a row must be. */
export const STATES = {
  breaching: ["Breaching", (row) => row.breach?.state === "open"],
  extreme: ["Extreme breach", (row) => isOpen(row) && row.breach.severity === "extreme"],
  severe: ["Severe breach", (row) => isOpen(row) && row.breach.severity === "severe"],
  moderate: ["Moderate breach", (row) => isOpen(row) && row.breach.severity === "moderate"],
  cooldown: ["Cooling down", (row) => row.breach?.state === "cooldown"],
  outside: ["Outside its band", (row) => Boolean(row.current?.is_outside)],
  stale: ["Stale", (row) => row.is_stale && !row.is_closed],
  fallback: ["On fallback", (row) => row.fallback_reason !== null],
  calibrated: ["Calibrated", (row) => row.status === "calibrated"],
  unproven: ["Not yet calibrated", (row) => row.status !== "calibrated"],
  closed: ["Closed", (row) => row.is_closed],
};

export const isOpen = (row) => row.breach?.state === "open";

/** How much a row wants to be looked at: open breaches by severity, then the rest. */
export function urgency(row) {
  if (row.breach) {
    const severity = SEVERITIES.length - SEVERITIES.indexOf(row.breach.severity);
    return isOpen(row) ? 100 * severity + Math.min(99, row.breach.n_steps) : 10 + severity;
  }
  if (row.is_closed) return -2;
  if (row.is_stale) return -1;
  return row.current?.is_outside ? 1 : 0;
}

export class Book {
  /** @type {Map<string, MarketRow>} */
  #rows = new Map();

  /** Forget all and take these rows; one that came newer in the meantime stays. */
  fill(rows) {
    const newer = (row) => {
      const known = this.#rows.get(row.market_id);
      return known && known.updated_at > row.updated_at ? known : row;
    };
    this.#rows = new Map(rows.map((row) => [row.market_id, newer(row)]));
  }

  /** Take rows that changed. Return those whose breach is new or worse. */
  merge(rows) {
    const alarmed = rows.filter((row) => {
      const before = this.#rows.get(row.market_id);
      return isOpen(row) && (!isOpen(before ?? {}) || urgencyClass(row) > urgencyClass(before));
    });
    for (const row of rows) this.#rows.set(row.market_id, row);
    return alarmed;
  }

  /** Prices grow old though nobody tells of it; return whether one just did. */
  age(nowMs) {
    let hasAged = false;
    for (const [id, row] of this.#rows) {
      if (row.is_stale || Date.parse(row.stale_after) > nowMs) continue;
      this.#rows.set(id, { ...row, is_stale: true });
      hasAged = true;
    }
    return hasAged;
  }

  get size() {
    return this.#rows.size;
  }

  /** @returns {string[]} */
  get categories() {
    const known = new Set([...this.#rows.values()].map((row) => row.category).filter((name) => name !== null));
    return [...known].sort();
  }

  /** @param {Choice} choice */
  chosen({ text, category, state }) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const [, fits] = STATES[state] ?? [];
    return [...this.#rows.values()].filter((row) =>
      (!category || row.category === category) && (!fits || fits(row)) && words.every((word) => searched(row).includes(word)));
  }

  count(state) {
    const [, fits] = STATES[state];
    let n = 0;
    for (const row of this.#rows.values()) if (fits(row)) n += 1;
    return n;
  }

  /** Return the share of judged markets whose newest price is inside its band, and their number. */
  get inside() {
    const judged = [...this.#rows.values()].filter((row) => row.current && !row.is_closed && !row.is_stale);
    const n = judged.filter((row) => !row.current.is_outside).length;
    return { n: judged.length, share: judged.length ? n / judged.length : null };
  }
}

const urgencyClass = (row) => Math.floor(urgency(row) / 100);

const searched = (row) =>
  `${row.market_id} ${row.category ?? ""} ${row.event_id ?? ""} ${row.model_name} ${row.status} ${row.fallback_reason ?? ""}`.toLowerCase();
