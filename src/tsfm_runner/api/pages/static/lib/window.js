// Rows of one height, of which only those near the screen are in the page.

import { h } from "./dom.js";

const AROUND = 8; // rows kept above and below the screen
const FIRST_HEIGHT = 44;

/**
 * @typedef {object} WindowOptions
 * @property {(row: any) => HTMLTableRowElement} make
 * @property {(tr: HTMLTableRowElement, row: any) => void} patch
 * @property {(row: any) => string} keyOf
 * @property {number} nColumns
 * @property {boolean} isWhole whether every row is in the page
 */

/**
 * Return what shows rows in a table's body as the page is scrolled.
 * @param {HTMLElement} body
 * @param {WindowOptions} options
 * @returns {{show: (rows: any[]) => void}}
 */
export function windowOf(body, options) {
  const view = new View(body, options);
  if (!options.isWhole) {
    let isDue = false;
    const soon = () => {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => { isDue = false; view.draw(); });
    };
    addEventListener("scroll", soon, { passive: true });
    new ResizeObserver(() => { view.measure(); soon(); }).observe(document.documentElement);
    body.addEventListener("keydown", (event) => view.steer(event));
  }
  return { show: (rows) => { view.rows = rows; view.draw(); } };
}

class View {
  /** @type {any[]} */
  rows = [];
  /** @type {Map<string, {tr: HTMLTableRowElement, row: any}>} */
  #shown = new Map();
  /** @type {HTMLElement[]} */
  #spacers = [];
  #height = FIRST_HEIGHT;

  constructor(body, options) {
    this.body = body;
    this.options = options;
  }

  /** Learn how high a row is now; cards are higher than lines. */
  measure() {
    const [first] = this.#shown.values();
    const height = first?.tr.getBoundingClientRect().height;
    if (height) this.#height = height;
  }

  draw() {
    const isFirst = !this.#shown.size;
    this.#place(this.#wanted());
    if (!isFirst) return; // to measure makes the browser lay out the page
    const before = this.#height;
    this.measure();
    if (before !== this.#height) this.#place(this.#wanted());
  }

  /** Return the places of the rows to have in the page, ascending. */
  #wanted() {
    const n = this.rows.length;
    if (this.options.isWhole) return this.rows.map((_, place) => place);
    const top = -this.body.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(top / this.#height) - AROUND);
    const last = Math.min(n, Math.ceil((top + innerHeight) / this.#height) + AROUND);
    const places = [];
    for (let place = Math.min(first, n); place < last; place += 1) places.push(place);
    const focused = this.#focusedPlace();
    if (focused >= 0 && !places.includes(focused)) places.push(focused);
    return places.sort((a, b) => a - b);
  }

  /** The row with the focus stays in the page, else the focus would be lost. */
  #focusedPlace() {
    const tr = document.activeElement?.closest("tr");
    if (!tr || !this.body.contains(tr)) return -1;
    return this.rows.findIndex((row) => this.options.keyOf(row) === tr.dataset.key);
  }

  #place(places) {
    const wanted = new Set(places.map((place) => this.options.keyOf(this.rows[place])));
    for (const [key, { tr }] of this.#shown) {
      if (wanted.has(key)) continue;
      tr.remove();
      this.#shown.delete(key);
    }
    this.#spacers.forEach((spacer) => spacer.remove());
    this.#spacers = [];
    let next = this.body.firstElementChild;
    let expected = 0;
    for (const place of places) {
      const tr = this.#rowAt(place);
      if (place > expected) this.body.insertBefore(this.#spacer(place - expected), next === tr ? tr : next);
      if (next === tr) next = tr.nextElementSibling;
      else this.body.insertBefore(tr, next);
      expected = place + 1;
    }
    if (expected < this.rows.length) this.body.append(this.#spacer(this.rows.length - expected));
  }

  #rowAt(place) {
    const row = this.rows[place];
    const key = this.options.keyOf(row);
    const known = this.#shown.get(key);
    if (known && known.row !== row) {
      this.options.patch(known.tr, row);
      known.row = row;
    }
    const tr = known?.tr ?? this.options.make(row);
    if (!known) this.#shown.set(key, { tr, row });
    tr.dataset.key = key;
    if (!this.options.isWhole) tr.setAttribute("aria-rowindex", String(place + 2));
    return tr;
  }

  #spacer(n) {
    const cell = h("td", { colspan: this.options.nColumns });
    cell.style.height = `${n * this.#height}px`;
    const spacer = h("tr", { class: "spacer", "aria-hidden": "true" }, cell);
    this.#spacers.push(spacer);
    return spacer;
  }

  /** Move the focus from row to row by the arrow keys. */
  steer(event) {
    const jump = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity }[event.key];
    if (jump === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    const from = this.#focusedPlace();
    if (from < 0) return;
    event.preventDefault();
    const place = Math.max(0, Math.min(this.rows.length - 1, from + jump));
    this.#focus(place);
  }

  #focus(place) {
    const key = this.options.keyOf(this.rows[place]);
    if (!this.#shown.has(key)) {
      const top = this.body.getBoundingClientRect().top + scrollY + place * this.#height;
      scrollTo({ top: top - innerHeight / 2, behavior: "instant" });
      this.draw();
    }
    const target = this.#shown.get(key)?.tr.querySelector("a, button");
    if (target instanceof HTMLElement) target.focus();
  }
}
