"""Fits the HAR table that is shipped with the package, on simulated markets only."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from tsfm_runner.core.har import har_features
from tsfm_runner.testing.markets import GENERATOR_VERSION, simulate_markets

FloatArray = npt.NDArray[np.float64]

STEPS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 192, 288)
WINDOWS = np.array([6, 24, 72, 288])
LOWER_LEVELS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075),
    *(0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45),
)
LEVELS = np.array([*LOWER_LEVELS, 0.5, *(round(1 - v, 6) for v in LOWER_LEVELS[::-1])])
FLOOR = 2.5e-4
TICK = 0.01
PRIOR_WEIGHT = 6.0
ROUNDS = 6
DECIMALS = 5

RECORDINGS = (  # cadence in seconds, length in steps
    *((300, 60), (300, 300), (300, 300), (300, 576)),
    *((3_600, 40), (3_600, 56), (3_600, 56), (3_600, 96), (3_600, 168), (3_600, 432)),
)
ORIGINS_PER_MARKET = 12
END = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = Path(__file__).parents[1] / "src" / "tsfm_runner" / "data" / "har.json"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Contexts and what came after.

    ``contexts`` has shape ``(n_origins, 289)``, right-aligned, NaN before the
    market opened; ``changes`` has shape ``(n_origins, len(STEPS))``, NaN after
    the recording ended.
    """

    contexts: FloatArray
    changes: FloatArray


def draw_sample(n_markets: int, *, seed: int) -> Sample:
    """Draw origins from simulated recordings of several lengths and cadences."""
    parts = list(_samples(n_markets, seed=seed))
    return Sample(
        np.concatenate([part.contexts for part in parts]),
        np.concatenate([part.changes for part in parts]),
    )


def _samples(n_markets: int, *, seed: int) -> Iterator[Sample]:
    rng = np.random.default_rng(seed)
    for step_s, n_steps in RECORDINGS:
        markets = simulate_markets(
            n_markets // len(RECORDINGS),
            n_steps=n_steps,
            step_s=step_s,
            seed=int(rng.integers(2**31)),
            end=END,
        )
        yield sample_origins(markets.prices, rng=rng)


def sample_origins(prices: FloatArray, *, rng: np.random.Generator) -> Sample:
    """Look at each row from several origins, each with some past and future."""
    n_markets, n_steps = prices.shape
    reach, ahead = int(WINDOWS.max()), max(STEPS)
    padded = np.pad(prices, ((0, 0), (reach, ahead)), constant_values=np.nan)
    rows = np.repeat(np.arange(n_markets), ORIGINS_PER_MARKET)[:, None]
    origins = rng.integers(0, n_steps - 1, rows.size)[:, None] + reach
    contexts = padded[rows, origins + np.arange(-reach, 1)]
    futures = padded[rows, origins + np.array(STEPS)]
    return Sample(contexts, futures - contexts[:, -1:])


def fit_table(sample: Sample) -> dict[str, Any]:
    """Fit every constant of the table; plain lists, ready for JSON."""
    nothing = np.zeros(3)
    level_terms = har_features(
        sample.contexts, windows=WINDOWS, prior=nothing, prior_weight=PRIOR_WEIGHT
    )[:, -3:]
    prior = fit_scale(level_terms, np.abs(sample.changes[:, 0])).round(DECIMALS)
    features = har_features(
        sample.contexts, windows=WINDOWS, prior=prior, prior_weight=PRIOR_WEIGHT
    )
    coefficients, offsets = [], []
    for change in sample.changes.T:
        is_known = np.isfinite(change)
        terms, moved = features[is_known], change[is_known]
        weights = fit_scale(terms, np.abs(moved)).round(DECIMALS)
        scaled = moved / np.maximum(terms @ weights, FLOOR)
        coefficients.append(weights.tolist())
        offsets.append(symmetric_quantiles(scaled).round(DECIMALS).tolist())
    return {
        "steps": list(STEPS),
        "windows": WINDOWS.tolist(),
        "coefficients": coefficients,
        "prior": prior.tolist(),
        "prior_weight": PRIOR_WEIGHT,
        "levels": LEVELS.tolist(),
        "offsets": offsets,
        "floor": FLOOR,
    }


def fit_scale(terms: FloatArray, moved: FloatArray) -> FloatArray:
    """Fit the expected absolute change by non-negative least squares.

    Each error counts in proportion to its spread under the fit of the round
    before. Lively prices spread like their mean; quiet ones move by a whole tick
    or not at all, so their variance is only proportional to the mean.
    """
    weights = np.ones(moved.size)
    for _ in range(ROUNDS):
        system = np.column_stack((terms, moved)) * weights[:, None]
        root = np.asarray(np.linalg.qr(system, mode="r"), dtype=np.float64)
        coefficients = np.asarray(nnls(root[:, :-1], root[:, -1])[0], dtype=np.float64)
        expected = np.maximum(terms @ coefficients, FLOOR)
        weights = 1 / np.sqrt(expected * (expected + TICK))
    return coefficients


def symmetric_quantiles(scaled: FloatArray) -> FloatArray:
    """Return signed quantiles; a market and its mirror (1 - price) count alike."""
    both = np.concatenate((scaled, -scaled))
    quantiles = np.quantile(both, LEVELS, method="median_unbiased")
    return np.asarray((quantiles - quantiles[::-1]) / 2)


def main() -> None:
    """Fit the table and write it where the package reads it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=24_000)
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--out", type=Path, default=TABLE)
    options = parser.parse_args()
    provenance = {
        "made_by": "training/fit_har.py",
        "data": "simulated markets only",
        "generator_version": GENERATOR_VERSION,
        "n_markets": options.markets,
        "seed": options.seed,
        "recordings": RECORDINGS,
    }
    table = fit_table(draw_sample(options.markets, seed=options.seed))
    text = json.dumps({"provenance": provenance, **table})
    options.out.write_text(text + "\n", encoding="utf-8")
    print(f"{options.out}: {len(text)} bytes")
    for step, row in zip(table["steps"], table["coefficients"], strict=True):
        print(step, *row)


if __name__ == "__main__":
    main()
