// All that a page may use; import from here.

export { address, api, fetched, marketPath } from "./lib/api.js";
export { badge, severityBadge, statusBadge } from "./lib/badges.js";
export { bandBar } from "./lib/band_bar.js";
export { byId, h, replace, setText, svg } from "./lib/dom.js";
export { ApiError, OfflineError } from "./lib/errors.js";
export { bandCsv, bandRows, fanFigure } from "./lib/fan.js";
export * from "./lib/format.js";
export { forgetKey, key } from "./lib/key.js";
export { colour, drawPlot, isCalm, plainText } from "./lib/plots.js";
export { provenance } from "./lib/provenance.js";
export { reasonOf } from "./lib/reasons.js";
export { onTheme, pageHead, say, showBanner, showConnection, toast } from "./lib/shell.js";
export { sparkline } from "./lib/sparkline.js";
export { commandBlock, copyText, emptyState, errorPanel, skeleton, staleMark } from "./lib/states.js";
export { stream } from "./lib/stream.js";
export { sortableTable } from "./lib/table.js";
export { nowMs, raiseNow, relative, setNow, timeElement } from "./lib/times.js";
export { outageBanner } from "./lib/outage.js";
export { closingWords, codeWords, segmentWords } from "./lib/words.js";
