// The page that is not there.

import { byId, emptyState, h, replace } from "./app.js";

replace(byId("page"), emptyState({
  title: "There is no such page",
  text: "The address may be mistyped, or the page has another name now.",
  actions: h("a", { class: "button", href: "/ui/markets" }, "To the markets"),
}));
