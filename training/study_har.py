"""Scores the shipped HAR band against the EWMA band on recorded markets."""

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dev_panel import FIVE_MINUTES_S, HOUR_S, FloatArray, read_panel
from fit_har import TABLE
from tsfm_runner.config import BaselineConfig
from tsfm_runner.core.ewma import ewma_quantiles
from tsfm_runner.core.har import HarTable, har_quantiles

SEED = 20260103
ORIGINS_PER_MARKET = 40
CONTEXT_POINTS = 289
LEAST_HISTORY = 24
HORIZON = 12
STEPS = (1, 6, 12)
COVERAGE = 0.8
LEVELS = (0.1, 0.5, 0.9)
EQUAL = 1e-7

HEADINGS = ("closed", "open", "below", "above", "width", "winkler")


@dataclass(frozen=True, slots=True, eq=False)
class Origins:
    """Where forecasts are made: contexts, what followed, and the weight of each."""

    contexts: FloatArray
    futures: FloatArray
    weights: FloatArray
    sources: npt.NDArray[np.str_]


def read_origins(step_s: int) -> Origins:
    """Draw origins from each recorded market; every event weighs the same."""
    panel = read_panel(step_s)
    rng = np.random.default_rng(SEED)
    rows, columns = [], []
    for row, prices in enumerate(panel.prices):
        is_known = np.isfinite(prices)
        usable = np.flatnonzero(is_known[:-HORIZON] & is_known[HORIZON:])
        usable = usable[usable >= LEAST_HISTORY]
        drawn = rng.permutation(usable)[:ORIGINS_PER_MARKET]
        rows.append(np.full(drawn.size, row))
        columns.append(drawn)
    row, column = np.concatenate(rows), np.concatenate(columns)
    _, event, n_origins = np.unique(
        panel.events[row], return_inverse=True, return_counts=True
    )
    past = ((0, 0), (CONTEXT_POINTS - 1, 0))
    padded = np.pad(panel.prices, past, constant_values=np.nan)
    return Origins(
        padded[row[:, None], column[:, None] + np.arange(CONTEXT_POINTS)],
        panel.prices[row[:, None], column[:, None] + np.array(STEPS)],
        1 / n_origins[event],
        panel.sources[row],
    )


def bands(contexts: FloatArray) -> dict[str, FloatArray]:
    """Return the bands of both methods, clipped to [0, 1]."""
    table = HarTable.from_mapping(json.loads(TABLE.read_text(encoding="utf-8")))
    constants = BaselineConfig()
    both = {
        "har": har_quantiles(
            contexts, horizon=HORIZON, quantile_levels=LEVELS, table=table
        ),
        "ewma": ewma_quantiles(
            contexts,
            horizon=HORIZON,
            quantile_levels=LEVELS,
            half_life_steps=constants.ewma_half_life_steps,
            floor=np.full(len(contexts), constants.floor_price),
            floor_share=constants.floor_share,
        ),
    }
    return {name: np.clip(band, 0, 1) for name, band in both.items()}


def scores(
    lower: FloatArray, upper: FloatArray, outcome: FloatArray, weights: FloatArray
) -> list[float]:
    """Return closed and open coverage, misses on each side, width and Winkler."""
    below, above = np.maximum(lower - outcome, 0), np.maximum(outcome - upper, 0)
    width = upper - lower
    columns = (
        (below <= EQUAL) & (above <= EQUAL),
        (outcome > lower + EQUAL) & (outcome < upper - EQUAL),
        below > EQUAL,
        above > EQUAL,
        width,
        width + 2 / (1 - COVERAGE) * (below + above),
    )
    return [float(np.average(column, weights=weights)) for column in columns]


def main() -> None:
    """Print the scores of both methods, then HAR's coverage in each source."""
    for step_s, name in ((FIVE_MINUTES_S, "5m"), (HOUR_S, "1h")):
        origins = read_origins(step_s)
        print(f"{name}: {len(origins.contexts)} origins")
        print(f"{'':10s}" + "".join(f"{heading:>9s}" for heading in HEADINGS))
        for method, band in bands(origins.contexts).items():
            for place, step in enumerate(STEPS):
                known = np.isfinite(origins.futures[:, place])
                row = scores(
                    band[known, step - 1, 0],
                    band[known, step - 1, -1],
                    origins.futures[known, place],
                    origins.weights[known],
                )
                cells = "".join(f"{value:9.4f}" for value in row)
                print(f"{method:6s}h={step:<2d}{cells}")


if __name__ == "__main__":
    main()
