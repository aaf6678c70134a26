// Whether bands keep what they promise, judged from what GET /tsfm/coverage tells.

const Z_95 = 1.959964;
const TOLERANCE = 0.02;
const TELLING_HALF_WIDTH = 0.1;

/** @typedef {"narrow" | "right" | "wide" | "early"} Judgement */
/** @typedef {{closed: number, open: number, mean_width: number, interval_score: number}} Interval */

/** Each has a word and a shape of its own, so that nobody has to tell colours apart. */
export const JUDGEMENTS = {
  narrow: { word: "too narrow", mark: "▼", tone: "severe", means: "fewer prices ended inside than promised" },
  right: { word: "right", mark: "●", tone: "good", means: "as many prices ended inside as promised" },
  wide: { word: "too wide", mark: "▲", tone: "info", means: "more prices ended inside than promised" },
  early: { word: "too early to say", mark: "·", tone: "plain", means: "too few independent outcomes to tell" },
};

/** The two published intervals; `share` is what each promises. */
export const INTERVALS = {
  served: { label: "80 %", long: "the band from 0.1 to 0.9", share: () => 0.8 },
  target: { label: "Target", long: "the interval at the target", share: (targetCoverage) => targetCoverage },
};

/**
 * Return the 95 % interval of a share of n independent outcomes (Wilson 1927).
 * @param {number} share
 * @param {number} n
 * @returns {[number, number]}
 */
export function wilson(share, n) {
  const z2 = (Z_95 * Z_95) / n;
  const centre = (share + z2 / 2) / (1 + z2);
  const half = (Z_95 / (1 + z2)) * Math.sqrt((share * (1 - share)) / n + z2 / (4 * n));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/**
 * Return where the share lies with 95 %. Prices stand on a grid, so that it lies between
 * `open`, which counts an edge as outside, and `closed`, which counts it as inside.
 * @param {Interval} interval
 * @param {number | null} nEffective
 * @returns {[number, number] | null}
 */
export function spread({ closed, open }, nEffective) {
  if (!nEffective) return null;
  return [wilson(open, nEffective)[0], wilson(closed, nEffective)[1]];
}

/**
 * @param {Interval} interval
 * @param {number | null} nEffective
 * @param {number} promised
 * @returns {Judgement}
 */
export function judged(interval, nEffective, promised) {
  const around = spread(interval, nEffective);
  if (!around) return "early";
  if (around[1] < promised - TOLERANCE) return "narrow";
  if (around[0] > promised + TOLERANCE) return "wide";
  const [low, high] = wilson(promised, /** @type {number} */ (nEffective));
  return high - low > 2 * TELLING_HALF_WIDTH ? "early" : "right";
}
