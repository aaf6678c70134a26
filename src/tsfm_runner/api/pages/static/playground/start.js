// What to start from: an example, a market of the board, or a file.

import { h, replace } from "../app.js";
import { EXAMPLES } from "./examples.js";

const MAX_MARKETS = 200;

/**
 * @param {{example: (name: string) => void, market: (id: string) => void, file: (file: File) => void}} chosen
 */
export function startField(chosen) {
  const markets = h("optgroup", { label: "Markets of the board", hidden: true });
  const select = /** @type {HTMLSelectElement} */ (h("select", { id: "start", onchange: () => {
    const [kind, ...rest] = select.value.split(":");
    if (kind === "example") chosen.example(rest.join(":"));
    if (kind === "market") chosen.market(rest.join(":"));
  } },
  h("option", { value: "" }, "My own series"),
  h("optgroup", { label: "Examples" }, Object.entries(EXAMPLES).map(([name, { label }]) => h("option", { value: `example:${name}` }, label))),
  markets));
  const file = /** @type {HTMLInputElement} */ (h("input", { type: "file", id: "file", accept: ".csv,.json,.jsonl,.txt,.tsv,text/csv,application/json,text/plain", onchange: () => {
    if (file.files?.[0]) chosen.file(file.files[0]);
    file.value = "";
  } }));
  const offer = (rows) => {
    markets.hidden = rows.length === 0;
    replace(markets, rows.slice(0, MAX_MARKETS).map(({ market_id: id, category }) => h("option", { value: `market:${id}` }, category ? `${id} · ${category}` : id)));
  };
  return {
    element: h("div", { class: "row" },
      h("div", { class: "field" }, h("label", { for: "start" }, "Start from"), select),
      h("div", { class: "field" }, h("label", { for: "file" }, "or a file (CSV, JSON, text)"), file)),
    offer, choose: (value) => { select.value = value; },
  };
}
