// The same as the charts show, in tables; and the breaches of the market.

import { badge, closingWords, h, moment, plural, points, probability, range, severityBadge, sortableTable, timeElement } from "../app.js";

/** Return the table of breaches with what came of them. */
export function breachTable() {
  return sortableTable({
    caption: "Breaches of this market, and what came of them", isCaptionHidden: true, name: "breaches",
    rowKey: (row) => row.dedupe_key, sort: { key: "opened", direction: "descending" }, none: "No breach of this market was signalled.",
    columns: [
      { key: "opened", label: "Opened", isHead: true, value: (row) => Date.parse(row.opened_at), first: "descending", cell: (row) => timeElement(row.opened_at) },
      { key: "severity", label: "Severity", value: (row) => ["moderate", "severe", "extreme"].indexOf(row.severity), first: "descending", cell: severityBadge },
      { key: "price", label: "Price %", isNumber: true, value: (row) => row.opened_price, cell: (row) => points(row.opened_price) },
      { key: "band", label: "Band left %", isNumber: true, cell: (row) => range(row.band.lower, row.band.upper) },
      { key: "p", label: "p", isNumber: true, first: "ascending", value: (row) => row.p_value, cell: (row) => probability(row.p_value) },
      { key: "steps", label: "Steps", isNumber: true, value: (row) => row.n_steps, cell: (row) => row.n_steps },
      { key: "end", label: "End", cell: (row) => (row.is_open ? badge("open", { tone: "info" }) : closingWords(row.close_reason)) },
      { key: "follow", label: "Followed, points", cell: follow },
    ],
  });
}

function follow({ follow_through: later }) {
  if (!later) return h("span", { class: "muted" }, "not decided");
  const word = later.followed === null ? "unknown" : later.followed ? "yes" : "no";
  return [badge(word, { tone: later.followed ? "good" : "plain" }), ` ${later.largest_move > 0 ? "+" : ""}${points(later.largest_move)}`];
}

/** Return a closed section that holds a table of data, made when it is opened. */
export function dataSection(title, columns, rows) {
  const table = sortableTable({
    caption: title, isCaptionHidden: true, columns, rowKey: (row) => row.ts, sort: { key: "ts", direction: "descending" },
  });
  const body = h("div", { class: "data-body" });
  const update = () => {
    if (!element.open) return;
    if (!body.firstChild) body.append(table.element);
    table.update(rows());
  };
  const element = /** @type {HTMLDetailsElement} */ (h("details", { class: "data", ontoggle: update }, h("summary", {}, title), body));
  return { element, update };
}

const time = { key: "ts", label: "Time", isHead: true, value: (row) => Date.parse(row.ts), first: /** @type {const} */ ("descending"), cell: (row) => moment(row.ts) };
const figure = (key, label) => ({ key, label, isNumber: true, value: (row) => row[key], cell: (row) => points(row[key], 2) });

export const PRICE_COLUMNS = [time, figure("price", "Price %")];
export const PAST_COLUMNS = [
  time, figure("lower", "Lower %"), figure("median", "Median %"), figure("upper", "Upper %"), figure("outcome", "Price %"),
  { key: "inside", label: "Held", value: (row) => Number(row.isInside), cell: (row) => (row.isInside === null ? "not yet known" : badge(row.isInside ? "● inside" : "◆ outside", { tone: row.isInside ? "good" : "severe" })) },
];

/** Return the columns of the forecast: every level, before and after calibration. */
export const forecastColumns = (keys) => [time, ...keys.flatMap((level) => [figure(`q${level}`, `q${level} %`), figure(`raw${level}`, `q${level} raw %`)])];

export const forecastRows = ({ ts, yhat_q: bands, yhat_q_raw: raw }) => ts.map((at, place) => ({
  ts: at,
  ...Object.fromEntries(Object.keys(bands).flatMap((level) => [[`q${level}`, bands[level][place]], [`raw${level}`, raw[level][place]]])),
}));

/** Return in words how the past bands did. */
export const tallyWords = (step, { n, nInside }) => (n ? `${nInside} of ${n} (${Math.round((100 * nInside) / n)} %) prices were inside the band issued ${plural(step, "step")} before.` : "No outcome of these bands is known yet.");
