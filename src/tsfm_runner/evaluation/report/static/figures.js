// The figures: each takes the choices of the reader and the width there is, and
// returns what to draw, what it says in words, and the same as a table.

const SHARE_TICKS = { tickformat: ".0%" };
const TENTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];
const named = (entry) => data.entries.find((one) => one.entry === entry) ?? { entry, model: entry, kind: "raw" };
const entriesIn = (rows) => data.entries.map((one) => one.entry).filter((name) => rows.some((row) => row.entry === name));
const modelsIn = (rows) => unique(entriesIn(rows).map((name) => named(name).model));
const stepsIn = (rows) => ascending(rows.map((row) => row.step));
const bestModel = data.best === null ? undefined : named(data.best).model;

const entryChoice = (rows) => ({ name: "entry", label: "Entry", values: entriesIn(rows), first: data.best });
const modelChoice = (rows) => ({ name: "model", label: "Model", values: modelsIn(rows), first: bestModel });
const stepChoice = (rows, first = 0) => ({
  name: "step", label: "Step ahead", values: stepsIn(rows), first, write: stepName,
});

const standingKey = Object.entries(STANDINGS).map(([state, text]) => ({ state, text }));
const interval = (row) =>
  `C₋ ${percent(row.open)} ${between(row.open_low, row.open_high, percent)}<br>`
  + `C₊ ${percent(row.closed)} ${between(row.closed_low, row.closed_high, percent)}`;
const told = (row) => interval(row).replace("<br>", ", ");
const sizes = (row) => `width ${points(row.width)} points, interval score ${score(row.interval_score)}`;

const coverageColumns = [
  ["C₋", (row) => percent(row.open)],
  ["95 % interval", (row) => between(row.open_low, row.open_high, percent)],
  ["C₊", (row) => percent(row.closed)],
  ["95 % interval", (row) => between(row.closed_low, row.closed_high, percent)],
  ["verdict", (row) => STANDINGS[coverageStanding(row)] ?? "unknown"],
  ["width, points", (row) => points(row.width)],
  ["interval score", (row) => score(row.interval_score)],
];

/** Return the rows that can be drawn as ranges, placed by `place`. */
function coverageRanges(rows, place, text) {
  return rows
    .filter((row) => isKnown(row.open, row.closed))
    .map((row) => ({
      place: place(row), low: row.open, high: row.closed,
      lowest: row.open_low ?? row.open, highest: row.closed_high ?? row.closed,
      state: coverageStanding(row), text: text(row),
    }));
}

const shareRange = (items, target) =>
  reach([target, ...items.flatMap((item) => [item.lowest, item.highest])], { least: 0, most: 1.004, air: 0.04 });

function tally(items) {
  const n = (state) => items.filter((item) => item.state === state).length;
  return `${n("right")} of ${items.length} right, ${n("off")} wrong beyond the 95 % interval`;
}

const figures = {
  "coverage-by-step": {
    rows: tables.intervals,
    choices: () => [],
    draw({ freq, weighting, coverage }) {
      const rows = where(tables.intervals, { freq, weighting, coverage }).filter((row) => row.step > 0);
      const text = (row) => `step ${row.step}, ${count(row.n)} outcomes\n${interval(row)}`;
      const all = coverageRanges(rows, (row) => row.step, text);
      const panels = entriesIn(rows).map((entry) => {
        const items = coverageRanges(where(rows, { entry }), (row) => row.step, text);
        return {
          title: entry,
          told: `${tally(items)} steps at ${whole(coverage)}`,
          traces: ranges(items),
          layout: layout({
            height: 215,
            xaxis: axis("step ahead", { range: [0.4, data.horizon + 0.6], showgrid: false, ...(data.horizon <= 12 ? { dtick: data.horizon <= 4 ? 1 : 2, tick0: 2 } : {}) }),
            yaxis: axis("coverage, %", { range: shareRange(all, coverage), ...SHARE_TICKS }),
            shapes: [targetLine("y", coverage)],
          }),
        };
      });
      return {
        panels, panelPx: 260, key: standingKey,
        table: { rows, columns: [["entry", (row) => row.entry], ["step", (row) => row.step], ...coverageColumns, ["outcomes", (row) => count(row.n)]] },
      };
    },
  },

  "coverage-by-segment": {
    rows: tables.segments,
    choices: () => [entryChoice(tables.segments), stepChoice(tables.segments)],
    draw({ freq, coverage, entry, step }, widthPx) {
      const rows = where(tables.segments, { freq, coverage, entry, step });
      const [counts] = where(tables.segment_counts, { freq, coverage, entry, step });
      if (!counts) return { panels: [] };
      const lines = rows.map((row) => ({ label: segmentName(row.segment), note: `${count(row.n_groups)} groups` }));
      const text = (row) => `${segmentName(row.segment)}<br>${interval(row)}<br>${sizes(row)}<br>${count(row.n)} outcomes, ${count(row.n_markets)} markets, ${count(row.n_groups)} groups`;
      const xaxis = axis("coverage, % of outcomes", SHARE_TICKS);
      const plan = rowLayout(lines, widthPx, xaxis, [targetLine("x", coverage)]);
      const items = coverageRanges(rows, (row) => rows.indexOf(row) + plan.shift, text);
      xaxis.range = shareRange(items, coverage);
      const summary = `${count(counts.n_right)} of ${count(counts.n)} segments are right at ${whole(coverage)}; ${count(counts.n_off)} are wrong beyond their 95 % interval.`
        + (counts.n > rows.length ? ` The ${rows.length} worst are shown.` : "");
      return {
        key: standingKey, summary,
        panels: [{ told: summary, traces: ranges(items, { isHorizontal: true, thickness: plan.thickness }), layout: plan.layout }],
        table: { rows, columns: [["segment", (row) => row.segment], ...coverageColumns, ["outcomes", (row) => count(row.n)], ["markets", (row) => count(row.n_markets)], ["groups", (row) => count(row.n_groups)]] },
      };
    },
  },

  "width-against-coverage": {
    rows: tables.intervals,
    choices: () => [stepChoice(tables.intervals)],
    draw({ freq, weighting, coverage, step }) {
      const rows = where(tables.intervals, { freq, weighting, coverage, step }).filter((row) => isKnown(row.open, row.closed, row.width));
      if (!rows.length) return { panels: [] };
      const y = (row) => 100 * row.width;
      const pairs = modelsIn(rows).map((model) => rows.filter((row) => named(row.entry).model === model));
      const links = pairs.map((pair) => ({
        type: "scatter", mode: "lines", x: pair.map((row) => row.closed), y: pair.map(y),
        line: { color: colour("muted"), width: 1, dash: "dot" }, hoverinfo: "skip",
      }));
      const marks = rows.flatMap((row) => {
        const { color, symbol, isFilled } = look(named(row.entry));
        return [
          { type: "scatter", mode: "lines", x: [row.open, row.closed], y: [y(row), y(row)], line: { color, width: isFilled ? 2.5 : 1.2 }, hoverinfo: "skip" },
          {
            type: "scatter", mode: "markers", x: [row.closed], y: [y(row)],
            marker: { symbol, size: 11, color: isFilled ? color : colour("paper"), line: { color, width: 2 } },
            error_x: { type: "data", symmetric: false, array: [(row.closed_high ?? row.closed) - row.closed], arrayminus: [0], color, thickness: 1, width: 4 },
            ...hover([`${row.entry}<br>${interval(row)}<br>${sizes(row)}`]),
          },
        ];
      });
      const xs = rows.flatMap((row) => [row.open, row.closed, row.closed_high]);
      return {
        key: rows.map((row) => entryKey(row.entry)),
        panels: [{
          told: rows.map((row) => `${row.entry}: ${told(row)}, ${points(row.width)} points wide`).join("; "),
          traces: [...links, ...marks],
          layout: layout({
            height: 400,
            xaxis: axis("coverage, % of outcomes", { range: reach([coverage, ...xs], { least: 0, most: 1.004 }), ...SHARE_TICKS }),
            yaxis: axis("mean width, points of probability", { range: reach(rows.map(y), { least: 0, air: 0.2 }) }),
            shapes: [targetLine("x", coverage)],
          }),
        }],
        table: { rows, columns: [["entry", (row) => row.entry], ...coverageColumns] },
      };
    },
  },

  "score-ratios": {
    rows: tables.ratios,
    choices: () => [
      { name: "against", label: "Rival", values: unique(tables.ratios.map((row) => row.against)), first: data.rival },
      { name: "metric", label: "Score", values: unique(tables.ratios.map((row) => row.metric)), first: `interval_score_${data.coverage}`, write: metricName },
      stepChoice(tables.ratios),
    ],
    draw({ freq, weighting, against, metric, step }, widthPx) {
      const rows = where(tables.ratios, { freq, weighting, against, metric, step }).filter((row) => isKnown(row.ratio)).sort((a, b) => a.ratio - b.ratio);
      if (!rows.length) return { panels: [] };
      const note = (row) => `${score(row.ratio, 3)} ${between(row.low, row.high, (value) => score(value, 3))}`;
      const xaxis = ratioAxis(`ratio to ${plain(cut(against, 24))}, log scale`, rows.flatMap((row) => [row.low, row.ratio, row.high]));
      const lines = rows.map((row) => ({ label: row.entry, note: note(row) }));
      const plan = rowLayout(lines, widthPx, xaxis, [targetLine("x", 1)]);
      const ink = (row) => colour(!row.is_significant ? "muted" : row.ratio < 1 ? "blue" : "vermilion");
      const traces = rows.map((row, place) => ({
        type: "scatter", mode: "markers", x: [row.ratio], y: [place + plan.shift],
        marker: { size: 9, color: row.is_significant ? ink(row) : colour("paper"), line: { color: ink(row), width: 2 } },
        error_x: isKnown(row.low, row.high) ? { type: "data", symmetric: false, array: [row.high - row.ratio], arrayminus: [row.ratio - row.low], color: ink(row), thickness: 1.6, width: 0 } : undefined,
        ...hover([`${row.entry} against ${against}<br>${note(row)}`]),
      }));
      const n = rows.filter((row) => row.is_significant && row.ratio < 1).length;
      const summary = `${n} of ${rows.length} entries are significantly better than ${against}.`;
      return {
        summary,
        key: [
          { glyph: "●", hue: "blue", text: "significantly better" },
          { glyph: "●", hue: "vermilion", text: "significantly worse" },
          { glyph: "○", hue: "muted", text: "not told apart" },
        ],
        panels: [{ told: summary, traces, layout: plan.layout }],
        table: {
          rows,
          columns: [
            ["entry", (row) => row.entry], ["against", (row) => row.against], ["ratio", (row) => score(row.ratio, 3)],
            ["95 % interval", (row) => between(row.low, row.high, (value) => score(value, 3))],
            ["significant", (row) => (row.is_significant ? "yes" : "no")],
          ],
        },
      };
    },
  },

  reliability: {
    rows: tables.levels,
    choices: () => [modelChoice(tables.levels), stepChoice(tables.levels)],
    draw({ freq, weighting, model, step }) {
      const rows = where(tables.levels, { freq, weighting, step }).filter((row) => named(row.entry).model === model);
      const levels = ascending(rows.map((row) => row.level));
      const apart = Math.min(0.06, ...levels.slice(1).map((level, k) => level - levels[k]));
      const panels = entriesIn(rows).map((entry) => {
        const items = where(rows, { entry }).filter((row) => isKnown(row.below, row.at_or_below)).map((row) => ({
          place: row.level, low: row.below, high: row.at_or_below,
          lowest: row.below_low ?? row.below, highest: row.at_or_below_high ?? row.at_or_below,
          state: standing(row.below, row.at_or_below, row.below_low, row.at_or_below_high, row.level, row.n_groups),
          text: `nominal ${whole(row.level)}<br>below ${percent(row.below)}<br>at or below ${percent(row.at_or_below)}`,
        }));
        return {
          title: entry,
          told: `${tally(items)} levels`,
          traces: ranges(items, { thickness: 0.55 * apart }),
          layout: layout({
            height: 330,
            xaxis: axis("nominal level, %", { range: [-0.02, 1.02], tickvals: TENTHS, ...SHARE_TICKS }),
            yaxis: axis("observed, % of outcomes", { range: [-0.02, 1.02], tickvals: TENTHS, ...SHARE_TICKS }),
            shapes: [{ type: "line", x0: 0, y0: 0, x1: 1, y1: 1, line: { color: colour("ink"), width: 1.2, dash: "dash" }, layer: "below" }],
          }),
        };
      });
      return {
        panels, panelPx: 300, key: standingKey,
        table: {
          rows,
          columns: [
            ["entry", (row) => row.entry], ["level", (row) => whole(row.level)],
            ["below", (row) => percent(row.below)], ["95 % interval", (row) => between(row.below_low, row.below_high, percent)],
            ["at or below", (row) => percent(row.at_or_below)], ["95 % interval", (row) => between(row.at_or_below_low, row.at_or_below_high, percent)],
            ["pinball", (row) => score(row.pinball)],
          ],
        },
      };
    },
  },
};

const metricName = (metric) => ({
  wis: "WIS", mean_pinball: "mean pinball loss",
}[metric] ?? metric.replace(/^interval_score_(.*)$/, (_, level) => `interval score at ${whole(Number(level))}`));

function entryKey(entry) {
  const { color, symbol, isFilled } = look(named(entry));
  return { glyph: GLYPHS[symbol][isFilled ? 0 : 1], ink: color, text: entry };
}
