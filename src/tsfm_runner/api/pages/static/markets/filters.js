// What the reader chooses: words, a category, a state; and the tiles that do the same.

import { count, h, percent, plural, replace, setText } from "../app.js";
import { STATES } from "./book.js";

/**
 * Return the bar of filters.
 * @param {import("./book.js").Choice} choice changed in place
 * @param {() => void} changed
 */
export function filterBar(choice, changed) {
  const text = /** @type {HTMLInputElement} */ (h("input", {
    type: "search", id: "filter", value: choice.text, placeholder: "Filter by market, event, model…", autocomplete: "off", spellcheck: "false", "aria-keyshortcuts": "/",
    oninput: () => { choice.text = text.value; changed(); },
  }));
  const category = /** @type {HTMLSelectElement} */ (h("select", { id: "category", onchange: () => { choice.category = category.value; changed(); } }));
  const state = /** @type {HTMLSelectElement} */ (h("select", { id: "state", onchange: () => { choice.state = state.value; changed(); } },
    h("option", { value: "" }, "Any state"), Object.entries(STATES).map(([name, [word]]) => h("option", { value: name }, word))));
  const found = h("p", { class: "found", "aria-live": "off" });
  addEventListener("keydown", (event) => slash(event, text));
  const element = h("form", { class: "filters", role: "search", "aria-label": "Filter markets", onsubmit: (event) => event.preventDefault() },
    h("div", { class: "search" }, h("label", { class: "unseen", for: "filter" }, "Filter markets"), text, h("kbd", { "aria-hidden": "true" }, "/")),
    h("label", { class: "unseen", for: "category" }, "Category"), category,
    h("label", { class: "unseen", for: "state" }, "State"), state, found);
  return {
    element,
    /** Show what is chosen and how much of it there is. */
    show({ categories, nFound, n }) {
      const names = choice.category && !categories.includes(choice.category) ? [...categories, choice.category] : categories;
      if (names.join("\n") !== [...category.options].slice(1).map((one) => one.value).join("\n") || !category.options.length) {
        replace(category, h("option", { value: "" }, "All categories"), names.map((name) => h("option", { value: name }, name)));
      }
      category.value = choice.category;
      state.value = choice.state;
      if (document.activeElement !== text) text.value = choice.text;
      setText(found, nFound === n ? plural(n, "market") : `${count(nFound)} of ${plural(n, "market")}`);
    },
  };
}

function slash(event, input) {
  if (event.key === "Escape" && document.activeElement === input && input.value) {
    input.value = "";
    input.dispatchEvent(new Event("input"));
    return;
  }
  const isTyping = event.target instanceof HTMLElement && event.target.matches("input, textarea, select");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  input.focus();
  input.select();
}

const TILES = [
  ["", "Markets"], ["extreme", "Extreme"], ["severe", "Severe"], ["moderate", "Moderate"], ["stale", "Stale"], ["fallback", "On fallback"],
];
const ALARMING = new Set(["extreme", "severe", "moderate"]);

/**
 * Return the tiles: counts, each a switch of the filter by state.
 * @param {import("./book.js").Choice} choice changed in place
 * @param {() => void} changed
 */
export function summaryTiles(choice, changed) {
  const tiles = TILES.map(([state, name]) => {
    const value = h("span", { class: "tile-value" }, "–");
    const note = h("span", { class: "tile-note" });
    const button = h("button", {
      type: "button", class: "tile", dataset: { state: state || "all" },
      onclick: () => { choice.state = choice.state === state ? "" : state; changed(); },
    }, h("span", { class: "tile-name" }, name), value, note);
    return { state, value, note, button };
  });
  const inside = { value: h("span", { class: "tile-value" }, "–"), note: h("span", { class: "tile-note" }) };
  const element = h("ul", { class: "tiles", "aria-label": "Summary" }, tiles.map(({ button }) => h("li", {}, button)),
    h("li", {}, h("div", { class: "tile" }, h("span", { class: "tile-name" }, "Inside their bands"), inside.value, inside.note)));
  return {
    element,
    /** @param {import("./book.js").Book} book */
    show(book) {
      for (const { state, value, note, button } of tiles) {
        const n = state ? book.count(state) : book.size;
        setText(value, count(n));
        setText(note, noteOf(state, n, book));
        button.setAttribute("aria-pressed", String(choice.state === state));
        if (n && ALARMING.has(state)) button.dataset.tone = state;
        else delete button.dataset.tone;
      }
      setText(inside.value, percent(book.inside.share, 0));
      setText(inside.note, book.inside.n ? `newest price of ${count(book.inside.n)}` : "none judged yet");
    },
  };
}

function noteOf(state, n, book) {
  if (!state) return `${count(book.count("calibrated"))} calibrated`;
  if (ALARMING.has(state)) return n === 1 ? "open breach" : "open breaches";
  return book.size ? `${Math.round((100 * n) / book.size)} % of markets` : "";
}
