// A table that sorts, in real table semantics; a windowed one holds thousands of rows.

import { h, replace, svg } from "./dom.js";
import { windowOf } from "./window.js";

/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} label
 * @property {string} [hint] shown when the pointer rests on the head
 * @property {(row: any) => import("./dom.js").Child} cell
 * @property {(row: any) => number | string | null | undefined} [value] what to sort by; none: no sorting
 * @property {"ascending" | "descending"} [first] the direction of the first click
 * @property {boolean} [isNumber] aligned at its end
 * @property {boolean} [isHead] names the row
 *
 * @typedef {{key: string, direction: "ascending" | "descending"}} Sort
 *
 * @typedef {object} TableOptions
 * @property {string} caption
 * @property {boolean} [isCaptionHidden]
 * @property {Column[]} columns
 * @property {(row: any) => string} rowKey
 * @property {Sort} sort
 * @property {(sort: Sort) => void} [onSort]
 * @property {(row: any) => Record<string, string>} [rowData] `data-*` of a row, for its look
 * @property {boolean} [isWindowed] only what is on screen is in the page; rows of one height
 * @property {import("./dom.js").Child} [none] what stands there without rows
 * @property {string} [name] class of the table
 */

/**
 * @param {TableOptions} options
 * @returns {{element: HTMLElement, update: (rows: any[]) => void, setSort: (sort: Sort) => void}}
 */
export function sortableTable(options) {
  const table = new Table(options);
  return {
    element: table.element,
    update: (rows) => table.update(rows),
    setSort: (sort) => table.setSort(sort),
  };
}

const HOLD_MS = 2000;

class Table {
  /** @type {any[]} */
  #rows = [];
  #sort;
  #options;
  #heads = new Map();
  #body = h("tbody", { role: "rowgroup" });
  #none = h("div", { class: "table-none", hidden: true });
  #window;
  #pointerAt = -Infinity;

  constructor(options) {
    this.#options = options;
    this.#sort = options.sort;
    const { caption, isCaptionHidden, name = "", isWindowed } = options;
    const table = h("table", { class: `table ${name}`, role: "table" },
      h("caption", { class: isCaptionHidden ? "unseen" : null }, caption), this.#head(), this.#body);
    replace(this.#none, options.none ?? "Nothing to show.");
    this.element = h("div", isWindowed ? { class: "table-frame" } : { class: "table-frame scroll", tabindex: "0", role: "group", "aria-label": caption },
      table, this.#none);
    this.#window = windowOf(this.#body, { make: (row) => this.#row(row), patch: (tr, row) => this.#patch(tr, row), isWhole: !isWindowed, nColumns: options.columns.length, keyOf: options.rowKey });
    this.#body.addEventListener("pointermove", () => { this.#pointerAt = performance.now(); });
    this.#showSort();
    this.table = table;
  }

  update(rows) {
    const known = this.#isHeld() ? new Map(this.#rows.map((row, place) => [this.#options.rowKey(row), place])) : null;
    this.#rows = known ? held(rows, known, this.#options.rowKey) : this.#sorted(rows);
    this.#none.hidden = rows.length > 0;
    this.table.hidden = rows.length === 0;
    this.table.setAttribute("aria-rowcount", String(rows.length + 1));
    this.#window.show(this.#rows);
  }

  setSort(sort) {
    this.#sort = sort;
    this.#showSort();
    this.#rows = this.#sorted(this.#rows);
    this.#window.show(this.#rows);
  }

  /** Whether the reader is at a row: rows must not move away from under them. */
  #isHeld() {
    return this.#body.contains(document.activeElement) || performance.now() - this.#pointerAt < HOLD_MS;
  }

  #head() {
    return h("thead", { role: "rowgroup" }, h("tr", { role: "row", "aria-rowindex": "1" }, this.#options.columns.map((column) => this.#headCell(column))));
  }

  #headCell(column) {
    const cell = h("th", { scope: "col", role: "columnheader", class: column.isNumber ? "number" : null, title: column.hint, dataset: { column: column.key } },
      column.value
        ? h("button", { type: "button", class: "sort", onclick: () => this.#turn(column) }, column.label,
          svg("svg", { viewBox: "0 0 8 12", "aria-hidden": "true" }, svg("path", { class: "up", d: "M4 1 7 5H1Z" }), svg("path", { class: "down", d: "M4 11 1 7h6Z" })))
        : column.label);
    this.#heads.set(column.key, cell);
    return cell;
  }

  #turn(column) {
    const first = column.first ?? (column.isNumber ? "descending" : "ascending");
    const other = first === "ascending" ? "descending" : "ascending";
    const isSame = this.#sort.key === column.key && this.#sort.direction === first;
    this.setSort({ key: column.key, direction: isSame ? other : first });
    this.#options.onSort?.(this.#sort);
  }

  #showSort() {
    for (const [key, cell] of this.#heads) {
      if (key === this.#sort.key) cell.setAttribute("aria-sort", this.#sort.direction);
      else cell.removeAttribute("aria-sort");
    }
  }

  #sorted(rows) {
    const value = this.#options.columns.find((column) => column.key === this.#sort.key)?.value;
    if (!value) return [...rows];
    const sign = this.#sort.direction === "ascending" ? 1 : -1;
    const keyed = rows.map((row) => ({ row, value: value(row), name: this.#options.rowKey(row) }));
    keyed.sort((a, b) => compare(a.value, b.value, sign) || compare(a.name, b.name, 1));
    return keyed.map(({ row }) => row);
  }

  #row(row) {
    const tr = h("tr", { role: "row" }, this.#options.columns.map((column) =>
      h(column.isHead ? "th" : "td", {
        scope: column.isHead ? "row" : null, role: column.isHead ? "rowheader" : "cell",
        class: column.isNumber ? "number" : null, dataset: { column: column.key, label: column.label },
      }, column.cell(row))));
    Object.assign(tr.dataset, this.#options.rowData?.(row));
    return tr;
  }

  /** Change only the cells that differ: the others may hold the focus. */
  #patch(tr, row) {
    const fresh = this.#row(row);
    [...tr.cells].forEach((cell, place) => {
      const other = fresh.cells[place];
      if (!cell.isEqualNode(other)) cell.replaceChildren(...other.childNodes);
    });
    for (const name of Object.keys(tr.dataset)) if (!(name in fresh.dataset)) delete tr.dataset[name];
    Object.assign(tr.dataset, fresh.dataset);
  }
}

/** Keep known rows where they were; new ones come last. */
function held(rows, known, keyOf) {
  const place = (row) => known.get(keyOf(row)) ?? Infinity;
  return rows.map((row) => ({ row, place: place(row) })).sort((a, b) => (a.place === b.place ? 0 : a.place - b.place)).map(({ row }) => row);
}

/** Values that are not known come last, whichever way the others go. */
function compare(a, b, sign) {
  const isNone = (value) => value === null || value === undefined || Number.isNaN(value);
  if (isNone(a) || isNone(b)) return Number(isNone(a)) - Number(isNone(b));
  if (typeof a === "string" && typeof b === "string") return sign * COLLATOR.compare(a, b);
  return a === b ? 0 : sign * (a < b ? -1 : 1);
}

const COLLATOR = new Intl.Collator("en", { numeric: true });
