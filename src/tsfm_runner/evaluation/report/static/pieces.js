// What plots are made of: colours, axes, ranges with whiskers, areas.

const NARROW_PX = 640;
const GLYPHS = { circle: "●○", square: "■□", diamond: "◆◇", "triangle-up": "▲△" };
const SYMBOLS = Object.keys(GLYPHS);
const HUES = ["blue", "vermilion", "green", "purple", "orange", "sky"];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const shade = (opacity) => `rgba(${colour("shade")}, ${opacity})`;
const CLEAR = "rgba(0,0,0,0)";

const models = unique(data.entries.map((one) => one.model));

/** Return how the entry looks where entries stand side by side. */
function look(entry) {
  const place = models.indexOf(entry.model);
  return {
    color: colour(HUES[place % HUES.length]),
    symbol: SYMBOLS[Math.floor(place / HUES.length + place) % SYMBOLS.length],
    isFilled: entry.kind === "calibrated",
  };
}

const standingColour = (name) => colour(name === "off" ? "vermilion" : "blue");

function axis(title, more = {}) {
  return {
    title: { text: title, standoff: 8 },
    gridcolor: colour("grid"),
    linecolor: colour("line"),
    tickcolor: colour("line"),
    zeroline: false,
    fixedrange: true,
    automargin: true,
    ...more,
  };
}

function layout(more) {
  return {
    font: { family: colour("sans"), size: 12, color: colour("muted") },
    paper_bgcolor: CLEAR,
    plot_bgcolor: CLEAR,
    margin: { l: 50, r: 14, t: 8, b: 42 },
    showlegend: false,
    hovermode: "closest",
    dragmode: false,
    barmode: "overlay",
    hoverlabel: {
      bgcolor: colour("paper"),
      bordercolor: colour("muted"),
      font: { family: colour("sans"), size: 12, color: colour("ink") },
      align: "left",
    },
    ...more,
  };
}

/** Return a dashed line at a target, along the x or the y axis. */
function targetLine(along, value, more = {}) {
  const other = along === "x" ? "y" : "x";
  return {
    type: "line",
    [`${along}ref`]: along,
    [`${other}ref`]: "paper",
    [`${along}0`]: value,
    [`${along}1`]: value,
    [`${other}0`]: 0,
    [`${other}1`]: 1,
    line: { color: colour("ink"), width: 1.2, dash: "dash" },
    layer: "above",
    ...more,
  };
}

const hover = (texts) => ({ text: texts.map(plain), hovertemplate: "%{text}<extra></extra>" });

/**
 * Return traces of bars from `low` to `high`, whiskers from `lowest` to `highest`.
 * Each item: {place, low, high, lowest, highest, state, text}.
 */
function ranges(items, { isHorizontal = false, thickness = 0.56 } = {}) {
  const along = isHorizontal ? "x" : "y";
  const across = isHorizontal ? "y" : "x";
  return ["right", "maybe", "off"].flatMap((state) => {
    const shown = items.filter((item) => item.state === state);
    if (!shown.length) return [];
    const ink = standingColour(state);
    const whiskers = { [along]: [], [across]: [] };
    for (const { place, low, high, lowest, highest } of shown) {
      whiskers[along].push(lowest, low, null, high, highest, null);
      whiskers[across].push(place, place, null, place, place, null);
    }
    return [
      { type: "scatter", mode: "lines", ...whiskers, line: { color: ink, width: 1.3 }, hoverinfo: "skip" },
      {
        type: "bar",
        orientation: isHorizontal ? "h" : "v",
        base: shown.map((item) => item.low),
        [along]: shown.map((item) => item.high - item.low),
        [across]: shown.map((item) => item.place),
        width: thickness,
        marker: { color: state === "maybe" ? colour("paper") : ink, line: { color: ink, width: 1.5 } },
        ...hover(shown.map((item) => item.text)),
        textposition: "none",
      },
    ];
  });
}

/** Return corners of the area between two lines, apart where either is unknown. */
function area(places, lower, upper, { isStepped = false } = {}) {
  const x = [];
  const y = [];
  let run = [];
  const close = () => {
    if (!run.length) return;
    const forth = run.flatMap((k, i) => corner(k, run[i + 1], upper));
    const back = run.flatMap((k, i) => corner(k, run[i + 1], lower)).reverse();
    for (const [px, py] of [...forth, ...back]) {
      x.push(px);
      y.push(py);
    }
    x.push(null);
    y.push(null);
    run = [];
  };
  const corner = (k, next, edge) => {
    const here = [[places[k], edge[k]]];
    return isStepped && next !== undefined ? [...here, [places[next], edge[k]]] : here;
  };
  places.forEach((_, k) => (isKnown(lower[k], upper[k]) ? run.push(k) : close()));
  close();
  return { x, y };
}

function filled(corners, fillcolor, more = {}) {
  return {
    type: "scatter", mode: "lines", fill: "toself", ...corners, fillcolor,
    line: { width: 0 }, hoverinfo: "skip", ...more,
  };
}

/** Return the ends of known values with some air, inside the given bounds. */
function reach(values, { least = -Infinity, most = Infinity, air = 0.06 } = {}) {
  const known = values.filter((value) => isKnown(value));
  if (!known.length) return [0, 1];
  const low = Math.min(...known);
  const high = Math.max(...known);
  const extra = air * (high - low || Math.abs(high) || 1);
  return [Math.max(low - extra, least), Math.min(high + extra, most)];
}
