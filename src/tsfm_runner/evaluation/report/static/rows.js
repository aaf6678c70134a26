// Plots of one row a thing: its name at the left, or above it where there is no room.

const MAX_LABEL = 96;

const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Return the name in lines that fit a narrow screen. */
function broken(label, most) {
  const lines = [""];
  for (const part of label.split(" · ")) {
    const last = lines[lines.length - 1];
    const longer = last ? `${last} · ${part}` : part;
    if (longer.length > most && last) lines.push(part);
    else lines[lines.length - 1] = longer;
  }
  return lines.slice(0, 3).map((line) => cut(line, most));
}

/**
 * Return layout and height of a plot whose rows stand at 0, 1, 2 from above.
 * Each row: {label, note}; the note stands at the right.
 */
function rowLayout(rows, widthPx, xaxis, shapes) {
  const isNarrow = widthPx < NARROW_PX;
  const longest = Math.max(0, ...rows.map((row) => (row.note ?? "").length));
  const letters = Math.max(16, Math.floor((widthPx - 24) / 6.3) - longest - 2);
  const labels = rows.map((row) => (isNarrow ? broken(row.label, letters) : [cut(row.label, MAX_LABEL)]));
  const nLines = Math.max(1, ...labels.map((lines) => lines.length));
  const rowPx = isNarrow ? 24 + 15 * nLines : 27;
  const heightPx = rows.length * rowPx + 62;
  const text = {
    showarrow: false, yref: "y", font: { size: 11.5, color: colour("ink") },
    bgcolor: isNarrow ? colour("paper") : CLEAR, borderpad: 0,
  };
  const above = rows.map((row, place) => ({
    ...text, text: labels[place].map(plain).join("<br>"), align: "left",
    x: 0, xref: "paper", xanchor: "left", y: place - 0.5 + 3 / rowPx, yanchor: "top",
  }));
  const notes = rows.map((row, place) => ({
    ...text, text: plain(row.note ?? ""), align: "right",
    x: 1, xref: "paper", xanchor: isNarrow ? "right" : "left", xshift: isNarrow ? 0 : 12,
    y: isNarrow ? place - 0.5 + 3 / rowPx : place, yanchor: isNarrow ? "top" : "middle",
  }));
  return {
    heightPx,
    // On a narrow screen the lower half of a row is for its marks.
    shift: isNarrow ? 0.5 - 11 / rowPx : 0,
    thickness: isNarrow ? 10 / rowPx : 0.5,
    layout: layout({
      height: heightPx,
      margin: { l: isNarrow ? 6 : 10, r: isNarrow ? 8 : 22 + 6.6 * longest, t: 4, b: 44 },
      xaxis,
      yaxis: axis("", {
        range: [rows.length - 0.5, -0.5],
        tickvals: rows.map((_, place) => place),
        ticktext: labels.map((lines) => plain(lines[0])),
        showticklabels: !isNarrow,
        tickfont: { size: 11.5, color: colour("ink") },
        ticks: "",
        showgrid: false,
        automargin: !isNarrow,
      }),
      annotations: isNarrow ? [...above, ...notes] : notes,
      shapes,
    }),
  };
}

/** Return a logarithmic axis whose ticks people can read. */
function ratioAxis(title, values) {
  const logs = values.filter((value) => isKnown(value) && value > 0).map(Math.log10);
  const [low, high] = reach([...logs, Math.log10(0.97), Math.log10(1.03)]);
  const all = [0.1, 0.2, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 2, 3, 5, 10];
  const inside = all.filter((tick) => low <= Math.log10(tick) && Math.log10(tick) <= high);
  const apart = (high - low) / 11;
  const kept = [1];
  for (const tick of [...inside].sort((a, b) => Math.abs(Math.log(a)) - Math.abs(Math.log(b)))) {
    if (kept.every((other) => Math.abs(Math.log10(tick / other)) >= apart)) kept.push(tick);
  }
  return axis(title, { type: "log", range: [low, high], tickvals: kept, ticktext: kept.map(String) });
}
