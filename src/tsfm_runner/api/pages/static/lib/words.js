// Codes of the wire in words: segments, closings.

const CLOSINGS = {
  recovered: "the price came back", turned: "the price left on the other side",
  market_closed: "the market closed", stale: "no prices came any more",
};

const spelled = (code) => String(code).replaceAll("_", " ");

/** Why a breach was closed. */
export const closingWords = (reason) => CLOSINGS[reason] ?? spelled(reason);
/** "route_policy" -> "route policy", for small places. */
export const codeWords = spelled;

const CATEGORIES = { other: "markets of other categories", none: "markets without a category" };
const PARTS = {
  category: (value) => CATEGORIES[value] ?? `${value} markets`,
  moving: (value) => `that move in ${bounds(value, (share) => `${Math.round(100 * share)}`, " %")} of their steps`,
  expiry: (value) => (/\d/.test(value) ? `${bounds(value, String, " steps")} from their end` : "with no end set"),
  edge: (value) => `${bounds(value, (share) => `${Math.round(100 * share)}`, " points")} from 0 or 100 %`,
  age: (value) => (value.startsWith("<") ? "new" : "long known"),
};

/** "category=crypto,moving=>=0.6,..." -> "crypto markets that move in 60 % or more of their steps, ...". */
export function segmentWords(segment) {
  if (!segment) return "markets in general";
  const parts = segment.split(",").map((part) => {
    const cut = part.indexOf("=");
    const [name, value] = [part.slice(0, cut), part.slice(cut + 1)];
    return cut > 0 && PARTS[name] ? PARTS[name](value) : spelled(part);
  });
  return parts.length < 2 ? parts.join("") : `${parts[0]} ${parts.slice(1).join(", ")}`;
}

function bounds(value, write, unit) {
  if (value.startsWith(">=")) return `${write(Number(value.slice(2)))}${unit} or more`;
  if (value.startsWith("<")) return `less than ${write(Number(value.slice(1)))}${unit}`;
  const [low, high] = value.split("-").map(Number);
  return Number.isFinite(high) ? `${write(low)}–${write(high)}${unit}` : value;
}
