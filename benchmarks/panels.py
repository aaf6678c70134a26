"""Panels of recorded or simulated markets on a regular grid, for replays."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from tsfm_runner.testing.markets import simulate_markets, to_frames

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
StrArray = npt.NDArray[np.str_]

MAX_STEPS = 30_000
TRAIN_SHARE = 0.6
MIN_HISTORY = 13
_END_OF_SIMULATION = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """Which markets make a panel, and how their prices come onto its grid.

    Only of the sources in ``scheduled`` is the end known before it comes.
    """

    name: str
    freq: str
    step_s: int
    sources: tuple[str, ...]
    cadences: tuple[str, ...]
    min_points: int
    max_fill_steps: int
    scheduled: tuple[str, ...]


_SCHEDULED = ("fated_btc_bands", "weather_backfill")
_HOURLY = ("weather_backfill", "predictit_2020", "kalshi_surf", "weather_quotes")
SPECS: Mapping[str, PanelSpec] = {
    spec.name: spec
    for spec in (
        PanelSpec(
            *("5m", "5m", 300, ("fated_btc_bands", "kalshi_nba"), ("1m", "5m")),
            *(60, 12, _SCHEDULED),
        ),
        PanelSpec("hourly", "1h", 3_600, _HOURLY, ("1h",), 30, 2, _SCHEDULED),
        PanelSpec("weather", "1h", 3_600, _HOURLY[:1], ("1h",), 30, 2, _SCHEDULED),
        PanelSpec(
            "simulated", "5m", 300, ("simulated",), ("5m",), 60, 12, ("simulated",)
        ),
    )
}


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """Prices of many markets, one after the other in one array.

    Those of market ``m`` stand at ``starts[m]`` to ``starts[m + 1]``, one a step,
    NaN where there is none; the first belongs to step ``first_steps[m]`` since 1970.
    ``groups`` name the unit of independence of each market, ``closes_at_s`` is NaN
    where the end is not known before it comes.
    """

    spec: PanelSpec
    market_ids: tuple[str, ...]
    event_ids: tuple[str | None, ...]
    categories: tuple[str | None, ...]
    groups: StrArray
    sources: StrArray
    closes_at_s: FloatArray
    first_steps: IntArray
    starts: IntArray
    prices: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Origins:
    """Every moment at which a market has at least two prices without a hole.

    In the order of time, then of market. ``places`` point into the prices of the
    panel, ``runs`` to the first price since the last hole; ``steps`` count since
    1970, ``ages`` the prices of the market so far. ``outcomes`` has shape
    ``(n_origins, horizon)``, NaN where none is known.
    """

    places: IntArray
    runs: IntArray
    markets: IntArray
    steps: IntArray
    ages: IntArray
    outcomes: FloatArray
    is_train: BoolArray
    is_test: BoolArray


def data_folder() -> Path:
    """Return the folder of recorded markets, named by ``TSFM_SHARED``."""
    root = Path(__file__).resolve().parents[1]
    return Path(os.environ.get("TSFM_SHARED", root.parent / "shared")) / "data"


def recorded_panel(name: str, *, n_events: int | None, seed: int) -> Panel:
    """Read a panel of recorded markets, of so many events drawn at random."""
    folder = data_folder()
    markets = pl.read_parquet(folder / "markets.parquet")
    prices = pl.read_parquet(folder / "prices.parquet")
    return make_panel(markets, prices, SPECS[name], n_events=n_events, seed=seed)


def simulated_panel(
    *, n_events: int | None, seed: int, n_markets: int = 400, n_steps: int = 576
) -> Panel:
    """Return a panel of simulated markets."""
    spec = SPECS["simulated"]
    simulated = simulate_markets(
        n_markets, n_steps=n_steps, step_s=spec.step_s, seed=1, end=_END_OF_SIMULATION
    )
    markets, prices = to_frames(simulated)
    return make_panel(markets, prices, spec, n_events=n_events, seed=seed)


def make_panel(
    markets: pl.DataFrame,
    prices: pl.DataFrame,
    spec: PanelSpec,
    *,
    n_events: int | None,
    seed: int,
) -> Panel:
    """Put the markets that a panel asks for onto its grid."""
    chosen = markets.filter(
        pl.col("source").is_in(spec.sources)
        & pl.col("cadence").is_in(spec.cadences)
        & ~pl.col("selected_on_outcome")
    )
    chosen = _of_some_events(chosen, n_events, seed)
    facts = {row["market_id"]: row for row in chosen.iter_rows(named=True)}
    rows = _rows(prices, list(facts), spec)
    kept = [facts[name] for name in rows]
    values = [row for _, row in rows.values()]
    return Panel(
        spec=spec,
        market_ids=tuple(rows),
        event_ids=tuple(row["event_id"] for row in kept),
        categories=tuple(row["category"] for row in kept),
        groups=np.array([row["split_group"] for row in kept]),
        sources=np.array([row["source"] for row in kept]),
        closes_at_s=np.array([_closes_at_s(row, spec) for row in kept]),
        first_steps=np.array([first for first, _ in rows.values()]),
        starts=np.cumsum([0, *(row.size for row in values)]),
        prices=np.concatenate(values),
    )


def _of_some_events(
    markets: pl.DataFrame, n_events: int | None, seed: int
) -> pl.DataFrame:
    groups = np.unique(markets["split_group"].to_numpy())
    if n_events is None or n_events >= groups.size:
        return markets
    drawn = np.random.default_rng(seed).choice(groups, n_events, replace=False)
    return markets.filter(pl.col("split_group").is_in(drawn.tolist()))


def _closes_at_s(row: Mapping[str, object], spec: PanelSpec) -> float:
    end = row["end"]
    is_known = isinstance(end, datetime) and row["source"] in spec.scheduled
    return end.timestamp() if is_known and isinstance(end, datetime) else np.nan


def _rows(
    prices: pl.DataFrame, market_ids: list[str], spec: PanelSpec
) -> dict[str, tuple[int, FloatArray]]:
    """Return the first step and the prices of each market that has enough."""
    step_ms = 1_000 * spec.step_s
    frame = (
        prices.with_columns(pl.col("market_id").cast(pl.String))
        .filter(pl.col("market_id").is_in(market_ids) & pl.col("price").is_finite())
        .sort("market_id", "ts")
        .select(
            "market_id",
            step=(pl.col("ts").dt.epoch("ms") + step_ms - 1) // step_ms,
            price=pl.col("price").cast(pl.Float64).round(6),
        )
    )
    rows: dict[str, tuple[int, FloatArray]] = {}
    for (name,), part in frame.group_by("market_id", maintain_order=True):
        steps = part["step"].to_numpy()
        n_steps = int(steps[-1] - steps[0]) + 1
        if len(part) < spec.min_points or n_steps > MAX_STEPS:
            continue
        row = filled(steps, part["price"].to_numpy(), max_fill=spec.max_fill_steps)
        if np.isfinite(row).sum() >= spec.min_points:
            rows[str(name)] = int(steps[0]), row
    return rows


def filled(steps: IntArray, prices: FloatArray, *, max_fill: int) -> FloatArray:
    """Return one price a step: the last one, for so many steps after its own."""
    row = np.full(int(steps[-1] - steps[0]) + 1, np.nan)
    last_of_step = np.append(steps[1:] != steps[:-1], True)
    row[(steps - steps[0])[last_of_step]] = prices[last_of_step]
    place = np.arange(row.size)
    newest = np.maximum.accumulate(np.where(np.isfinite(row), place, 0))
    return np.where(place - newest <= max_fill, row[newest], np.nan)


def origins_of(panel: Panel, *, horizon: int) -> Origins:
    """Return every origin of a panel with its outcomes and its part in the study."""
    lengths = np.diff(panel.starts)
    market = np.repeat(np.arange(lengths.size), lengths)
    place = np.arange(panel.prices.size)
    step = panel.first_steps[market] + place - panel.starts[market]
    is_known = np.isfinite(panel.prices)
    counted = np.cumsum(is_known)
    age = counted - (counted - is_known)[panel.starts[market]]
    is_first = place == panel.starts[market]
    is_fresh = is_first | ~np.append(False, is_known[:-1])
    run = np.maximum.accumulate(np.where(is_fresh, place, 0))
    at = np.flatnonzero(is_known & (place > run))
    at = at[np.lexsort((market[at], step[at]))]
    cut = _cuts(panel, step[is_known], market[is_known])[market[at]]
    is_old = age[at] >= MIN_HISTORY
    return Origins(
        places=at,
        runs=run[at],
        markets=market[at],
        steps=step[at],
        ages=age[at],
        outcomes=_outcomes(panel, at, market[at], horizon),
        is_train=is_old & (step[at] < cut - horizon),
        is_test=is_old & (step[at] >= cut),
    )


def _cuts(panel: Panel, steps: IntArray, markets: IntArray) -> FloatArray:
    """Return, for each market, the step at which the test part of its source begins."""
    cuts = np.empty(panel.sources.size)
    of_step = panel.sources[markets]
    for source in np.unique(panel.sources):
        cut = np.quantile(steps[of_step == source], TRAIN_SHARE)
        cuts[panel.sources == source] = cut
    return cuts


def _outcomes(
    panel: Panel, places: IntArray, markets: IntArray, horizon: int
) -> FloatArray:
    wanted = places[:, None] + np.arange(1, horizon + 1)
    is_inside = wanted < panel.starts[markets + 1][:, None]
    found = panel.prices[np.where(is_inside, wanted, 0)]
    return np.where(is_inside, found, np.nan)
