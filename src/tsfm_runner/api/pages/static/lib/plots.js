// Plotly for the big charts: loaded when the first is drawn, in the colours of the theme.

import { h } from "./dom.js";
import { onTheme } from "./shell.js";

const PLOTLY = "/ui/static/plotly.min.js";
/** @type {Promise<any> | null} */
let loading = null;

/** Return a colour of the theme by the name of its token: "ink", "info-mark"... */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** Whether the reader asked for less motion. */
export const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Return text that plotly shows as it is: it would read tags in it. */
export const plainText = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** @typedef {{traces: any[], layout?: any, label: string}} Figure */

/**
 * Draw a figure, and again whenever the theme changes. `make` is called for each
 * drawing and takes its colours from `colour`. The element is an image to a screen
 * reader, named by `label`; give a table of the same beside it.
 * @param {HTMLElement} element
 * @param {() => Figure} make
 * @returns {{redraw: (make?: () => Figure) => Promise<void>}}
 */
export function drawPlot(element, make) {
  let latest = make;
  const redraw = async (other = latest) => {
    latest = other;
    const plotly = await loaded();
    const { traces, layout = {}, label } = latest();
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", label);
    await plotly.react(element, traces, { ...base(), ...layout, ...axes(layout) }, CONFIG);
  };
  onTheme(() => void redraw());
  void redraw();
  return { redraw };
}

const CONFIG = { displaylogo: false, displayModeBar: false, responsive: true, showTips: false };

function base() {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true, dragmode: false,
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("muted") },
    margin: { l: 44, r: 12, t: 12, b: 36 }, showlegend: false,
    hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"), font: { color: colour("ink"), size: 12 } },
  };
}

/** Give every axis the look of the theme; the figure's own words go before. */
function axes(layout) {
  const look = { gridcolor: colour("grid"), zeroline: false, linecolor: colour("line"), tickcolor: colour("line"), fixedrange: true };
  const names = new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))]);
  return Object.fromEntries([...names].map((name) => [name, { ...look, ...layout[name] }]));
}

function loaded() {
  loading ??= new Promise((resolve, reject) => {
    const script = h("script", { src: PLOTLY, async: true });
    script.addEventListener("load", () => resolve(/** @type {any} */ (window).Plotly));
    script.addEventListener("error", () => {
      loading = null;
      reject(new Error("the charts could not be loaded"));
    });
    document.head.append(script);
  });
  return loading;
}
