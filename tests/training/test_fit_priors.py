"""Learning the priors: from simulated markets alone, the same from the same seed."""

import asyncio
import json
from datetime import UTC, datetime
from importlib.resources import files

import numpy as np
import pytest
from training.fit_priors import (
    BASELINES,
    PRIORS,
    RUNS,
    Recording,
    Run,
    as_lists,
    check,
    learn,
    pooled,
    simulated_histories,
)

from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import Settings, StoreConfig
from tsfm_runner.core.conformal.cells import cell_of
from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.core.conformal.sketch import N_BINS
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ForecastTask, ModelChoice, Transform
from tsfm_runner.service.calibration.arrays import ByCell
from tsfm_runner.service.calibration.priors import Prior
from tsfm_runner.testing.markets import GENERATOR_VERSION

SHORT = Run("5m", 2, 1.0, (Recording(20, 0.5), Recording(40, 0.5)))


def cells(*counts: float, weight: float, firmness: float) -> ByCell:
    n_cells = len(counts)
    cell = ByCell()
    cell.grow(n_cells)
    cell.overall[:, 3] = counts
    cell.weights[:] = weight
    cell.precision[:] = firmness * np.eye(N_FEATURES)
    return cell


def test_recordings_follow_one_another_until_the_end() -> None:
    histories = simulated_histories(SHORT, 8, seed=1)

    longest = max(one.last_step for one in histories)
    assert sorted(
        {(one.first_step - longest, one.prices.size) for one in histories}
    ) == [
        (-39, 20),
        (-39, 40),
        (-19, 20),
    ]


def test_the_same_seed_teaches_the_same() -> None:
    def once(seed: int) -> np.ndarray:
        told = simulated_histories(SHORT, 6, seed=seed)
        return learn(SHORT, told, ["ewma"], lambda _: None)["ewma"].overall

    np.testing.assert_array_equal(once(1), once(1))
    assert (once(1) != once(2)).any()


def test_streams_count_as_their_scores_do() -> None:
    parts = [cells(300, weight=1.0, firmness=2e5), cells(100, weight=3.0, firmness=2e5)]
    parts[1].overall[:] = np.roll(parts[1].overall, 1)

    found = pooled(parts, horizon=1)

    assert found.shares[0, 3:5].tolist() == [0.75, 0.25]
    assert found.weights[0] == pytest.approx(2.0, rel=1e-3)
    assert found.precision[0].diagonal() == pytest.approx(4e5 / 400)


def test_weights_that_few_scores_speak_of_stay_near_nothing() -> None:
    found = pooled([cells(10, weight=5.0, firmness=1.0)], horizon=1)

    assert found.weights[0] == pytest.approx(5 / 101)


def test_each_cell_is_from_the_shortest_horizon_that_reaches_it() -> None:
    short = pooled([cells(1, weight=1, firmness=1e6)], horizon=1)
    long = pooled([cells(1, 1, 1, weight=2, firmness=1e6)], horizon=3)

    lists = as_lists([short, long])

    assert [round(row[0], 3) for row in lists["weights"]] == [1.0, 2.0, 2.0]


def test_what_is_shipped_was_learned_from_this_simulator() -> None:
    document = json.loads(PRIORS.read_text())

    assert document["provenance"]["generator_version"] == GENERATOR_VERSION
    assert document["provenance"]["runs"] == json.loads(json.dumps(RUNS))
    assert set(document["priors"]) == set(BASELINES)
    assert PRIORS.stat().st_size < 400_000
    n_cells = int(cell_of(np.array([48]))[0]) + 1
    for mapping in document["priors"].values():
        prior = Prior.from_mapping(mapping)
        assert prior.shares.shape == (n_cells, N_BINS)
        assert prior.shares.sum(axis=1) == pytest.approx(1, abs=1e-4)
        assert np.isfinite(prior.weights).all()
        assert (np.linalg.eigvalsh(prior.precision) > -1e-6).all()


def test_priors_that_were_learned_in_another_way_are_found_out() -> None:
    document = json.loads(PRIORS.read_text())
    other = json.loads(PRIORS.read_text())
    other["priors"]["har"]["weights"][0][0] += 0.1

    check(document, document)

    with pytest.raises(SystemExit, match="weights of har"):
        check(document, other)
    with pytest.raises(SystemExit, match="another way"):
        check(document, other | {"provenance": {}})


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(("freq", "horizon"), [("5m", 12), ("1h", 12), ("1d", 288)])
def test_a_new_installation_is_warming_up(name: str, freq: str, horizon: int) -> None:
    walk = np.random.default_rng(3).normal(0, 0.01, 60).cumsum()
    task = ForecastTask(
        market_id="m",
        cutoff=datetime(2026, 1, 1, tzinfo=UTC),
        freq=Frequency.parse(freq),
        horizon=horizon,
        quantile_levels=(0.1, 0.5, 0.9),
        context=np.clip(0.5 + walk, 0.01, 0.99),
        transform=Transform("logit", 1e-6),
        model=ModelChoice("baseline", name),
    )

    async def ask() -> object:
        async with open_backend(Settings(store=StoreConfig(url="sqlite://"))) as one:
            return (await one.forecasts.forecast_many([task], deadline_s=10))[0]

    served = asyncio.run(ask())

    assert isinstance(served, ServedForecast)
    assert served.certificate.status == "warming_up"
    assert served.certificate.band == "conformal"


def test_the_file_lies_where_the_package_reads_it() -> None:
    shipped = files("tsfm_runner") / "data" / "priors.json"

    assert json.loads(shipped.read_text()) == json.loads(PRIORS.read_text())
