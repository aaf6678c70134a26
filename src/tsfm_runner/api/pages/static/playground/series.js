// Reads a series as people paste it: plain numbers, CSV, JSON; says what it made of it.

const NOTHING = new Set(["", "null", "nan", "na", "none", "-"]);
const TIME_NAMES = ["ts", "time", "timestamp", "date", "datetime", "ds", "t"];
const PRICE_NAMES = ["price", "y", "p", "value", "close", "mid", "probability", "last"];
const MS_FROM = 1e11;
const HAS_ZONE = /(z|[+-]\d\d:?\d\d)$/i;

/**
 * Return what a text holds. `fields` are those of a whole request, if it was one.
 * @param {string} text
 * @returns {{y: (number | null)[], times: number[] | null, fields: Record<string, any>, isPercent: boolean, wasSorted?: boolean}}
 * @throws {Error} with words for the reader
 */
export function readSeries(text) {
  const trimmed = text.trim();
  if (!trimmed) throw new Error("Paste a series first: one price for each step, oldest first.");
  const read = /^[[{]/.test(trimmed) ? readJson(trimmed) : readLines(trimmed);
  const known = read.y.filter((price) => price !== null);
  if (!known.length) throw new Error("There is no number in it.");
  return { fields: {}, ...read, ...inOrder(read), ...asPercent(known, read.hasPercentSign) };
}

/** Whether prices look as if they were given from 0 to 100; nothing is converted unasked. */
function asPercent(known, hasSign = false) {
  const most = known.reduce((a, b) => Math.max(a, b), -Infinity);
  const least = known.reduce((a, b) => Math.min(a, b), Infinity);
  return { isPercent: least >= 0 && most <= 100 && (most > 1 || hasSign) };
}

export function fromPercent(y) {
  return y.map((price) => (price === null ? null : Number((price / 100).toFixed(8))));
}

function readJson(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return readJsonLines(text);
  }
  if (Array.isArray(value)) return fromList(value);
  if (Array.isArray(value.y)) return fromRequest(value);
  if (Array.isArray(value.history)) return fromList(value.history);
  throw new Error("This JSON has no list of prices: send [0.41, 0.42] or {\"y\": [0.41, 0.42]}.");
}

function readJsonLines(text) {
  const rows = text.split(/\r?\n/).filter((line) => line.trim());
  try {
    return fromList(rows.map((line) => JSON.parse(line)));
  } catch {
    throw new Error("This begins like JSON, and is none. Look for a comma or a quote too many.");
  }
}

function fromRequest({ y, y_ts: times, ...fields }) {
  const read = fromList(y);
  const hasTimes = Array.isArray(times) && times.length === y.length;
  return { ...read, times: hasTimes ? times.map(momentOf) : null, fields };
}

function fromList(list) {
  if (!list.length) throw new Error("The list is empty.");
  if (typeof list[0] !== "object" || list[0] === null) {
    return { y: list.map((value, place) => priceOf(value, place)), times: null };
  }
  if (Array.isArray(list[0])) return fromColumns(list.map((row) => row.map(String)), 0);
  const names = Object.keys(list[0]);
  const price = found(names, PRICE_NAMES);
  const time = found(names, TIME_NAMES);
  if (price === undefined) throw new Error(`No name of a price among ${names.join(", ")}.`);
  return {
    y: list.map((row, place) => priceOf(row[price], place)),
    times: time === undefined ? null : list.map((row) => momentOf(row[time])),
  };
}

function readLines(pasted) {
  const text = withPoints(pasted.replaceAll(/(\d)[ \t\u00a0]+%/g, "$1%"));
  const lines = text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean);
  const hasPercentSign = text.includes("%");
  const mark = ["\t", ";"].find((one) => lines[0].includes(one)) ?? ",";
  const rows = lines.map((line) => line.split(mark).map((cell) => unquoted(cell.trim())));
  const isTable = rows.length > 1 && rows.every((row) => row.length === rows[0].length)
    && rows[0].length > 1 && !isAllNumbers(rows);
  if (isTable) return { ...fromTable(rows), hasPercentSign };
  const header = /^[a-z_ "]+$/i.test(lines[0]) && !NOTHING.has(lines[0].toLowerCase()) ? 1 : 0;
  const cells = lines.slice(header).join("\n").split(/[\s,;]+/).filter(Boolean);
  return { y: cells.map((cell, place) => priceOf(cell, place)), times: null, hasPercentSign };
}

/** "0,41; 0,42" -> "0.41; 0.42", where every comma can be nothing but a decimal one. */
function withPoints(text) {
  const isDecimal = /(?<![\d,.])([01]),(\d+)(?=%?\s*(;|\t|$))/gm;
  const isSure = !text.includes(".") && !text.replaceAll(isDecimal, "").includes(",");
  return isSure ? text.replaceAll(isDecimal, "$1.$2") : text;
}

function fromTable(rows) {
  const names = rows[0].map((cell) => cell.toLowerCase());
  const isHeader = names.every((name) => !Number.isFinite(Number(name)) && Number.isNaN(Date.parse(name)));
  if (!isHeader) return fromColumns(rows, 0);
  const time = found(names, TIME_NAMES);
  const price = found(names, PRICE_NAMES);
  const body = rows.slice(1);
  if (price === undefined) throw new Error(`No column of prices among ${rows[0].join(", ")}.`);
  return {
    y: body.map((row, place) => priceOf(row[names.indexOf(price)], place)),
    times: time === undefined ? null : body.map((row) => momentOf(row[names.indexOf(time)])),
  };
}

function fromColumns(rows, first) {
  return {
    y: rows.map((row, place) => priceOf(row[first + 1], place)),
    times: rows.map((row) => momentOf(row[first])),
  };
}

/** Two columns of plain numbers are times and prices where the first grows like a clock. */
function isAllNumbers(rows) {
  if (rows.some((row) => row.some((cell) => !NOTHING.has(cell.toLowerCase()) && Number.isNaN(Number(cell))))) {
    return false;
  }
  return !(rows[0].length === 2 && rows.every((row) => Number(row[0]) > 1e8));
}

function found(names, wanted) {
  return names.find((name) => wanted.includes(name.toLowerCase()));
}

function unquoted(cell) {
  return /^".*"$/.test(cell) ? cell.slice(1, -1) : cell;
}

function priceOf(value, place) {
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  const text = String(value ?? "").trim().replace(/\s*%$/, "");
  if (NOTHING.has(text.toLowerCase())) return null;
  const price = Number(text);
  if (Number.isNaN(price)) throw new Error(`Price ${place + 1} is no number: ${text.slice(0, 40)}`);
  return price;
}

function momentOf(value) {
  const number = Number(value);
  if (value !== "" && Number.isFinite(number)) return number >= MS_FROM ? number : number * 1000;
  const text = String(value).trim().replace(" ", "T");
  const at = Date.parse(HAS_ZONE.test(text) || !text.includes("T") ? text : `${text}Z`);
  if (Number.isNaN(at)) throw new Error(`No time: ${String(value).slice(0, 40)}`);
  return at;
}

function inOrder({ y, times }) {
  if (!times) return {};
  const isSorted = times.every((at, place) => place === 0 || at >= times[place - 1]);
  if (isSorted) return {};
  const order = times.map((_, place) => place).sort((a, b) => times[a] - times[b]);
  return {
    y: order.map((place) => y[place]),
    times: order.map((place) => times[place]),
    wasSorted: true,
  };
}

/** The step between points in seconds: what lies between most of them. */
export function usualStep(times) {
  const gaps = times.slice(1).map((at, place) => (at - times[place]) / 1000).sort((a, b) => a - b);
  return gaps.length ? gaps[Math.floor(gaps.length / 2)] : null;
}

/** Whether points stand exactly a step apart, so that nobody has to send their times. */
export function isRegular(times, stepS) {
  return times.every((at, place) => place === 0 || at - times[place - 1] === stepS * 1000);
}
