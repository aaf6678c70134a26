// The names of segments, taken apart and put into words.

/** What can be told apart, in the words of its choice. */
export const SPLITS = {
  category: "Category",
  moving: "How often prices move",
  expiry: "Time to the end",
  edge: "Distance from 0 and 1",
  age: "Age of the market",
  segment: "Whole segments",
};

/**
 * "category=weather,age=<36" -> [["category", "weather"], ["age", "<36"]].
 * @param {string} segment
 * @returns {[string, string][]}
 */
export function partsOf(segment) {
  return segment.split(",").filter(Boolean).map((part) => {
    const at = part.indexOf("=");
    return at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
  });
}

/** Every value that a part of these segments has, in their order. */
export function valuesOf(segments, name) {
  const values = segments.flatMap(partsOf).filter(([part]) => part === name).map(([, value]) => value);
  return [...new Set(values)].sort(inSize);
}

/** Return a part in words. */
export function partInWords(name, value) {
  if (name === "category") return value === "none" ? "no category" : value;
  if (name === "moving") return `${asPercent(value)} of steps move`;
  if (name === "expiry") return value === "none" ? "no known end" : `${plain(value)} steps to the end`;
  if (name === "edge") return `${asPoints(value)} points from 0 or 100`;
  if (name === "age") return value.startsWith("<") ? "young market" : "grown market";
  return value ? `${name} ${value}` : name;
}

/** Return a segment in words. */
export function segmentInWords(segment) {
  return partsOf(segment).map(([name, value]) => partInWords(name, value)).join(" · ") || "all segments";
}

const plain = (value) => value.replace("<", "under ").replace(/^>=/, "at least ").replace(/(\d)-(\d)/, "$1 – $2");
const inPoints = (value) => value.replace(/[\d.]+/g, (share) => String(Number((100 * Number(share)).toFixed(1))));
const asPoints = (value) => plain(inPoints(value));
const asPercent = (value) => `${plain(inPoints(value))} %`;

function inSize(one, other) {
  const [a, b] = [sizeOf(one), sizeOf(other)];
  return a - b || one.localeCompare(other);
}

function sizeOf(value) {
  const [number] = /[\d.]+/.exec(value) ?? [];
  if (number === undefined) return Infinity;
  return Number(number) - (value.startsWith("<") ? 1e-9 : 0);
}
