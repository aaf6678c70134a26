// The page of all markets.

import {
  api, byId, count, emptyState, errorPanel, h, nowMs, pageHead, raiseNow, replace, say, setNow, showBanner, skeleton, sortableTable, stream,
} from "./app.js";
import { showInAddress, viewInAddress } from "./markets/address.js";
import { Book } from "./markets/book.js";
import { COLUMNS } from "./markets/columns.js";
import { filterBar, summaryTiles } from "./markets/filters.js";
import { alarmWords, newestSignals } from "./markets/newest.js";
import { outageBanner } from "./lib/outage.js";

const FIRST_FORECAST = `curl -s ${location.origin}/tsfm/forecast -H 'Content-Type: application/json' -d '{
  "market_id": "will-it-rain", "as_of_ts": "${new Date().toISOString().slice(0, 19)}Z", "freq": "5m", "horizon_steps": 12,
  "quantiles": [0.1, 0.5, 0.9], "y": [0.41, 0.42, 0.42, 0.4, null, 0.43, 0.44, 0.44], "category": "weather"
}'`;
const LATE_MS = 400;
const AGE_EVERY_MS = 1000;
const ANEW_EVERY_MS = 60_000; // markets that are gone are not told of

const book = new Book();
const view = viewInAddress();
const filters = filterBar(view, () => { showInAddress(view); show(); });
const tiles = summaryTiles(view, () => { showInAddress(view); show(); });
const newest = newestSignals();
const table = sortableTable({
  caption: "Markets, with the band each price was expected in", isCaptionHidden: true, name: "markets", isWindowed: true,
  columns: COLUMNS, rowKey: (row) => row.market_id, sort: { key: sortKey(view.sort), direction: /** @type {any} */ (view.direction) },
  onSort: ({ key, direction }) => { Object.assign(view, { sort: key, direction }); showInAddress(view); },
  rowData: (row) => ({ breach: row.breach?.state === "open" ? row.breach.severity : "", dim: row.is_stale || row.is_closed ? "yes" : "" }),
  none: "No market fits the filter.",
});
const page = byId("page");
const content = [tiles.element, h("div", { class: "markets-layout" },
  h("section", { class: "markets-main", "aria-label": "All markets" }, filters.element, table.element), newest.element)];
let isShown = false;

function sortKey(wanted) {
  return COLUMNS.some((column) => column.key === wanted && column.value) ? wanted : "breach";
}

function show() {
  book.age(nowMs());
  if (!book.size) {
    isShown = false;
    replace(page, nothingYet());
    return;
  }
  if (!isShown) replace(page, ...content);
  isShown = true;
  const rows = book.chosen(view);
  filters.show({ categories: book.categories, nFound: rows.length, n: book.size });
  tiles.show(book);
  table.update(rows);
  document.title = title();
}

function title() {
  const n = book.count("breaching");
  return `${n ? `(${count(n)}) ` : ""}Markets · TSFM Runner`;
}

function nothingYet() {
  return emptyState({
    title: "No market yet",
    text: "A market appears here with its first forecast, and stays as long as somebody asks about it. Ask for one:",
    command: FIRST_FORECAST,
    actions: [h("a", { class: "button primary", href: "/ui/playground" }, "Try one in the playground"), " ",
      h("a", { class: "button", href: "/docs" }, "Read the API")],
  });
}

async function load() {
  const late = setTimeout(() => { if (!isShown) replace(page, skeleton(8)); }, LATE_MS);
  try {
    const [markets, told] = await Promise.all([api("/tsfm/markets"), api("/tsfm/breaches", { query: { limit: 12 } }).catch(() => null)]);
    setNow(markets.now);
    book.fill(markets.rows);
    if (told) newest.fill(told.breaches);
    show();
  } catch (error) {
    if (!isShown) replace(page, errorPanel(error, () => { replace(page, skeleton(8)); void load(); }));
  } finally {
    clearTimeout(late);
  }
}

let isDue = false;
/** Draw at most once a frame, however fast changes come. */
function showSoon() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => { isDue = false; show(); });
}

pageHead({ lead: "Every market that was asked about lately, and where its price stands in its band." });
// The stream first, so that nothing falls in between.
stream({
  hello: ({ now }) => setNow(now),
  markets: ({ rows }) => {
    for (const row of rows) raiseNow(row.updated_at);
    const alarmed = book.merge(rows);
    if (alarmed.length) say(alarmWords(alarmed));
    showSoon();
  },
  signal: (breach) => newest.add(breach),
  runtime: (status) => { setNow(status.now); showBanner(outageBanner(status)); },
  resync: () => void load(),
});
setInterval(() => { if (book.age(nowMs())) showSoon(); }, AGE_EVERY_MS);
let loadedAt = Date.now();
const loadIfOld = () => {
  if (document.hidden || !book.size || Date.now() - loadedAt < ANEW_EVERY_MS) return;
  loadedAt = Date.now();
  void load();
};
setInterval(loadIfOld, AGE_EVERY_MS);
document.addEventListener("visibilitychange", loadIfOld);
await load();
