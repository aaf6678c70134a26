"""Learning the priors: from simulated markets alone, the same from the same seed."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from tests.adapters.embedded.stored import store_model

from fit_priors import (
    RUNS,
    Recording,
    Run,
    as_lists,
    half_told,
    learn,
    pooled,
    require_asked,
    simulated_histories,
)
from priors_file import (
    BASELINES,
    MODELS,
    PRIORS,
    as_text,
    check,
    provenance_of,
    shipped_model,
    with_learned,
)
from tsfm_runner.bootstrap import open_backend
from tsfm_runner.config import EmbeddedConfig, Settings, StoreConfig
from tsfm_runner.core.conformal.cells import cell_of
from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.core.conformal.sketch import N_BINS
from tsfm_runner.domain.forecast import ServedForecast
from tsfm_runner.domain.frequency import Frequency
from tsfm_runner.domain.task import ForecastTask, ModelChoice, Provider, Transform
from tsfm_runner.service.calibration.arrays import ByCell
from tsfm_runner.service.calibration.priors import Prior
from tsfm_runner.testing.markets import GENERATOR_VERSION

NAMES = (*BASELINES, *MODELS)
HOW = {"generator_version": GENERATOR_VERSION, "n_markets": 3, "seed": 1}
SHORT = Run("5m", 2, 1.0, (Recording(20, 0.5), Recording(40, 0.5)))


def cells(*counts: float, weight: float, firmness: float) -> ByCell:
    n_cells = len(counts)
    cell = ByCell()
    cell.grow(n_cells)
    cell.overall[:, 3] = counts
    cell.weights[:] = weight
    cell.precision[:] = firmness * np.eye(N_FEATURES)
    return cell


def task_at(n_points: int) -> ForecastTask:
    walk = np.random.default_rng(3).normal(0, 0.01, n_points).cumsum()
    return ForecastTask(
        market_id="m",
        cutoff=datetime(2026, 1, 1, tzinfo=UTC),
        freq=Frequency.parse("5m"),
        horizon=12,
        quantile_levels=(0.1, 0.5, 0.9),
        context=np.clip(0.5 + walk, 0.01, 0.99),
        transform=Transform("logit", 1e-6),
    )


async def answers_to(
    *tasks: ForecastTask, models_dir: Path | None = None
) -> list[ServedForecast]:
    settings = Settings(
        store=StoreConfig(url="sqlite://"),
        embedded=EmbeddedConfig(models_dir=models_dir),
    )
    async with open_backend(settings) as backend:
        served = await backend.forecasts.forecast_many(tasks, deadline_s=10)
    return [one for one in served if isinstance(one, ServedForecast)]


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


def test_a_model_is_told_of_the_close_of_every_other_event() -> None:
    histories = simulated_histories(SHORT, 40, seed=1)

    told = {
        one.facts.event_id: one.facts.closes_at is not None
        for one in map(half_told, histories)
    }

    assert all(one.facts.closes_at is not None for one in histories)
    assert 0.3 < np.mean(list(told.values())) < 0.7


def test_the_same_seed_teaches_the_same() -> None:
    def once(seed: int) -> np.ndarray:
        told = simulated_histories(SHORT, 6, seed=seed)
        return learn(SHORT, told, ["ewma"], lambda _: None)["ewma"].overall

    np.testing.assert_array_equal(once(1), once(1))
    assert (once(1) != once(2)).any()


def test_a_model_is_learned_of_from_the_points_on_that_it_needs() -> None:
    told = simulated_histories(SHORT, 6, seed=1)
    n_bands: list[int] = []

    learned = learn(SHORT, told, MODELS, n_bands.append)

    assert learned.keys() == set(MODELS)
    n_scored = sum(max(0, one.prices.size - 32) for one in told)
    assert learned[MODELS[0]].overall[0].sum() == pytest.approx(n_scored, rel=0.2)
    assert sum(n_bands) == sum(one.prices.size - 1 for one in told)


def test_a_replay_ends_where_another_answers_than_who_was_asked() -> None:
    no_daemon = replace(task_at(60), model=ModelChoice("tollama", "chronos2"))

    [served] = asyncio.run(answers_to(no_daemon))

    with pytest.raises(SystemExit, match="chronos2 did not answer: runtime_unav"):
        require_asked([served])


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

    assert set(document["priors"]) == set(document["provenance"]) == set(NAMES)
    for learned_from in document["provenance"].values():
        assert learned_from["generator_version"] == GENERATOR_VERSION
        assert learned_from["runs"] == json.loads(json.dumps(RUNS))
    assert PRIORS.stat().st_size < 500_000
    n_cells = int(cell_of(np.array([48]))[0]) + 1
    for mapping in document["priors"].values():
        prior = Prior.from_mapping(mapping)
        assert prior.shares.shape == (n_cells, N_BINS)
        assert prior.shares.sum(axis=1) == pytest.approx(1, abs=1e-4)
        assert np.isfinite(prior.weights).all()
        assert (np.linalg.eigvalsh(prior.precision) > -1e-6).all()


def test_priors_that_were_learned_in_another_way_are_found_out() -> None:
    learned = json.loads(PRIORS.read_text())["priors"]
    document = with_learned({}, learned, HOW)
    other = json.loads(PRIORS.read_text())["priors"]
    other["har"]["weights"][0][0] += 0.1

    check(document, learned, HOW)

    with pytest.raises(SystemExit, match="weights of har"):
        check(document, other, HOW)
    with pytest.raises(SystemExit, match="ewma was learned in another way"):
        check(document, learned, HOW | {"seed": 2})


def test_the_prior_of_a_model_says_of_which_file_it_was_learned() -> None:
    model = shipped_model("tsfm-mini")

    assert provenance_of("tsfm-mini", HOW) == HOW | {
        "revision": model.revision,
        "sha256": model.sha256,
    }
    assert provenance_of("ewma", HOW) == HOW


def test_one_prior_is_replaced_and_the_others_stay_to_the_last_byte() -> None:
    text = PRIORS.read_text()
    document = json.loads(text)
    mine = {"shares": [[0.5]]}

    changed = as_text(with_learned(document, {"tsfm-mini": mine}, HOW))

    assert as_text(document) == text
    for name in BASELINES:
        entry = f'"{name}":{as_text(document["priors"][name]).strip()}'
        assert entry in text
        assert entry in changed
    now = json.loads(changed)
    assert now["priors"]["tsfm-mini"] == mine
    assert now["provenance"]["tsfm-mini"]["seed"] == HOW["seed"]
    assert now["provenance"]["har"] == document["provenance"]["har"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("freq", "horizon"), [("5m", 12), ("1h", 12), ("1d", 288)])
def test_a_new_installation_is_warming_up(name: str, freq: str, horizon: int) -> None:
    provider: Provider = "baseline" if name in BASELINES else "embedded"
    task = replace(
        task_at(60),
        freq=Frequency.parse(freq),
        horizon=horizon,
        model=ModelChoice(provider, name),
    )

    [served] = asyncio.run(answers_to(task))

    assert served.provenance.model_name == name
    assert served.certificate.status == "warming_up"
    assert served.certificate.band == "conformal"


def test_of_a_model_of_the_user_nothing_is_known_at_first(tmp_path: Path) -> None:
    store_model(tmp_path)
    task = replace(task_at(60), model=ModelChoice("embedded", "tiny"))

    [served] = asyncio.run(answers_to(task, models_dir=tmp_path))

    assert served.provenance.model_name == "tiny"
    assert served.certificate.status == "uncalibrated"
    assert served.certificate.band == "raw"


def test_the_file_lies_where_the_package_reads_it() -> None:
    shipped = files("tsfm_runner") / "data" / "priors.json"

    assert json.loads(shipped.read_text()) == json.loads(PRIORS.read_text())


@pytest.mark.parametrize("name", MODELS)
def test_a_shipped_prior_was_learned_of_the_model_that_is_shipped(name: str) -> None:
    learned_from = json.loads(PRIORS.read_text())["provenance"][name]
    model = shipped_model(name)

    # Another file of the model? `python training/fit_priors.py --only NAME`
    assert learned_from["sha256"] == model.sha256
    assert learned_from["revision"] == model.revision
