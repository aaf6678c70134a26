"""Draw bands as small multiples: history, nested fan of quantile pairs, median."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.task import FloatArray, ForecastTask
from tsfm_runner.errors import UnreadableInputError

MAX_PANELS = 12

_SUFFIXES = (".png", ".svg")
_COLUMNS = 3
_PANEL_INCHES = (4.3, 2.9)
_SINGLE_INCHES = (8.0, 4.2)
_HISTORY_PER_HORIZON = 4
_MIN_SPAN = 0.02
_MARGIN = 0.12
_MAX_TITLE = 44
_SECONDS_PER_DAY = 86_400
_LEGEND_INCHES = 0.4
_LEGEND_COLUMNS = 6
_LEGEND_PLACES = {"history": 0, "median": 1}
_ONLY_PAIR_SHARE = 0.45
_INK, _MUTED, _GRID = "#2b303b", "#7b8494", "#e6e9ee"
_OUTER, _INNER, _MEDIAN = "#d6e4f5", "#86b1e2", "#1d5cab"
_MEDIAN_LEVEL = 0.5

# The salt and the missing date make the same bands draw the same SVG, byte by byte.
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "tsfm-runner",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": _MUTED,
    "axes.labelcolor": _MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "text.color": _INK,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "timezone": "UTC",
}


def require_suffix(path: Path) -> None:
    """Raise ``UnreadableInputError`` for an ending that nothing is drawn to."""
    if path.suffix.lower() not in _SUFFIXES:
        known = " or ".join(_SUFFIXES)
        raise UnreadableInputError(f"{path}: pictures are drawn to {known}")


def draw_bands(served: Sequence[ServedForecast], path: Path) -> None:
    """Draw the first forecasts, a panel each, and write a PNG or SVG picture.

    Raises ``UnreadableInputError`` for another ending, or where nothing can be
    written.
    """
    require_suffix(path)
    shown = served[:MAX_PANELS]
    with rc_context(_STYLE):
        figure = _figure(shown)
        is_svg = path.suffix.lower() == ".svg"
        metadata = {"Date": None} if is_svg else {"Software": None}
        try:
            figure.savefig(path, dpi=150, metadata=metadata)
        except OSError as exc:
            reason = f"{path} cannot be written: {exc.strerror}"
            raise UnreadableInputError(reason) from exc


def _figure(shown: Sequence[ServedForecast]) -> Figure:
    columns = min(_COLUMNS, max(1, len(shown)))
    rows = max(1, ceil(len(shown) / columns))
    width, height = _SINGLE_INCHES if len(shown) == 1 else _PANEL_INCHES
    size = (width * columns, height * rows + _LEGEND_INCHES)
    layout = ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08, hspace=0.03)
    figure = Figure(figsize=size, layout=layout)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel, answer in zip(panels, shown, strict=False):
        _draw_panel(panel, answer)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    for panel in panels[: len(shown) : columns]:
        panel.set_ylabel("probability", fontsize=8)
    _draw_legend(figure, panels[: len(shown)])
    return figure


def _draw_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    by_label = {
        label: handle
        for panel in panels
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    order = sorted(by_label, key=lambda label: _LEGEND_PLACES.get(label, 2))
    figure.legend(
        [by_label[label] for label in order],
        order,
        loc="outside lower center",
        ncols=max(1, min(len(by_label), _LEGEND_COLUMNS)),
        frameon=False,
        fontsize=8,
    )


def _draw_panel(panel: Axes, answer: ServedForecast) -> None:
    days, prices = _history(answer.task)
    step_days = answer.task.freq.step_s / _SECONDS_PER_DAY
    ahead = days[-1] + step_days * np.arange(answer.task.horizon + 1)
    # The fan opens at the last known price, where nothing is uncertain.
    start = np.full((1, answer.values.shape[1]), prices[-1])
    values = np.concatenate([start, answer.values])
    _draw_fan(panel, ahead, values, answer.task.quantile_levels)
    # A price stands until the next one comes; slopes would show trades nobody made.
    panel.plot(
        days,
        prices,
        color=_INK,
        linewidth=1.1,
        drawstyle="steps-post",
        label="history",
    )
    panel.plot(days[-1], prices[-1], "o", color=_INK, markersize=3)
    panel.axvline(days[-1], color=_MUTED, linewidth=0.7, linestyle=(0, (1, 2)))
    _label_panel(panel, answer)
    _scale(panel, np.concatenate([prices, values.ravel()]))


def _draw_fan(
    panel: Axes,
    days: FloatArray,
    values: FloatArray,
    levels: tuple[float, ...],
) -> None:
    n_pairs = len(levels) // 2
    for pair in range(n_pairs):
        low, high = levels[pair], levels[-1 - pair]
        panel.fill_between(
            days,
            values[:, pair],
            values[:, -1 - pair],
            color=_shade(pair, n_pairs),
            linewidth=0,
            label=_band_label(low, high),
        )
    if _MEDIAN_LEVEL in levels:
        median = values[:, levels.index(_MEDIAN_LEVEL)]
        panel.plot(days, median, color=_MEDIAN, linewidth=1.4, label="median")


def _band_label(low: float, high: float) -> str:
    """Return how much a band should hold, and between which quantiles.

    >>> _band_label(0.05, 0.95)
    '90 % band (q5 to q95)'
    """
    share, first, last = (
        f"{round(100 * part, 6):g}" for part in (high - low, low, high)
    )
    return f"{share} % band (q{first} to q{last})"


def _shade(pair: int, n_pairs: int) -> tuple[float, float, float]:
    """Return the colour of a pair, from the pale outermost to the inner ones."""
    share = pair / max(1, n_pairs - 1) if n_pairs > 1 else _ONLY_PAIR_SHARE
    outer, inner = np.array(to_rgb(_OUTER)), np.array(to_rgb(_INNER))
    red, green, blue = (outer + share * (inner - outer)).tolist()
    return red, green, blue


def _history(task: ForecastTask) -> tuple[FloatArray, FloatArray]:
    """Return the recent known points up to the cutoff: days since 1970, and prices."""
    step_s, end_s = float(task.freq.step_s), task.cutoff.timestamp()
    times_s = end_s - step_s * np.arange(task.context.size, dtype=np.float64)[::-1]
    if task.times_s is not None:
        times_s = task.times_s
    known = ~np.isnan(task.context)
    start_s = end_s - step_s * task.horizon * _HISTORY_PER_HORIZON
    chosen = known & (times_s >= min(start_s, times_s[known][-1]))
    prices = task.context[chosen]
    # The last price still stands at the cutoff, even where it is older.
    days = np.append(times_s[chosen], end_s) / _SECONDS_PER_DAY
    return days, np.append(prices, prices[-1])


def _label_panel(panel: Axes, answer: ServedForecast) -> None:
    market, origin = answer.task.market_id, answer.provenance
    title = market if len(market) <= _MAX_TITLE else f"{market[: _MAX_TITLE - 1]}…"
    panel.set_title(title, loc="left", fontsize=9.5, fontweight="bold", pad=18)
    reason = f", {origin.fallback_reason}" if origin.is_fallback else ""
    by = f"{origin.runtime}: {origin.model_name}{reason}"
    panel.annotate(
        by,
        xy=(0, 1),
        xytext=(0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        color=_MUTED,
        fontsize=8,
    )
    locator = AutoDateLocator(minticks=2, maxticks=6)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    panel.xaxis.set_major_formatter(formatter)
    panel.xaxis.get_offset_text().set_fontsize(8)
    panel.set_xlabel("time (UTC)", fontsize=8, loc="left")
    panel.tick_params(labelsize=8, length=3)


def _scale(panel: Axes, prices: FloatArray) -> None:
    """Show what is there with some air, but never outside 0 and 1."""
    low, high = float(prices.min()), float(prices.max())
    span = max(high - low, _MIN_SPAN)
    middle, reach = (low + high) / 2, span * (0.5 + _MARGIN)
    edge = span * _MARGIN / 4  # a line at 0 or 1 must not be cut in half
    panel.set_ylim(max(-edge, middle - reach), min(1 + edge, middle + reach))
    panel.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    panel.yaxis.set_major_formatter(FuncFormatter(_percent))


def _percent(price: float, _: int | None) -> str:
    return f"{round(100 * price, 6):g} %"
