// Numbers and times as a reader wants them.

export const NONE = "–";
const MINUS = "−";
const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
const signed = (text) => text.replace(/^-/, MINUS);

/** 0.4731 -> "47.3", for columns whose head says percent. */
export const points = (value, digits = 1) => (isNumber(value) ? signed((100 * value).toFixed(digits)) : NONE);
/** 0.4731 -> "47.3 %". */
export const percent = (value, digits = 1) => (isNumber(value) ? `${points(value, digits)} %` : NONE);
/** 0.021 -> "+2.1 points". */
export const change = (value, digits = 1) =>
  (isNumber(value) ? `${value > 0 ? "+" : ""}${points(value, digits)} points` : NONE);
/** 0.41, 0.52 -> "41.0 – 52.0". */
export const range = (low, high, digits = 1) =>
  (isNumber(low) && isNumber(high) ? `${points(low, digits)} – ${points(high, digits)}` : NONE);
/** 12345 -> "12,345". */
export const count = (value) => (isNumber(value) ? value.toLocaleString("en") : NONE);
/** 1, "market" -> "1 market"; 2 -> "2 markets". */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
/** 0.00042 -> "0.0004"; very small ones as "< 0.0001". */
export function probability(value) {
  if (!isNumber(value)) return NONE;
  if (value < 0.0001) return "< 0.0001";
  return value < 0.01 ? value.toFixed(4) : value.toFixed(2);
}
/** 12.34 -> "12.3 ms"; 1234 -> "1.23 s". */
export function milliseconds(value) {
  if (!isNumber(value)) return NONE;
  if (value >= 1000) return `${(value / 1000).toPrecision(3)} s`;
  return value < 100 ? `${value.toPrecision(value < 1 ? 2 : 3)} ms` : `${Math.round(value)} ms`;
}

const UNITS = /** @type {const} */ ([[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]]);

/** 3725 -> "1 h 2 min": the two largest units that are not zero. */
export function duration(seconds) {
  if (!isNumber(seconds)) return NONE;
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [size, unit] of UNITS) {
    const n = Math.floor(left / size);
    left -= n * size;
    if (n) parts.push(`${n} ${unit}`);
    else if (parts.length) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || "0 s";
}

/** The same by its largest unit only: "1 h". */
export const shortly = (seconds) => duration(seconds).split(" ").slice(0, 2).join(" ");

const FREQS = { m: 60, min: 60, h: 3_600, d: 86_400, s: 1 };

/** "5m", "1h", "1d" -> seconds; NaN for what is none. */
export function stepSeconds(freq) {
  const [, n, unit] = /^(\d+)\s*([a-z]+)$/i.exec(freq ?? "") ?? [];
  return unit ? Number(n) * (FREQS[unit.toLowerCase()] ?? NaN) : NaN;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "UTC",
});
const HOURS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });

/** RFC 3339 -> "20 Feb 2026, 12:00 UTC". */
export const moment = (text) => (text ? `${CLOCK.format(new Date(text))} UTC` : NONE);
/** RFC 3339 -> "12:00" (UTC). */
export const hours = (text) => (text ? HOURS.format(new Date(text)) : NONE);
