// The columns of the table of markets.

import {
  badge, bandBar, codeWords, h, percent, points, probability, range, reasonOf, severityBadge, sparkline, staleMark, statusBadge, timeElement,
} from "../app.js";
import { isOpen, urgency } from "./book.js";

/** Return the address of the page of a market. */
export const marketAddress = (marketId) => `/ui/market?${new URLSearchParams({ id: marketId })}`;

const tone = (row) => (isOpen(row) ? row.breach.severity : "");

/** @type {import("../lib/table.js").Column[]} */
export const COLUMNS = [
  {
    key: "market", label: "Market", isHead: true, value: (row) => row.market_id,
    cell: (row) => [
      h("a", { href: marketAddress(row.market_id), class: "market-link", title: row.market_id }, row.market_id),
      h("span", { class: "sub" }, row.category ?? "no category"),
    ],
  },
  {
    key: "spark", label: "Trend and band ahead",
    cell: (row) => sparkline(row.spark, { ahead: row.ahead, tone: tone(row) }),
  },
  {
    key: "price", label: "Price %", isNumber: true, value: (row) => row.price,
    cell: (row) => h("span", { class: "figure" }, points(row.price)),
  },
  {
    key: "position", label: "In its band", hint: "The newest band that was issued before the price, for its time. A breach stands against the band that the price left, which may be an older one. Sorted by how far the price is from the middle.",
    first: "descending", value: (row) => (row.current ? Math.abs(row.current.position - 0.5) : null), cell: stand,
  },
  {
    key: "breach", label: "Breach", hint: "Severity, direction, prices in a row outside, and since when", first: "descending",
    value: urgency, cell: breach,
  },
  {
    key: "p", label: "p", isNumber: true, first: "ascending", hint: "Share of comparable outcomes at least this far from the median",
    value: (row) => row.current?.p_value, cell: (row) => probability(row.current?.p_value),
  },
  {
    key: "ahead", label: "Band ahead %", isNumber: true, hint: "Interval at the last step of the newest band. Sorted by width.",
    value: (row) => row.ahead.upper - row.ahead.lower,
    cell: (row) => h("span", { title: `${percent(row.ahead.coverage, 0)} interval` }, range(row.ahead.lower, row.ahead.upper)),
  },
  { key: "status", label: "Status", value: (row) => row.status, cell: (row) => statusBadge(row.status) },
  {
    key: "model", label: "Model", value: (row) => `${row.model_name} ${row.fallback_reason ?? ""}`,
    cell: (row) => [
      h("span", { class: "model" }, row.model_name),
      row.fallback_reason ? h("span", { class: "sub why", title: `Fallback: ${reasonOf(row.fallback_reason).means}` }, `↩ ${codeWords(row.fallback_reason)}`) : null,
    ],
  },
  { key: "age", label: "Last price", isNumber: true, first: "descending", value: (row) => Date.parse(row.as_of_ts), cell: age },
];

function stand(row) {
  const { current } = row;
  if (!current) return h("span", { class: "muted" }, "no band yet");
  return [
    bandBar(current, { tone: tone(row) }),
    h("span", { class: "sub" }, range(current.lower, current.upper), current.is_outside ? " · outside" : isOpen(row) ? " · newest" : ""),
  ];
}

function breach(row) {
  if (!row.breach) return h("span", { class: "quiet" }, "–");
  const { severity, direction, n_steps: n, opened_at: since, state } = row.breach;
  if (state === "cooldown") return [badge("cooling down"), h("span", { class: "sub" }, `was ${severity} ${direction}`)];
  return [severityBadge({ severity, direction }), h("span", { class: "sub" }, `${n} ${n === 1 ? "step" : "steps"} · `, timeElement(since))];
}

function age(row) {
  if (row.is_closed) return badge("closed");
  return row.is_stale ? [staleMark(), h("span", { class: "sub" }, timeElement(row.as_of_ts))] : timeElement(row.as_of_ts);
}
