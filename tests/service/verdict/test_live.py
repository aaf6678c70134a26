"""What the ledger says of models: those served, and those only explored."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from tests.service.verdict.samples import KEY, decided, verdict

from tsfm_runner.core.conformal.levels import TRACKED_TAILS
from tsfm_runner.core.conformal.scale import N_FEATURES
from tsfm_runner.domain.ledger import ForecastEntry, LedgerForecast
from tsfm_runner.service.calibration.rows import Rows, pack
from tsfm_runner.service.verdict.evidence import SegmentEvidence
from tsfm_runner.service.verdict.live import live_evidence

NAN = float("nan")
Y = (0.5, 0.5, 0.5)


def band(
    number: int,
    model: str = "chronos2",
    *,
    edges: tuple[float, float] = (0.4, 0.6),
    outcomes: Sequence[float] = Y,
    **fields: Any,  # noqa: ANN401 - fields are any
) -> LedgerForecast:
    """Return one band of an answer; all its steps have the same edges."""
    horizon = len(outcomes)
    column, pair = np.zeros(horizon), np.tile(edges, (horizon, 1))
    tails = np.zeros((horizon, len(TRACKED_TAILS)))
    features = np.zeros((horizon, N_FEATURES))
    elsewhere = np.zeros((horizon, 2))
    rows = Rows(
        column, column, column, features, tails, tails, elsewhere, pair, elsewhere
    )
    is_model = model in {"chronos2", "toto"}
    usual: dict[str, Any] = {
        "id": number,
        "forecast_id": f"f{number}",
        "market_id": "m",
        "event_id": "e",
        "cutoff_s": 0.0,
        "step_s": KEY.step_s,
        "closes_at_s": None,
        "model_name": model,
        "model_version": "main",
        "runtime": "tollama" if is_model else "baseline",
        "is_shadow": not is_model,
        "fallback_reason": None,
        "segment": KEY.segment,
        "status": "calibrated",
        "state_version": 1,
        "recorded_at_s": 0.0,
        "quantile_levels": (0.1, 0.5, 0.9),
        "raw": np.zeros((horizon, 3)),
        "published": np.zeros((horizon, 3)),
        "target": np.zeros((horizon, 2)),
        "scoring": pack(rows),
    }
    return LedgerForecast(ForecastEntry(**(usual | fields)), np.array(outcomes, float))


def only(*parts: Sequence[LedgerForecast]) -> SegmentEvidence:
    [found] = live_evidence(parts)
    return found


def totals(one: SegmentEvidence) -> tuple[float, float, float, float]:
    return (
        float(one.n.sum()),
        float(one.closed.sum()),
        float(one.open.sum()),
        float(one.score.sum()),
    )


def test_interval_scores_and_coverage_are_those_of_the_served_interval() -> None:
    found = only(
        [
            band(1, edges=(0.4, 0.6), outcomes=[0.5, 0.6, 0.7]),
            band(1, "ewma", edges=(0.3, 0.7), outcomes=[0.5, 0.6, 0.7]),
        ]
    )

    # One inside, one on the edge, one a tenth outside: 0.2 each, and 10 times 0.1.
    assert found.key == KEY
    assert totals(found) == pytest.approx((3, 2, 1, 0.6 + 1.0), abs=1e-6)
    assert found.baselines["ewma"].tolist() == pytest.approx([1.2], abs=1e-6)


def test_a_step_counts_once_its_outcome_is_known_of_all_bands() -> None:
    found = only(
        [
            band(1, outcomes=[0.5, 0.5, NAN]),
            band(1, "ewma", outcomes=[NAN, 0.5, 0.5]),
        ]
    )

    assert totals(found)[:3] == (1, 1, 1)


@pytest.mark.parametrize(
    "answer",
    [
        [band(1)],  # nothing beside it
        [band(1, "har"), band(1, "ewma")],  # no model
        [band(1), band(2, "ewma")],  # of another answer
        [band(1, outcomes=[NAN] * 3), band(1, "ewma", outcomes=[NAN] * 3)],
        [],
    ],
)
def test_what_cannot_be_compared_is_no_evidence(answer: list[LedgerForecast]) -> None:
    assert live_evidence([answer]) == []


def test_a_model_that_was_only_explored_counts_as_well() -> None:
    found = only(
        [
            band(1, "ewma", is_shadow=False),
            band(1, "chronos2", is_shadow=True, edges=(0.45, 0.55)),
        ]
    )

    assert totals(found) == pytest.approx((3, 3, 3, 0.3), abs=1e-6)
    assert found.baselines["ewma"].tolist() == pytest.approx([0.6], abs=1e-6)


def test_bands_of_one_answer_may_stand_in_two_parts() -> None:
    found = only(
        [band(2, "ewma"), band(1, "ewma"), band(2)],
        [band(1)],
        [band(3), band(3, "ewma")],
    )

    assert totals(found)[0] == 9


def test_outcomes_of_an_event_are_one_group_and_so_are_those_of_a_lone_market() -> None:
    answers: list[dict[str, Any]] = [
        {"market_id": "a", "event_id": "e"},
        {"market_id": "b", "event_id": "e"},
        {"market_id": "c", "event_id": None},
        {"market_id": "d", "event_id": None},
    ]
    found = only(
        [
            one
            for number, facts in enumerate(answers)
            for one in (band(number, **facts), band(number, "ewma", **facts))
        ]
    )

    assert sorted(found.n.tolist()) == [3, 3, 6]


def test_models_revisions_steps_and_segments_are_told_apart() -> None:
    others: list[dict[str, Any]] = [
        {},
        {"model_version": "2"},
        {"step_s": 3_600},
        {"segment": "another"},
    ]
    bands = [
        one
        for number, fields in enumerate(others)
        for one in (band(number, **fields), band(number, "ewma", **fields))
    ]
    bands += [band(9, "toto"), band(9, "chronos2", edges=(0.1, 0.9)), band(9, "har")]

    found = live_evidence([bands])

    assert [one.key for one in found] == sorted(
        [
            *(KEY._replace(**fields) for fields in others),
            KEY._replace(model_name="toto"),
        ]
    )


def test_where_other_baselines_stood_only_now_and_then_the_usual_one_counts() -> None:
    found = only(
        [
            *(one for n in range(3) for one in (band(n), band(n, "ewma"))),
            *(band(7, name) for name in ("chronos2", "ewma", "har")),
            *(band(8, name) for name in ("chronos2", "kalman")),
        ]
    )

    assert list(found.baselines) == ["ewma"]
    assert found.n.sum() == 4 * 3


@pytest.mark.parametrize(
    ("better", "expected", "n"),
    [("har", ["ewma", "har"], 3), ("ewma", ["ewma"], 4 * 3), ("kalman", ["ewma"], 12)],
)
def test_outcomes_beside_the_baseline_that_is_served_count_where_there_are_any(
    better: str, expected: list[str], n: int
) -> None:
    bands = [one for n in range(3) for one in (band(n), band(n, "ewma"))]
    bands += [band(7, name) for name in ("chronos2", "ewma", "har")]

    [found] = live_evidence([bands], verdict(decided(better_baseline=better)))
    [new] = live_evidence([bands], verdict())

    assert (sorted(found.baselines), found.n.sum()) == (expected, n)
    assert list(new.baselines) == ["ewma"]


def test_a_baseline_that_was_always_there_too_counts_beside_the_usual_one() -> None:
    found = only(
        [
            band(number, name)
            for number in range(3)
            for name in ("chronos2", "ewma", "har")
        ]
    )

    assert sorted(found.baselines) == ["ewma", "har"]


def test_the_order_of_parts_changes_nothing() -> None:
    parts = [[band(n, edges=(0.4, 0.6 + n / 100)), band(n, "ewma")] for n in range(6)]

    here, there = only(*parts), only(*parts[::-1])

    assert totals(here) == pytest.approx(totals(there))
