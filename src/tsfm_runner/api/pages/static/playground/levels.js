// The levels of the band, as chips to press; further ones can be added.

import { h, replace } from "../app.js";

const USUAL = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/**
 * Return a field of chips.
 * @param {number[]} chosen
 * @param {() => void} change
 */
export function levelField(chosen, change) {
  let levels = new Set(chosen);
  let offered = USUAL;
  const chips = h("div", { class: "chips", role: "group", "aria-labelledby": "levels-label", "aria-describedby": "levels-error" });
  const input = /** @type {HTMLInputElement} */ (h("input", { type: "text", inputmode: "decimal", size: "6", placeholder: "0.33", "aria-label": "Another level, between 0 and 1" }));
  const draw = () => replace(chips, offered.map(chip));
  const chip = (level) => h("button", {
    type: "button", class: "chip", "aria-pressed": String(levels.has(level)), onclick: (event) => {
      if (!levels.delete(level)) levels.add(level);
      event.currentTarget.setAttribute("aria-pressed", String(levels.has(level)));
      change();
    },
  }, level);
  const set = (values) => {
    levels = new Set(values);
    offered = [...new Set([...USUAL, ...values])].sort((a, b) => a - b);
    draw();
  };
  const add = () => {
    const level = Number(input.value.replace(",", "."));
    if (!input.value.trim() || Number.isNaN(level)) return;
    set([...levels, level]);
    input.value = "";
    change();
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    add();
  });
  set(chosen);
  return {
    element: h("div", { class: "level-field" }, chips, h("span", { class: "add" }, input, h("button", { type: "button", class: "button small", onclick: add }, "Add"))),
    set, value: () => [...levels].sort((a, b) => a - b),
  };
}
