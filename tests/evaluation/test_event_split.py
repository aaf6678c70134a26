"""Events that are held out teach others nothing, and only themselves how wide."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from tests.evaluation.recordings import make_design, make_market, make_markets, walk
from tests.evaluation.studies import bands_of, baselines, planned

from tsfm_runner.config import PreparationConfig, Settings
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.evaluation.design import Model
from tsfm_runner.evaluation.splits import SplitName

DESIGN = make_design(horizon=2, quantile_levels=(0.1, 0.5, 0.9))
[EWMA] = baselines("ewma")
LOOKS_BACK = 32
MARKETS = make_markets(10, n_points=70)


def held_out_of(markets: Sequence[RecordedMarket]) -> frozenset[str]:
    return planned(markets, [EWMA], DESIGN, split="event").split.held_out


HELD_OUT = held_out_of(MARKETS)


def with_other_prices(markets: list[RecordedMarket]) -> list[RecordedMarket]:
    """Return the markets where prices of held out events went another way."""
    rng = np.random.default_rng(99)
    return [
        replace(market, prices=walk(rng, market.prices.size, tick=0.03))
        if market.group in HELD_OUT
        else market
        for market in markets
    ]


def bands(
    markets: list[RecordedMarket], split: SplitName, model: Model = EWMA
) -> dict[str, np.ndarray]:
    return bands_of(markets, model, DESIGN, split=split)


@pytest.fixture(scope="module")
def pair() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The bands of all markets, before and after others happened to some."""
    return bands(MARKETS, "event"), bands(with_other_prices(MARKETS), "event")


def test_some_events_are_held_out_and_some_are_not() -> None:
    assert len(HELD_OUT) == 2
    assert len({market.group for market in MARKETS}) == 5


def test_what_happens_to_events_held_out_changes_no_bit_of_other_bands(
    pair: tuple[dict[str, np.ndarray], dict[str, np.ndarray]],
) -> None:
    before, after = pair

    for market in MARKETS:
        is_equal = (
            before[market.market_id].tobytes() == after[market.market_id].tobytes()
        )
        assert is_equal == (market.group not in HELD_OUT)


def test_it_is_so_where_events_are_alone_in_time() -> None:
    rng = np.random.default_rng(4)
    alone = [
        make_market(
            f"m{place}", walk(rng, 30), first=50 * place, group=group, source="source-0"
        )
        for place, group in enumerate(sorted({one.group for one in MARKETS}))
    ]

    assert held_out_of(alone) == HELD_OUT
    before, after = bands(alone, "event"), bands(with_other_prices(alone), "event")

    for market in alone:
        name = market.market_id
        is_equal = bool((before[name] == after[name]).all())
        assert is_equal == (market.group not in HELD_OUT)


def test_in_time_the_same_would_change_the_bands_of_others() -> None:
    before, after = bands(MARKETS, "time"), bands(with_other_prices(MARKETS), "time")

    taught = [one.market_id for one in MARKETS if one.group not in HELD_OUT]
    assert all((before[name] != after[name]).any() for name in taught)


def test_a_market_held_out_learns_how_wide_its_own_bands_must_be() -> None:
    design = replace(DESIGN, settings=looking_back(LOOKS_BACK))
    name = next(one.market_id for one in MARKETS if one.group in HELD_OUT)
    rng = np.random.default_rng(3)
    alike = np.clip(0.4 + np.cumsum(rng.normal(0, 0.004, LOOKS_BACK)), 0.1, 0.9)
    calm = np.full(30, 0.4)
    faster = 0.1 + np.cumsum(0.0005 * 1.17 ** np.arange(30))  # ahead of every band

    both = [
        [with_prices(one, name, [*path, *alike]) for one in MARKETS]
        for path in (calm, faster)
    ]

    small, large = (
        bands_of(markets, EWMA, design, split="event")[name][-1] for markets in both
    )

    assert held_out_of(both[0]) == held_out_of(both[1]) == HELD_OUT

    # All that the last band sees is the same; what came before is only remembered.
    assert (large[:, -1] - large[:, 0] > 1.03 * (small[:, -1] - small[:, 0])).all()


def looking_back(n_points: int) -> Settings:
    return Settings(preparation=PreparationConfig(context_length=n_points))


def with_prices(
    market: RecordedMarket, name: str, prices: Sequence[float]
) -> RecordedMarket:
    """Return the market of a name with other prices, on no grid; others as they are."""
    if market.market_id != name:
        return market
    return make_market(
        name, prices, group=market.group, source=market.source, tick=None
    )
