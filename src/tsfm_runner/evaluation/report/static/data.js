// The data of the page, and how numbers of it are written.

const data = JSON.parse(document.getElementById("data").textContent);

/** Return the rows of a table that was packed by column. */
function unpacked(columns) {
  const names = Object.keys(columns);
  const texts = {};
  for (const name of names) {
    const column = columns[name];
    texts[name] = column.codes ? column.codes.map((code) => column.names[code]) : column;
  }
  const n = names.length ? texts[names[0]].length : 0;
  return Array.from({ length: n }, (_, place) =>
    Object.fromEntries(names.map((name) => [name, texts[name][place]])));
}

const tables = {};
for (const name of ["intervals", "levels", "segments", "segment_counts", "ratios", "cold_start"]) {
  tables[name] = unpacked(data[name]);
}

/** Return the rows in which every given field has the given value. */
function where(rows, wanted) {
  const names = Object.keys(wanted);
  return rows.filter((row) => names.every((name) => row[name] === wanted[name]));
}

const unique = (values) => [...new Set(values)];
const isKnown = (...values) => values.every((value) => value !== null && value !== undefined);
const ascending = (values) => unique(values).sort((a, b) => a - b);

const NONE = "—";
const percent = (share, digits = 1) => (isKnown(share) ? `${(100 * share).toFixed(digits)} %` : NONE);
const whole = (share) => `${Number((100 * share).toFixed(4))} %`;
const points = (width) => (isKnown(width) ? (100 * width).toFixed(2) : NONE);
const score = (value, digits = 4) => (isKnown(value) ? value.toFixed(digits) : NONE);
const count = (n) => (isKnown(n) ? n.toLocaleString("en") : NONE);
const between = (low, high, write) => (isKnown(low, high) ? `[${write(low)}, ${write(high)}]` : NONE);
const stepName = (step) => (step === 0 ? "all steps" : `step ${step}`);
const freqName = (freq) => (freq === "all" ? "all" : freq);

/** Return text that plotly shows as it is: it would read tags in it. */
const plain = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Return `category=weather,moving=0.1-0.2` as words. */
const segmentName = (segment) =>
  segment.split(",").map((part) => part.replace(/^category=/, "").replace("=", " ").replace(">=", "≥")).join(" · ");

/** Return whether a range from C- to C+ holds the target: right, maybe, off or unknown. */
function standing(low, high, lowest, highest, target, nGroups) {
  if (!isKnown(low, high)) return "unknown";
  if (low <= target && target <= high) return "right";
  if (nGroups < data.least_groups) return "maybe";
  return (lowest ?? low) <= target && target <= (highest ?? high) ? "maybe" : "off";
}

const coverageStanding = (row) =>
  standing(row.open, row.closed, row.open_low, row.closed_high, row.coverage, row.n_groups);

const STANDINGS = {
  right: "right",
  maybe: `wrong, but within its 95 % interval (or of fewer than ${data.least_groups} groups)`,
  off: "wrong beyond it",
};
