// What every page has around it: title, connection, theme, banner, notices.

import { byId, h, replace, setText, svg } from "./dom.js";

const CONNECTIONS = {
  connecting: ["Connecting", "The page asks for live changes."],
  live: ["Live", "Changes appear by themselves."],
  reconnecting: ["Reconnecting", "The connection was lost; the page tries again. What you see may be old."],
  offline: ["Offline", "The service does not answer. What you see may be old; the page goes on trying by itself."],
  refused: ["Not live", "The service sends no live changes here. Reload to see new ones."],
};
let isAway = false;

/**
 * Set the head of the page.
 * @param {{title?: string, lead?: import("./dom.js").Child, actions?: import("./dom.js").Child}} head
 */
export function pageHead({ title, lead, actions }) {
  if (title !== undefined) {
    setText(byId("title"), title);
    document.title = `${title} · TSFM Runner`;
  }
  if (lead !== undefined) replace(byId("lead"), lead);
  if (actions !== undefined) replace(byId("actions"), actions);
}

/**
 * Show how the page is connected; `stream` calls it.
 * @param {keyof typeof CONNECTIONS} state
 */
export function showConnection(state) {
  const [word, meaning] = CONNECTIONS[state];
  const element = byId("connection");
  element.hidden = false;
  element.dataset.state = state;
  element.title = meaning;
  replace(element, h("i", { "aria-hidden": "true" }), h("span", { class: "connection-word" }, word));
  document.documentElement.dataset.connection = state;
  // A connection that comes and goes is shown; only one that stays away is said.
  if (state === "offline" && !isAway) showBanner({ tone: "bad", text: meaning });
  if (state === "live" && isAway) {
    showBanner(null);
    say(`${word}. ${meaning}`);
  }
  if (state === "offline" || state === "live") isAway = state === "offline";
}

/**
 * Show a banner above the page, or none for null.
 * @param {{tone: "warn" | "bad" | "info", text: import("./dom.js").Child} | null} banner
 */
export function showBanner(banner) {
  const element = byId("banner");
  element.hidden = banner === null;
  if (banner === null) return;
  element.dataset.tone = banner.tone;
  replace(element, h("p", { role: "status" }, banner.text));
}

/** Say something to a screen reader without moving its focus. */
export function say(text) {
  const element = byId("said");
  element.textContent = "";
  setTimeout(() => { element.textContent = text; }, 50);
}

/**
 * Show a notice for a while, and say it.
 * @param {string} text
 * @param {{tone?: "info" | "good" | "bad", href?: string}} [options]
 */
export function toast(text, { tone = "info", href } = {}) {
  const close = () => element.remove();
  const element = h("div", { class: "toast", dataset: { tone } },
    href ? h("a", { href }, text) : h("span", {}, text),
    h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: close }, "×"));
  byId("toasts").append(element);
  say(text);
  setTimeout(close, 8000);
}

const THEMES = ["system", "light", "dark"];
const ICONS = {
  system: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17Z M12 3.5v17 M15 4.5v15 M18 6.5v11",
  light: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z M12 2v3 M12 19v3 M2 12h3 M19 12h3 M5 5l2 2 M17 17l2 2 M19 5l-2 2 M7 17l-2 2",
  dark: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5Z",
};

/** @returns {"system" | "light" | "dark"} */
const theme = () => /** @type {any} */ (document.documentElement.dataset.theme ?? "system");

/** Call `changed` whenever colours change, by choice or with the system. */
export function onTheme(changed) {
  addEventListener("tsfm:theme", changed);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}

function setTheme(choice) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  try {
    localStorage.setItem("tsfm.theme", choice);
  } catch {
    // It lasts for this page then.
  }
  showTheme();
  dispatchEvent(new Event("tsfm:theme"));
}

function showTheme() {
  const now = theme();
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length];
  const button = byId("theme");
  button.hidden = false;
  button.title = `Theme: ${now}`;
  button.setAttribute("aria-label", `Theme: ${now}. Change to ${next}.`);
  button.onclick = () => setTheme(next);
  replace(button, svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", class: `theme-${now}` }, svg("path", { d: ICONS[now] })));
}

showTheme();
