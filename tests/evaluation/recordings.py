"""Recorded markets and designs for the tests of studies."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files

import numpy as np

from tsfm_runner.config import Settings
from tsfm_runner.core.har import HarTable
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.domain.task import MarketFacts
from tsfm_runner.evaluation.design import LEVELS, Design
from tsfm_runner.service.calibration.priors import Prior

STEP_S = 300
START_S = 1_767_225_600  # 2026-01-01, a whole number of every step


def make_design(
    *,
    horizon: int = 4,
    quantile_levels: tuple[float, ...] = LEVELS,
    settings: Settings | None = None,
) -> Design:
    """Return a design with the constants that are shipped."""
    data = files("tsfm_runner") / "data"
    table = HarTable.from_mapping(json.loads((data / "har.json").read_text()))
    priors = json.loads((data / "priors.json").read_text())["priors"]
    return Design(
        horizon,
        quantile_levels,
        settings or Settings(),
        table,
        {name: Prior.from_mapping(one) for name, one in priors.items()},
    )


def walk(rng: np.random.Generator, n_points: int, *, tick: float = 0.01) -> np.ndarray:
    """Return prices that wander on a grid and often rest."""
    moves = rng.choice([-2, -1, 0, 0, 0, 0, 1, 2], n_points) * tick
    return np.clip(np.round(0.4 + np.cumsum(moves), 6), tick, 1 - tick)


def make_market(  # noqa: PLR0913 - one argument a fact
    name: str,
    prices: Sequence[float] | np.ndarray,
    *,
    group: str | None = None,
    source: str = "made",
    step_s: int = STEP_S,
    first: int = 0,
    category: str | None = "sports",
    tick: float | None = 0.01,
    ends_after: int | None = None,
) -> RecordedMarket:
    """Return a market with a price at each step, from step ``first`` on."""
    values = np.asarray(prices, dtype=np.float64)
    times_s = START_S + step_s * (first + np.arange(values.size, dtype=np.float64))
    end = None
    if ends_after is not None:
        end = datetime.fromtimestamp(START_S + step_s * ends_after, UTC)
    facts = MarketFacts(
        category=category, event_id=group or name, closes_at=end, tick_size=tick
    )
    is_known = ~np.isnan(values)
    return RecordedMarket(
        name,
        times_s[is_known],
        values[is_known],
        step_s,
        group or name,
        source,
        facts,
    )


def make_markets(
    n_markets: int, *, n_points: int = 90, seed: int = 20261126, per_group: int = 2
) -> list[RecordedMarket]:
    """Return markets that start one after the other, some of them of one group."""
    rng = np.random.default_rng(seed)
    return [
        make_market(
            f"market-{place:02d}",
            walk(rng, n_points),
            group=f"event-{place // per_group:02d}",
            source=f"source-{place % 2}",
            category=("sports", "weather")[place % 2],
            first=5 * place,
            ends_after=None if place % 3 else 5 * place + n_points,
        )
        for place in range(n_markets)
    ]
