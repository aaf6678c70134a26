"""Who may reach a model, and what a verdict makes of a request."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import FakeVerdicts
from tests.service.builders import CUTOFF, HAR_TABLE, SERIES, prepared, revision
from tests.service.verdict.samples import KEY, decided, verdict

from tsfm_runner.config import RoutingConfig
from tsfm_runner.domain.task import MarketFacts, ModelChoice
from tsfm_runner.domain.verdict import VerdictReason
from tsfm_runner.service.calibration.describing import Describer, segments_at
from tsfm_runner.service.preparing import PreparedTask
from tsfm_runner.service.verdict.policy import Outlook, Policy, percent_of

MODEL = revision("chronos2")
[SEGMENT] = [one.name for one in segments_at([prepared()])]
HERE = KEY._replace(segment=SEGMENT)


def policy(
    verdicts: FakeVerdicts | None = None,
    **routing: Any,  # noqa: ANN401 - settings are any
) -> Policy:
    given: dict[str, Any] = {
        "policy": "proven",
        "verdict_file": "verdict.yaml",
        "explore_percent": 0,
    }
    config = RoutingConfig.model_validate(given | routing)
    return Policy(config, verdicts or FakeVerdicts(verdict(decided(key=HERE))))


def outlook(
    task: PreparedTask | None = None,
    verdicts: FakeVerdicts | None = None,
    **routing: Any,  # noqa: ANN401 - settings are any
) -> Outlook:
    [found] = policy(verdicts, **routing).outlooks([task or prepared()])
    return found


def test_a_model_is_served_where_it_is_proven() -> None:
    assert outlook().ruling(MODEL) == (True, "proven", False)


def test_a_model_is_not_served_where_it_is_not_and_the_reason_is_told() -> None:
    let_go = decided(key=HERE, is_proven=False, reason=VerdictReason.COVERAGE_OFF)

    ruling = outlook(verdicts=FakeVerdicts(verdict(let_go))).ruling(MODEL)

    assert ruling == (False, "not_proven: coverage_off", False)


@pytest.mark.parametrize(
    "verdicts",
    [
        FakeVerdicts(),
        FakeVerdicts(verdict()),
        FakeVerdicts(verdict(decided(key=HERE._replace(segment="another")))),
        FakeVerdicts(verdict(decided(key=HERE._replace(step_s=3_600)))),
        FakeVerdicts(verdict(decided(key=HERE._replace(model_version="2")))),
        FakeVerdicts(verdict(decided(key=HERE._replace(model_name="toto")))),
    ],
)
def test_where_nothing_is_decided_nothing_is_proven(verdicts: FakeVerdicts) -> None:
    ruling = outlook(verdicts=verdicts).ruling(MODEL)

    assert ruling == (False, "not_proven: no_verdict", False)


def test_segments_are_those_of_each_market_of_a_batch() -> None:
    tasks = [
        prepared(),
        prepared([0.5] * 60, facts=MarketFacts(category="weather")),
        prepared(SERIES / 20, facts=MarketFacts(closes_at=CUTOFF + timedelta(hours=1))),
    ]

    found = policy().outlooks(tasks)

    described = Describer(HAR_TABLE).describe(tasks, horizon=3).segments
    assert [one.segment for one in found] == [one.name for one in described]
    assert len({one.segment for one in found}) == 3


@pytest.mark.parametrize("provider", ["tollama", "embedded", "baseline"])
def test_a_task_that_names_its_provider_is_free_of_policy_and_rollout(
    provider: Any,  # noqa: ANN401 - one of the providers
) -> None:
    task = prepared(model=ModelChoice(provider, "ewma"))

    found = outlook(task, FakeVerdicts(), rollout_percent=0)

    assert found.ruling(MODEL) == (True, None, False)
    assert found.of(MODEL) is None


def test_a_model_that_is_named_without_a_provider_is_not() -> None:
    task = prepared(model=ModelChoice("auto", "chronos2"))

    assert not outlook(task, FakeVerdicts()).ruling(MODEL).is_served


def test_tasks_of_one_batch_may_be_free_or_not() -> None:
    tasks = [prepared(model=ModelChoice(who)) for who in ("tollama", "auto")]

    found = policy(FakeVerdicts()).outlooks(tasks)

    assert [one.ruling(MODEL).is_served for one in found] == [True, False]


@pytest.mark.parametrize("percent", [100, 50])
def test_without_the_policy_no_verdict_is_looked_at(percent: float) -> None:
    tasks = [prepared(market_id=f"m{number}") for number in range(20)]

    found = policy(policy="ladder", rollout_percent=percent).outlooks(tasks)

    assert {one.segment for one in found} == {None}
    assert {one.ruling(MODEL).detail for one in found} <= {None, "not_in_rollout"}


def test_outside_of_the_rollout_no_model_is_served_and_none_explored() -> None:
    found = outlook(rollout_percent=0, explore_percent=100)

    assert found.ruling(MODEL) == (False, "not_in_rollout", False)


def reached(percent: float, market_ids: Sequence[str]) -> set[str]:
    tasks = [prepared(market_id=name) for name in market_ids]
    outlooks = policy(policy="ladder", rollout_percent=percent).outlooks(tasks)
    return {
        name
        for name, one in zip(market_ids, outlooks, strict=True)
        if one.ruling(MODEL).is_served
    }


def test_the_rollout_reaches_its_share_of_markets_and_grows_without_leaving_any() -> (
    None
):
    names = [f"market-{number}" for number in range(2_000)]

    few, more = reached(5, names), reached(25, names)

    assert len(few) / 2_000 == pytest.approx(0.05, abs=0.015)
    assert len(more) / 2_000 == pytest.approx(0.25, abs=0.03)
    assert few < more
    assert reached(0, names) == set()
    assert reached(100, names) == set(names)


@given(text=st.text())
def test_where_a_text_stands_lies_in_a_hundred(text: str) -> None:
    assert 0 <= percent_of(text) < 100


def test_where_a_text_stands_is_the_same_in_every_process() -> None:
    # printf market-1 | b2sum -l 48
    assert percent_of("market-1") == 100 * 0xA0FD90F66912 / 2**48
    assert percent_of("\ud800") >= 0  # no text that could be written, but a name


def test_the_share_that_is_explored_changes_with_the_hour() -> None:
    verdicts = FakeVerdicts(verdict(decided(key=HERE, is_proven=False)))
    hours = [CUTOFF + timedelta(hours=hour) for hour in range(400)]
    tasks = [prepared(cutoff=moment) for moment in hours]

    rulings = [
        one.ruling(MODEL)
        for one in policy(verdicts, explore_percent=25).outlooks(tasks)
    ]

    explored = [ruling.is_explored for ruling in rulings]
    assert np.mean(explored) == pytest.approx(0.25, abs=0.06)
    assert not any(ruling.is_served for ruling in rulings)
    assert {ruling.detail for ruling in rulings if ruling.is_explored} == {
        "not_proven: not_better; explored"
    }


def test_within_an_hour_a_market_is_explored_or_not() -> None:
    minutes = [CUTOFF + timedelta(minutes=minute) for minute in range(60)]
    tasks = [prepared(cutoff=moment) for moment in minutes]

    found = policy(explore_percent=50).outlooks(tasks)

    assert len({one.is_explored for one in found}) == 1


def test_a_proven_model_is_served_and_not_explored() -> None:
    assert not outlook(explore_percent=100).ruling(MODEL).is_explored


def test_a_new_verdict_has_another_number() -> None:
    verdicts = FakeVerdicts()
    found = policy(verdicts)
    before, was = found.number, found.outlooks([prepared()])[0]

    verdicts.tell(verdict(decided(key=HERE)))

    assert found.number != before
    assert (was.standing.number, found.outlooks([prepared()])[0].standing.number) == (
        before,
        found.number,
    )
