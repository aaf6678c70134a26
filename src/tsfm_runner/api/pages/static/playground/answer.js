// The answer: the picture, the numbers, where they came from, and how to ask again.

import { bandCsv, bandRows, copyText, drawPlot, fanFigure, h, hours, milliseconds, moment, provenance, replace } from "../app.js";

/**
 * Return what shows answers; `show` draws one.
 * @returns {{element: HTMLElement, show: (answer: any, history: {ts: string[], y: (number | null)[]}) => void, clear: (...children: any[]) => void}}
 */
export function answerView() {
  const element = h("div", { class: "answer" });
  let isRaw = false;
  const show = (answer, history) => {
    const plot = h("div", { class: "plot fan" });
    const raw = h("button", { type: "button", class: "button small", "aria-pressed": String(isRaw) }, "Show the band before calibration");
    replace(element, head(answer), h("div", { class: "plot-tools" }, raw, legend()), plot, numbers(answer), files(answer),
      h("section", {}, h("h3", {}, "Where it came from"), provenance(answer)),
      h("details", {}, h("summary", {}, "The answer as JSON"),
        h("pre", { class: "command json", tabindex: "0", "aria-label": "The answer as JSON" }, JSON.stringify(answer, null, 2))));
    const drawing = drawPlot(plot, () => fanFigure(answer, history, { isRaw }));
    raw.addEventListener("click", () => {
      isRaw = !isRaw;
      raw.setAttribute("aria-pressed", String(isRaw));
      void drawing.redraw();
    });
  };
  return { element, show, clear: (...children) => replace(element, ...children) };
}

function head({ ts, yhat_q: band, meta }) {
  const keys = Object.keys(band);
  const [low, high] = [keys[0], keys.at(-1)].map((key) => (100 * band[key].at(-1)).toFixed(1));
  return h("p", { class: "answer-head", role: "status" },
    h("b", {}, keys.length > 1 ? `${low} – ${high} %` : `${low} %`), ` at ${moment(ts.at(-1))}, from level ${keys[0]} to ${keys.at(-1)}. `,
    h("span", { class: "muted" }, `${meta.model_name} in ${milliseconds(meta.latency_ms)}.`));
}

const legend = () => h("span", { class: "muted plot-legend" },
  h("span", { class: "swatch price" }, "price"), h("span", { class: "swatch median" }, "median"), h("span", { class: "swatch area" }, "band"), h("span", { class: "swatch raw" }, "before calibration"));

function numbers(answer) {
  const keys = Object.keys(answer.yhat_q);
  const caption = "The band in percent, step by step";
  return h("details", { open: true }, h("summary", {}, "The band as a table"),
    h("div", { class: "table-frame scroll band-table", tabindex: "0", role: "group", "aria-label": caption },
      h("table", { class: "table" }, h("caption", { class: "unseen" }, caption),
        h("thead", {}, h("tr", {}, [h("th", { scope: "col" }, "Time (UTC)"), ...keys.map((key) => h("th", { scope: "col", class: "number" }, key)), h("th", { scope: "col", class: "number" }, `${Math.round(100 * answer.conformal.target_coverage)} % interval`)])),
        h("tbody", {}, bandRows(answer).map(({ ts, prices, target }) => h("tr", {},
          h("th", { scope: "row", title: moment(ts) }, hours(ts)), prices.map((price) => h("td", { class: "number" }, price)), h("td", { class: "number" }, target)))))));
}

function files(answer) {
  const save = () => {
    const url = URL.createObjectURL(new Blob([`${bandCsv(answer)}\n`], { type: "text/csv" }));
    h("a", { href: url, download: "band.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  };
  return h("p", { class: "answer-files" },
    h("button", { type: "button", class: "button small", onclick: save }, "Download CSV"),
    h("button", { type: "button", class: "button small", onclick: () => copyText(JSON.stringify(answer)) }, "Copy JSON"));
}
