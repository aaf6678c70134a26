// Filter and order in the address of the page, so that a view can be shared.

const FIRST = { text: "", category: "", state: "", sort: "breach", direction: "descending" };

/** @typedef {typeof FIRST} View */

/** @returns {View} */
export function viewInAddress() {
  const query = new URLSearchParams(location.search);
  const view = { ...FIRST };
  for (const name of Object.keys(FIRST)) view[name] = query.get(name === "text" ? "q" : name) ?? FIRST[name];
  if (view.direction !== "ascending") view.direction = "descending";
  return view;
}

/** @param {View} view */
export function showInAddress(view) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(view)) {
    if (value !== FIRST[name]) query.set(name === "text" ? "q" : name, value);
  }
  const text = query.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}
