"""Compares simulated markets with recorded ones, moment by moment."""

import warnings
from datetime import UTC, datetime

import numpy as np
import polars as pl

from dev_panel import FIVE_MINUTES_S, HOUR_S, FloatArray, Panel, read_panel
from tsfm_runner.testing.markets import simulate_markets

N_MARKETS = 3_000
SEED = 20260102
WINDOW_STEPS = {FIVE_MINUTES_S: 300, HOUR_S: 168}
LAG = 12
TIE = 1e-6


def simulated_panel(step_s: int) -> Panel:
    """Simulate a panel of about the size and length of the recorded one."""
    markets = simulate_markets(
        N_MARKETS,
        n_steps=WINDOW_STEPS[step_s],
        step_s=step_s,
        seed=SEED,
        end=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return Panel(
        markets.prices,
        np.array([listing.event_id for listing in markets.listings]),
        np.array([listing.category for listing in markets.listings]),
    )


def moments(panel: Panel) -> dict[str, float]:
    """Return each moment, taken per market and averaged with one vote an event."""
    prices = panel.prices
    one, twelve = np.diff(prices, axis=1), prices[:, LAG:] - prices[:, :-LAG]
    sizes, centred = np.abs(one), one - np.nanmean(one, axis=1, keepdims=True)
    edge = np.minimum(prices, 1 - prices)
    per_market = {
        "ties_1": _share(np.abs(one) < TIE, one),
        "ties_12": _share(np.abs(twelve) < TIE, twelve),
        "mean_abs_1": np.nanmean(sizes, axis=1),
        "mean_abs_12": np.nanmean(np.abs(twelve), axis=1),
        "acf1_abs": _autocorrelation(sizes, lag=1),
        "acf6_abs": _autocorrelation(sizes, lag=6),
        "acf1": _autocorrelation(one, lag=1),
        "below_03": _share(edge < 0.03, prices),  # noqa: PLR2004
        "below_12": _share(edge < 0.12, prices),  # noqa: PLR2004
        "below_30": _share(edge < 0.30, prices),  # noqa: PLR2004
    }
    means = {name: _by_event(row, panel) for name, row in per_market.items()}
    square = np.nanmean(centred**2, axis=1)
    kurtosis = np.nanmean(centred**4, axis=1) / square**2
    pooled = np.abs(one[np.isfinite(one)]) < TIE
    extra = {
        "ties_1_pooled": float(pooled.mean()),
        "ties_12_pooled": float((np.abs(twelve[np.isfinite(twelve)]) < TIE).mean()),
        "kurtosis_median": float(np.nanmedian(kurtosis)),
    }
    return {"markets": float(len(prices)), **extra, **means}


def _share(is_so: np.ndarray, known: FloatArray) -> FloatArray:
    return np.asarray(np.nanmean(np.where(np.isfinite(known), is_so, np.nan), axis=1))


def _autocorrelation(rows: FloatArray, *, lag: int) -> FloatArray:
    centred = rows - np.nanmean(rows, axis=1, keepdims=True)
    products = np.nanmean(centred[:, lag:] * centred[:, :-lag], axis=1)
    return np.asarray(products / np.nanmean(centred**2, axis=1))


def _by_event(values: FloatArray, panel: Panel) -> float:
    frame = pl.DataFrame({"event": panel.events, "value": values})
    events = frame.filter(pl.col("value").is_finite()).group_by("event")
    return float(events.agg(pl.col("value").mean())["value"].to_numpy().mean())


def main() -> None:
    """Print recorded and simulated moments side by side."""
    columns = {}
    for step_s, name in ((FIVE_MINUTES_S, "5m"), (HOUR_S, "1h")):
        columns[f"recorded {name}"] = moments(read_panel(step_s))
        columns[f"simulated {name}"] = moments(simulated_panel(step_s))
    names = list(next(iter(columns.values())))
    print(f"{'':16s}" + "".join(f"{column:>15s}" for column in columns))
    for name in names:
        cells = "".join(f"{column[name]:15.4f}" for column in columns.values())
        print(f"{name:16s}{cells}")


if __name__ == "__main__":
    # A market with one known change, or none that differs, has no such moment.
    warnings.simplefilter("ignore", RuntimeWarning)
    main()
