// What was told in the last ten minutes, kept in the browser.

const KEPT_MS = 600_000;
const LEAST_APART_MS = 900;

/** @typedef {{atMs: number, status: any}} Sample */

export class Samples {
  /** @type {Sample[]} */
  #kept = [];

  /** Keep a status that was told at this time of the reader's clock. */
  add(status, atMs = Date.now()) {
    const last = this.#kept.at(-1);
    // Counts begin anew with the process.
    if (last && last.status.started_at !== status.started_at) this.#kept = [];
    if (last && atMs - last.atMs < LEAST_APART_MS) this.#kept.pop();
    this.#kept.push({ atMs, status });
    while (this.#kept[0].atMs < atMs - KEPT_MS) this.#kept.shift();
  }

  /**
   * Return a figure over time, as points of time and value.
   * @param {(status: any) => number | null} read
   * @returns {[number, number | null][]}
   */
  line(read) {
    return this.#kept.map(({ atMs, status }) => [atMs, read(status)]);
  }

  /**
   * Return how fast a count grew, in units a second, from each sample to the next.
   * @param {(status: any) => number} read
   * @returns {[number, number | null][]}
   */
  rate(read) {
    return this.#kept.slice(1).map(({ atMs, status }, place) => {
      const before = this.#kept[place];
      return [atMs, (1000 * (read(status) - read(before.status))) / (atMs - before.atMs)];
    });
  }

  /** Return by how much counts grew in the last seconds; null where nothing did. */
  growth(read, spanMs = 60_000) {
    const last = this.#kept.at(-1);
    if (!last) return null;
    const first = this.#kept.find(({ atMs }) => atMs >= last.atMs - spanMs) ?? last;
    const [before, now] = [read(first.status), read(last.status)];
    const grown = Object.entries(now).map(([name, n]) => /** @type {[string, number]} */ ([name, n - (before[name] ?? 0)])).filter(([, n]) => n > 0);
    return grown.length ? new Map(grown) : null;
  }
}
