"""Scores are added up in the pass, a block at a time, whatever is in a block."""

import numpy as np
import pytest
from tests.evaluation.recordings import make_design, make_market, walk
from tests.evaluation.studies import MemoryStore, baselines, planned, studied

from tsfm_runner.core.metric_sums import MetricSums
from tsfm_runner.evaluation.panel import outcomes_of
from tsfm_runner.evaluation.study import Plan
from tsfm_runner.ports import Arrays

N_MARKETS = 12
LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def scored() -> tuple[Plan, MemoryStore]:
    """A study of more than two blocks, in the first of which nothing is scored."""
    rng = np.random.default_rng(2)
    markets = [make_market(f"m{at:02d}", walk(rng, 230)) for at in range(N_MARKETS)]
    design, store = make_design(horizon=1, quantile_levels=LEVELS), MemoryStore()
    plan = planned(markets, baselines("ewma"), design)
    studied(plan, store)
    return plan, store


def found_in(store: MemoryStore) -> Arrays:
    return store.read("score-0-300")


def test_each_market_is_scored_from_the_cut_on(
    scored: tuple[Plan, MemoryStore],
) -> None:
    plan, store = scored
    panel, origins = plan.panel_at(300)
    is_late = origins.steps * 300 >= plan.split.cuts_s["made"]
    is_known = np.isfinite(outcomes_of(panel, origins, horizon=1)[:, 0])

    n = found_in(store)["by_market"][..., 0]

    expected = np.bincount(origins.markets[is_late & is_known])
    assert (~is_late).sum() > 1_024
    np.testing.assert_array_equal(n, [expected[:, None], expected[:, None]])
    np.testing.assert_array_equal(found_in(store)["is_scored"], is_late)


def test_sums_of_blocks_are_the_sums_of_all_bands(
    scored: tuple[Plan, MemoryStore],
) -> None:
    plan, store = scored
    panel, origins = plan.panel_at(300)
    found = found_in(store)
    y = outcomes_of(panel, origins, horizon=1)[:, 0]
    is_scored = found["is_scored"] & np.isfinite(y)
    bands = [store.read("draw-0-5m-0000")["values"], found["bands"]]

    sums = MetricSums(LEVELS, found["by_market"][:, :, 0])

    for kind, values in enumerate(bands):
        edges = values[is_scored, 0].astype(np.float64)
        widths = np.bincount(origins.markets[is_scored], edges[:, 2] - edges[:, 0])
        errors = np.abs(y[is_scored] - edges[:, 1])
        absolute = np.bincount(origins.markets[is_scored], errors)
        np.testing.assert_allclose(sums.width(0.8)[kind], widths, rtol=1e-12)
        np.testing.assert_allclose(sums.absolute_error()[kind], absolute, rtol=1e-12)


def test_cells_and_markets_tell_of_the_same_outcomes(
    scored: tuple[Plan, MemoryStore],
) -> None:
    found = found_in(scored[1])

    np.testing.assert_allclose(
        found["by_cell"].sum(axis=1), found["by_market"].sum(axis=1), rtol=1e-12
    )
    assert found["by_start"].shape[1] == len(found["starts"]) == 0


def test_the_last_step_of_every_band_is_kept(
    scored: tuple[Plan, MemoryStore],
) -> None:
    store = scored[1]
    raw, found = store.read("draw-0-5m-0000")["values"], found_in(store)

    np.testing.assert_array_equal(found["last"][0], raw[:, -1])
    np.testing.assert_array_equal(found["last"][1], found["bands"][:, -1])
