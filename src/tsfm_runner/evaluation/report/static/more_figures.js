// The figures of markets and of their age.

Object.assign(figures, {
  "near-share": {
    rows: tables.intervals,
    choices: () => [stepChoice(tables.intervals.filter((row) => row.step > 0), data.horizon)],
    draw({ freq, weighting, coverage, step }, widthPx) {
      const rows = where(tables.intervals, { freq, weighting, coverage, step }).filter((row) => isKnown(row.near)).sort((a, b) => b.near - a.near);
      if (!rows.length) return { panels: [] };
      const note = (row) => `${percent(row.near, 0)} of ${percent(row.near_ceiling, 0)}`;
      const lines = rows.map((row) => ({ label: row.entry, note: note(row) }));
      const xaxis = axis("share of markets, %", { range: [0, 1.02], ...SHARE_TICKS });
      const plan = rowLayout(lines, widthPx, xaxis, []);
      const places = rows.map((_, place) => place + plan.shift);
      const ink = colour("blue");
      const half = plan.thickness / 2;
      const gap = { x: [], y: [] };
      const ceiling = { x: [], y: [] };
      rows.forEach((row, place) => {
        if (!isKnown(row.near_ceiling)) return;
        gap.x.push(row.near, row.near_ceiling, null);
        gap.y.push(places[place], places[place], null);
        ceiling.x.push(row.near_ceiling, row.near_ceiling, null);
        ceiling.y.push(places[place] - half, places[place] + half, null);
      });
      return {
        key: [{ glyph: "●", hue: "blue", text: "reached" }, { glyph: "|", hue: "ink", text: "noise ceiling" }],
        panels: [{
          told: rows.map((row) => `${row.entry}: ${note(row)}`).join("; "),
          traces: [
            { type: "scatter", mode: "lines", ...gap, line: { color: colour("line"), width: 3 }, hoverinfo: "skip" },
            { type: "scatter", mode: "lines", ...ceiling, line: { color: colour("ink"), width: 2 }, hoverinfo: "skip" },
            { type: "scatter", mode: "markers", x: rows.map((row) => row.near), y: places, marker: { size: 10, color: ink }, ...hover(rows.map((row) => `${row.entry}<br>within 5 points: ${percent(row.near)}<br>noise ceiling: ${percent(row.near_ceiling)}`)) },
          ],
          layout: plan.layout,
        }],
        table: { rows, columns: [["entry", (row) => row.entry], ["within 5 points", (row) => percent(row.near)], ["noise ceiling", (row) => percent(row.near_ceiling)], ["markets", (row) => count(row.n_markets)]] },
      };
    },
  },

  "cold-start": {
    rows: tables.cold_start,
    choices: () => [modelChoice(tables.cold_start), stepChoice(tables.cold_start, data.horizon)],
    draw({ freq, coverage, model, step }) {
      const rows = where(tables.cold_start, { freq, coverage, step }).filter((row) => named(row.entry).model === model);
      const shares = rows.flatMap((row) => [row.open, row.closed, row.closed_high]);
      const widths = rows.map((row) => (isKnown(row.width) ? 100 * row.width : null));
      const panels = entriesIn(rows).map((entry) => coldPanel(
        where(rows, { entry }).sort((a, b) => a.age - b.age), coverage,
        reach([coverage, ...shares], { least: 0, most: 1.004 }), [0, reach(widths)[1]],
      ));
      return {
        panels, panelPx: 480,
        table: { rows, columns: [["entry", (row) => row.entry], ["prices so far", (row) => row.age], ...coverageColumns, ["outcomes", (row) => count(row.n)], ["groups", (row) => count(row.n_groups)]] },
      };
    },
  },

  markets: {
    rows: [],
    choices: () => [{ name: "entry", label: "Entry", values: entriesIn(data.markets), first: data.best }],
    draw({ freq, entry }) {
      const shown = where(data.markets, { entry }).filter((one) => freq === "all" || one.freq === freq);
      return {
        panels: ["worst", "best"].flatMap((place) => where(shown, { place }).map(marketPanel)),
        panelPx: 340,
        table: {
          rows: shown,
          columns: [
            ["market", (one) => one.market_id], ["place", (one) => one.place], ["frequency", (one) => one.freq],
            ["step", (one) => one.step], ["WIS", (one) => score(one.wis)], ["off by", (one) => percent(one.error)], ["prices", (one) => count(one.n_points)],
          ],
        },
      };
    },
  },
});

function coldPanel(rows, coverage, shareReach, widthReach) {
  const ages = rows.map((row) => row.age);
  const column = (name) => rows.map((row) => row[name]);
  const items = coverageRanges(rows, (row) => row.age, () => "");
  const line = (y, more) => ({ type: "scatter", mode: "lines+markers", x: ages, y, marker: { size: 4 }, line: { color: colour("blue"), width: 1.6 }, hoverinfo: "skip", ...more });
  return {
    title: rows[0].entry,
    told: `${tally(items)} ages`,
    traces: [
      filled(area(ages, column("open_low"), column("closed_high")), shade(0.14)),
      filled(area(ages, column("open"), column("closed")), shade(0.3)),
      line(column("open")),
      line(column("closed"), hoverOn(rows)),
      line(rows.map((row) => (isKnown(row.width) ? 100 * row.width : null)), { yaxis: "y2", ...hoverOn(rows) }),
    ],
    layout: layout({
      height: 340,
      hovermode: "x",
      xaxis: axis("prices of the market so far", { anchor: "y2", range: [0, Math.max(...ages) + 1] }),
      yaxis: axis("coverage, %", { range: shareReach, domain: [0.42, 1], ...SHARE_TICKS }),
      yaxis2: axis("width, points", { range: widthReach, domain: [0, 0.3], nticks: 4 }),
      shapes: [targetLine("y", coverage, { x0: 0, x1: 1 })],
    }),
  };
}

const hoverOn = (rows) => ({
  hoverinfo: "text",
  ...hover(rows.map((row) => `${count(row.age)} prices so far, ${count(row.n_groups)} groups<br>${interval(row)}<br>${sizes(row)}`)),
});

function marketPanel(market) {
  const times = market.times.map((seconds) => 1000 * seconds);
  const bands = [...market.bands].sort((a, b) => b.coverage - a.coverage);
  const line = (y, color, width, more) => ({
    type: "scatter", mode: "lines", x: times, y, line: { color, width, shape: "hv" }, hoverinfo: "skip", ...more,
  });
  const edges = bands.flatMap((band) => [...band.lower, ...band.upper]);
  const texts = times.map((_, k) => `price ${percent(market.prices[k])}, median ${percent(market.median[k])}`
    + bands.map((band) => `<br>${whole(band.coverage)}: ${percent(band.lower[k])} to ${percent(band.upper[k])}`).join(""));
  const shownOf = market.n_points > times.length ? `, last ${times.length} of ${count(market.n_points)} prices` : "";
  const about = `${market.place}: WIS ${score(market.wis)}, off by ${percent(market.error)}; ${stepName(market.step)} at ${market.freq}${shownOf}`;
  return {
    title: market.question ?? market.market_id,
    about: market.question === null ? about : `${market.market_id} · ${about}`,
    told: `${market.question ?? market.market_id}, ${about}`,
    traces: [
      ...bands.map((band) => filled(area(times, band.lower, band.upper, { isStepped: true }), shade(0.06 + 0.26 / bands.length))),
      line(market.median, colour("blue"), 1.3),
      line(market.prices, colour("ink"), 1.2, hover(texts)),
    ],
    layout: layout({
      height: 230,
      hovermode: "x",
      xaxis: axis("time, UTC", { type: "date", nticks: 4, tickangle: 0, showgrid: false }),
      yaxis: axis("price, %", { range: reach([...market.prices, ...edges], { least: -0.004, most: 1.004 }), nticks: 5, tickformat: ".0%" }),
    }),
  };
}
