"""A study from markets to its document: valid, and the same for the same."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from tests.evaluation.recordings import make_design, make_market, make_markets
from tests.evaluation.studies import (
    TOLD,
    MemoryStore,
    baselines,
    planned,
    studied,
)

from tsfm_runner.adapters.local_workers import LocalWorkers
from tsfm_runner.core.metrics import metric_columns
from tsfm_runner.domain.recording import RecordedMarket
from tsfm_runner.errors import LeakageError, UnreadableInputError
from tsfm_runner.evaluation.design import LEVELS, Design, Model, Part
from tsfm_runner.evaluation.document import DataTold, document_of, manifest_of
from tsfm_runner.evaluation.drawing import draw_baseline
from tsfm_runner.evaluation.pooling import ratio_rows
from tsfm_runner.evaluation.results import pools_of, told_steps
from tsfm_runner.evaluation.schema import Document, validated
from tsfm_runner.evaluation.study import Study, count_units, run_study

THREE = (0.1, 0.5, 0.9)
DESIGN = make_design(horizon=2, quantile_levels=THREE)
MARKETS = make_markets(6, n_points=60)
FEW = make_markets(4, n_points=30)


def hourly(name: str = "hourly", n_prices: int = 40) -> RecordedMarket:
    rng = np.random.default_rng(5)
    prices = np.clip(0.5 + np.cumsum(rng.choice([-0.02, 0, 0.02], n_prices)), 0.02, 1)
    return make_market(name, prices, step_s=3_600, group="event-00")


@pytest.fixture(scope="module")
def study() -> Study:
    """Two steps between points, a group with markets of both."""
    plan = planned([*MARKETS, hourly()], baselines("ewma", "har"), DESIGN)
    return studied(plan)


@pytest.fixture(scope="module")
def document(study: Study) -> Document:
    told = DataTold(
        "made",
        "0" * 64,
        skipped=(("bad", "price: must lie in [0, 1], found 1.2"),),
        left_out={"fewer than 30 prices": 2},
        questions={"market-00": "Will it?"},
    )
    return document_of(study, told)


def test_a_document_is_what_its_schema_says(document: Document) -> None:
    assert validated(document) == document


@pytest.mark.parametrize(
    "levels", [THREE, (0.025, 0.1, 0.5, 0.9, 0.975), (0.005, *LEVELS, 0.995)]
)
def test_it_is_so_with_other_levels(levels: tuple[float, ...]) -> None:
    design = make_design(horizon=1, quantile_levels=levels)
    plan = planned(MARKETS[:4], baselines("ewma"), design)

    found = document_of(studied(plan), TOLD)

    assert validated(found) == found
    assert {row["metric"] for row in found["ratios"]} == {
        "wis",
        *(f"interval_score_{one:g}" for one in design.coverages if one >= 0.8),
    }


def test_what_was_left_out_is_told(document: Document) -> None:
    assert document["skipped"] == [
        {"market_id": "bad", "reason": "price: must lie in [0, 1], found 1.2"}
    ]
    assert document["left_out"] == {"fewer than 30 prices": 2}
    assert [one["check"] for one in document["leakage_checks"]] == [
        "no event on both sides",
        "no timestamp after the cutoff",
        "bands do not change with the future, 5m",
        "bands do not change with the future, 1h",
    ]
    assert all(one["passed"] for one in document["leakage_checks"])
    assert document["fallbacks"] == []


def test_a_group_with_markets_of_several_steps_is_one_group(
    document: Document,
) -> None:
    numbers = {
        row["freq"]: (row["n_markets"], row["n_groups"])
        for row in document["overall"]
        if row["entry"] == "ewma/raw" and row["step"] == 1
    }

    assert numbers == {"all": (7, 3), "5m": (6, 3), "1h": (1, 1)}


def test_every_entry_is_held_against_every_other(document: Document) -> None:
    entries = [one["entry"] for one in document["entries"]]
    pairs = {(one, other) for one, other in product(entries, entries) if one != other}
    rows: dict[Any, set[tuple[str, str]]] = {}
    for row in document["ratios"]:
        scope = row["freq"], row["step"], row["weighting"], row["metric"]
        rows.setdefault(scope, set()).add((row["entry"], row["against"]))

    assert len(pairs) == 12
    assert all(found == pairs for found in rows.values())
    assert rows.keys() == set(
        product(
            ("all", "5m", "1h"),
            (1, 2, None),
            ("group", "origin"),
            ("interval_score_0.8", "wis"),
        )
    )
    assert len(document["ratios"]) == 12 * len(rows)


def test_a_ratio_and_its_reverse_are_one_together(document: Document) -> None:
    scope = ("freq", "step", "weighting", "metric")
    rows: list[Any] = [dict(row) for row in document["ratios"]]
    by_pair = {
        (row["entry"], row["against"], *(row[name] for name in scope)): row
        for row in rows
    }

    for row in rows:
        names = (row[name] for name in scope)
        reverse = by_pair[row["against"], row["entry"], *names]
        assert row["ratio"] * reverse["ratio"] == pytest.approx(1, abs=1e-12)
        assert row["is_significant"] == reverse["is_significant"]


def test_a_ratio_is_significant_where_its_interval_does_not_hold_one() -> None:
    markets = make_markets(12, n_points=60)
    plan = planned(markets, baselines("ewma", "har"), DESIGN)
    rows: list[Any] = [dict(row) for row in document_of(studied(plan), TOLD)["ratios"]]

    for row in rows:
        assert row["low"] <= row["ratio"] <= row["high"]
        is_one_held = row["low"] <= 1 <= row["high"]
        assert row["is_significant"] == (not is_one_held)

    assert {row["is_significant"] for row in rows} == {True, False}


def test_nothing_is_held_against_what_has_no_score_but_rounding(study: Study) -> None:
    pool, *_ = pools_of(study.results)
    entries = study.results[0].entries
    sums = pool.by_group.copy()
    sums[1, ..., metric_columns(len(THREE)).pinball] *= 1e-8
    perfect = entries[1].text

    rows = list(ratio_rows(replace(pool, by_group=sums), entries, DESIGN))

    for row in rows:
        assert (row["ratio"] is None) == (row["against"] == perfect)
        if row["entry"] == perfect:
            assert row["ratio"] == pytest.approx(0, abs=1e-6)


def test_of_few_groups_no_ratio_is_significant(document: Document) -> None:
    rows: list[Any] = [dict(row) for row in document["ratios"]]

    assert not any(row["is_significant"] for row in rows)
    for row in rows:
        if row["freq"] == "1h":  # of one group nobody knows how sure it is
            assert row["low"] is row["high"] is None
    assert any(row["freq"] != "1h" and row["high"] < 1 for row in rows)


@pytest.mark.parametrize(
    ("horizon", "steps"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (12, [1, 6, 12])]
)
def test_long_tables_tell_of_the_first_the_middle_and_the_last_step(
    horizon: int, steps: list[int]
) -> None:
    assert told_steps(horizon) == steps


def test_the_manifest_tells_what_was_studied(study: Study) -> None:
    manifest = manifest_of(study.plan, TOLD)

    assert manifest["data"] == {
        "name": "made",
        "sha256": "0" * 64,
        "n_markets": 7,
        "n_groups": 3,
        "n_points": 6 * 60 + 40,
    }
    assert manifest["steps"] == ["5m", "1h"]
    assert manifest["horizon"] == 2
    assert manifest["quantile_levels"] == [0.1, 0.5, 0.9]
    assert manifest["versions"]["model har"] == "1"
    assert manifest["split"]["cuts"].keys() == {"source-0", "source-1", "made"}


def manifest_with(
    markets: Sequence[RecordedMarket] = FEW,
    *,
    design: Design = DESIGN,
    names: tuple[str, ...] = ("ewma",),
    split: Any = "time",  # noqa: ANN401
    seed: int = 1,
) -> Any:  # noqa: ANN401
    plan = planned(markets, baselines(*names), design, split=split, seed=seed)
    return manifest_of(plan, TOLD)


def test_each_choice_changes_the_manifest() -> None:
    others = [
        manifest_with(),
        manifest_with(seed=2),
        manifest_with(split="event"),
        manifest_with(split="event", seed=2),
        manifest_with(design=replace(DESIGN, horizon=3)),
        manifest_with(
            design=replace(DESIGN, quantile_levels=(0.1, 0.4, 0.5, 0.6, 0.9))
        ),
        manifest_with(names=("har",)),
        manifest_with(FEW[:3]),
    ]

    assert manifest_with() == others[0]
    assert all(one != other for at, one in enumerate(others) for other in others[:at])


def test_the_order_of_markets_changes_nothing() -> None:
    plans = [
        planned(order, baselines("ewma"), DESIGN, split="event")
        for order in (FEW, FEW[::-1])
    ]

    documents = [document_of(studied(plan), TOLD) for plan in plans]

    assert documents[0] == documents[1]


def test_markets_without_a_moment_to_forecast_from_are_left_out() -> None:
    lone = make_market("lone", [0.5])

    found = planned([*MARKETS[:2], lone], baselines("ewma"), DESIGN)

    assert [one.market_id for one in found.markets_at(300)] == [
        "market-00",
        "market-01",
    ]


def test_a_study_of_nothing_is_refused() -> None:
    with pytest.raises(UnreadableInputError, match="no market has two prices in a row"):
        planned([make_market("lone", [0.5])], baselines("ewma"), DESIGN)


def test_a_study_whose_outcomes_nobody_knows_is_refused() -> None:
    pairs = [make_market(f"m{place}", [0.4, 0.5]) for place in range(5)]

    with pytest.raises(UnreadableInputError) as caught:
        planned(pairs, baselines("ewma"), DESIGN, split="event")

    assert str(caught.value) == "the split event leaves no outcome to score"


def peeking(part: Part, design: Design) -> dict[str, Any]:
    last = sum(float(market.prices[-1]) for market in part.markets)
    return {
        "values": draw_baseline(part, design, "ewma")["values"] + np.float32(last / 1e4)
    }


def test_a_study_of_a_model_that_knows_the_future_is_refused() -> None:
    with pytest.raises(LeakageError, match="model cheat: raw bands change"):
        planned(MARKETS, [Model("cheat", "1", is_baseline=True, draw=peeking)], DESIGN)


def test_each_unit_is_told_of_once(study: Study) -> None:
    told: list[str] = []

    with LocalWorkers(1) as workers:
        run_study(
            study.plan, workers, MemoryStore(), lambda unit: told.append(unit.name)
        )

    assert len(told) == len(set(told)) == count_units(study.plan) == 10
    assert told[:2] == ["describe-5m-0000", "describe-1h-0000"]
    assert told[-4:] == ["score-0-300", "score-1-300", "score-0-3600", "score-1-3600"]
