// How a page looks when it has nothing to show: not yet, none, or not at all.

import { h } from "./dom.js";
import { ApiError, OfflineError } from "./errors.js";
import { toast } from "./shell.js";

/** Return grey bars where content will be. */
export function skeleton(n = 5) {
  return h("div", { class: "skeleton", role: "status", "aria-label": "Loading" },
    Array.from({ length: n }, () => h("i", { "aria-hidden": "true" })));
}

/**
 * Return what stands where nothing is: why, and what to do about it.
 * @param {{title: string, text?: import("./dom.js").Child, command?: string, actions?: import("./dom.js").Child}} what
 */
export function emptyState({ title, text, command, actions }) {
  return h("section", { class: "empty" },
    h("h2", {}, title),
    text ? h("p", {}, text) : null,
    command ? commandBlock(command) : null,
    actions ? h("p", { class: "empty-actions" }, actions) : null);
}

/**
 * Return a panel that says what went wrong, with a way to try again.
 * @param {unknown} error
 * @param {() => void} [retry]
 */
export function errorPanel(error, retry) {
  const { title, text, more } = told(error);
  return h("section", { class: "error-panel", role: "alert" },
    h("h2", {}, title),
    h("p", {}, text),
    more ? h("p", { class: "muted" }, more) : null,
    retry ? h("button", { type: "button", class: "button", onclick: retry }, "Try again") : null);
}

/** Return a mark beside figures that are older than they should be. */
export const staleMark = (text = "stale") =>
  h("span", { class: "badge", dataset: { tone: "stale" } }, h("span", { "aria-hidden": "true" }, "◷ "), text);

/**
 * Return a command with a button that copies it.
 * @param {string} command
 * @param {string} [label]
 */
export function commandBlock(command, label = "Command") {
  const code = h("pre", { class: "command", tabindex: "0", "aria-label": label }, h("code", {}, command));
  const copy = h("button", { type: "button", class: "button small copy", onclick: () => copyText(command) }, "Copy");
  return h("div", { class: "command-block" }, code, copy);
}

/** Put text on the clipboard and say so. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.", { tone: "good" });
  } catch {
    toast("The browser does not let the page copy. Select the text instead.", { tone: "bad" });
  }
}

function told(error) {
  if (error instanceof OfflineError) {
    return {
      title: "The service does not answer", text: "It may be stopped or restarting, or the way to it is cut.",
      more: "tsfm-runner serve starts it; the page goes on by itself once it is back.",
    };
  }
  if (error instanceof ApiError) {
    const trace = error.requestId ? `Request ${error.requestId}.` : "";
    if (error.status === 401) return { title: "A key is needed", text: "The service shows this only to those who have a key.", more: "" };
    return { title: error.title, text: error.detail, more: [error.hint, trace].filter(Boolean).join(" ") };
  }
  return { title: "This page has a defect", text: String(error instanceof Error ? error.message : error), more: "The console of the browser says where." };
}
