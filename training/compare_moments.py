"""Compares recorded markets with those of each simulated prior, moment by moment.

Each moment is taken of every market and averaged with one vote an event; in brackets
stands where the recorded mean lies when events are drawn again. Simulated markets are
as long as recorded ones, end where they close, and are chosen by the same rules.
"""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from card import write_part
from dev_panel import (
    CADENCES_BY_STEP,
    MIN_POINTS,
    FloatArray,
    Panel,
    read_panel,
    require_data,
)
from moments import TIE, by_event, moments_of
from moments_report import Moments, as_html, as_markdown, as_text, with_interval
from tsfm_runner.testing.markets import PRIORS, SimulatedMarkets, simulate_markets

N_MARKETS = 2_000
SEED = 20260102
LENGTHS_AT = (0.125, 0.375, 0.625, 0.875)
# What recorded markets must show to be core ones, and simulated ones to stand beside.
LEAST_MOVING, LEAST_INSIDE = 0.02, 0.3
INSIDE = (0.02, 0.98)
RECORDED = "recorded"
END = datetime(2026, 1, 1, tzinfo=UTC)


def simulated_panel(
    prior: str, *, step_s: int, lengths: list[int], n_markets: int
) -> Panel:
    """Simulate a panel whose markets are of the lengths of recorded ones."""
    parts = [
        simulate_markets(
            n_markets // len(lengths),
            n_steps=n_steps,
            step_s=step_s,
            seed=SEED + place,
            end=END,
            prior=prior,
        )
        for place, n_steps in enumerate(lengths)
    ]
    width = max(lengths)
    prices = np.concatenate(
        [
            np.pad(
                until_closed(part),
                ((0, 0), (0, width - len(part.times))),
                constant_values=np.nan,
            )
            for part in parts
        ]
    )
    listings = [listing for part in parts for listing in part.listings]
    events = np.array([listing.event_id for listing in listings])
    kept = is_core(prices)
    return Panel(prices[kept], events[kept], np.full(int(kept.sum()), prior))


def is_core(prices: FloatArray) -> npt.NDArray[np.bool_]:
    """Return which rows have points enough, move enough, and are not yet decided."""
    n_known = np.isfinite(prices).sum(axis=1)
    n_moves = (np.abs(np.diff(prices, axis=1)) > TIE).sum(axis=1)
    n_inside = ((prices >= INSIDE[0]) & (prices <= INSIDE[1])).sum(axis=1)
    return np.asarray(
        (n_known >= MIN_POINTS)
        & (n_moves >= LEAST_MOVING * n_known)
        & (n_inside >= LEAST_INSIDE * n_known)
    )


def until_closed(markets: SimulatedMarkets) -> FloatArray:
    """Return the prices of each market up to its close, NaN from there on."""
    start = markets.times[0]
    open_steps = np.array(
        [
            (listing.closes_at - start).total_seconds() / markets.step_s
            for listing in markets.listings
        ]
    )
    is_over = np.arange(len(markets.times)) > open_steps[:, None]
    return np.where(is_over, np.nan, markets.prices)


def compare(n_markets: int) -> dict[str, dict[str, Moments]]:
    """Return the moments of each cadence: those recorded, then of each prior."""
    found: dict[str, dict[str, Moments]] = {}
    for step_s in track(
        CADENCES_BY_STEP, "comparing", console=Console(stderr=True), transient=True
    ):
        recorded = read_panel(step_s)
        n_known = np.isfinite(recorded.prices).sum(axis=1)
        lengths = [int(one) for one in np.quantile(n_known, LENGTHS_AT)]
        panels = {RECORDED: recorded} | {
            prior: simulated_panel(
                prior, step_s=step_s, lengths=lengths, n_markets=n_markets
            )
            for prior in PRIORS
        }
        cadence = f"{step_s // 60}m" if step_s < 3_600 else "1h"  # noqa: PLR2004
        found[cadence] = {
            name: by_event(moments_of(panel.prices, step_s=step_s), panel.events)
            for name, panel in panels.items()
        }
    return found


def terminal_table(cadence: str, columns: Mapping[str, Moments]) -> Table:
    """Return the table of one cadence."""
    table = Table(title=cadence, box=None)
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    for moment, recorded in columns[RECORDED].items():
        priors = (as_text(columns[name][moment].value) for name in PRIORS)
        table.add_row(moment, with_interval(recorded), *priors)
    return table


def main() -> None:
    """Print recorded and simulated moments side by side, and write a report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--markets", type=int, default=N_MARKETS, help="of each prior")
    parser.add_argument("--out", type=Path, help="a report, .md or .html (with plots)")
    parser.add_argument("--card", action="store_true", help="write the model card")
    options = parser.parse_args()
    require_data()
    found = compare(options.markets)
    for cadence, columns in found.items():
        Console(width=100).print(terminal_table(cadence, columns))
    if options.out is not None:
        render = as_html if options.out.suffix == ".html" else as_markdown
        options.out.write_text(render(found), encoding="utf-8")
        print(options.out)
    if options.card:
        write_part("moments", as_markdown(found))


if __name__ == "__main__":
    main()
