// The key of the service: kept for this tab only, asked for when it is missing.

import { h } from "./dom.js";

const PLACE = "tsfm.key";
/** @type {Promise<boolean> | null} */
let asking = null;
let held = read();

/** Return the key that is in use, if any. */
export const key = () => held;

/**
 * Ask the reader for a key; all who ask at once share one dialog.
 * @param {string | null} refused the key that was not good enough
 * @returns {Promise<boolean>} whether there is now another one to try
 */
export function askForKey(refused) {
  if (held !== refused) return Promise.resolve(Boolean(held));
  asking ??= shown(refused !== null).finally(() => { asking = null; });
  return asking;
}

/** Forget the key. */
export function forgetKey() {
  keep(null);
}

function shown(wasRefused) {
  const input = h("input", {
    id: "key", name: "key", type: "password", autocomplete: "current-password", required: true, spellcheck: "false",
    "aria-describedby": "key-note", "aria-invalid": wasRefused ? "true" : null,
  });
  const cancel = h("button", { type: "button", class: "button", onclick: () => dialog.close("") }, "Cancel");
  const form = h("form", { method: "dialog" },
    h("h2", { id: "key-title" }, "This service asks for a key"),
    h("p", { id: "key-note", class: wasRefused ? "field-error" : "muted" },
      wasRefused ? "This key is not known. Try another one." : "Kept in this tab until it is closed, and sent to this service only."),
    h("label", { for: "key" }, "Key"), input,
    h("div", { class: "dialog-actions" }, cancel, h("button", { type: "submit", class: "button primary" }, "Open")));
  const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { class: "dialog", "aria-labelledby": "key-title" }, form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close(/** @type {HTMLInputElement} */ (input).value.trim());
  });
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const given = dialog.returnValue;
      dialog.remove();
      if (given) keep(given);
      resolve(Boolean(given));
    });
  });
}

function read() {
  try {
    return sessionStorage.getItem(PLACE);
  } catch {
    return null;
  }
}

function keep(value) {
  held = value;
  if (value !== null) dispatchEvent(new Event("tsfm:key"));
  try {
    if (value === null) sessionStorage.removeItem(PLACE);
    else sessionStorage.setItem(PLACE, value);
  } catch {
    // Without storage the key is asked for again after the next reload.
  }
}
