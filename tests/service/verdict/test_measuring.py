"""What evidence says of a model, and how sure that is."""

import numpy as np
import pytest
from tests.service.verdict.samples import KEY, evidence

from tsfm_runner.config import VerdictConfig
from tsfm_runner.service.verdict.evidence import SegmentEvidence
from tsfm_runner.service.verdict.measuring import Measured, measure

RULES = VerdictConfig()
ROWS = np.array([10.0, 30.0])


def told(one: SegmentEvidence, configured: str = "ewma") -> Measured:
    return measure(one, RULES, configured)


def test_a_ratio_is_one_of_sums_over_all_groups() -> None:
    found = told(
        SegmentEvidence(
            KEY,
            n=ROWS,
            closed=np.array([9.0, 21.0]),
            open=np.array([8.0, 20.0]),
            score=np.array([1.0, 8.0]),
            baselines={"ewma": np.array([4.0, 8.0])},
        )
    )

    assert (found.n, found.n_groups) == (40, 2)
    assert found.ratio.value == 0.75
    assert found.coverage.closed == 0.75
    assert found.coverage.open == 0.7
    assert found.coverage.error == pytest.approx(0.05)
    assert found.is_better
    assert not found.is_surely_better


def test_a_model_is_held_against_the_baseline_with_the_lowest_score() -> None:
    found = told(evidence(ratio=0.9, baselines={"ewma": 1.2, "har": 1.0, "kalman": 2}))

    assert found.against == "har"
    assert found.ratio.value == pytest.approx(0.9)


def test_of_baselines_that_are_alike_the_first_by_name_counts() -> None:
    one = evidence(baselines={"kalman": 1.0, "har": 1.0}, spread=0)

    assert told(one).against == "har"


@pytest.mark.parametrize(
    ("scores", "configured", "better"),
    [
        ({"ewma": 1.0, "har": 0.9}, "ewma", "har"),  # surely
        ({"ewma": 1.0, "har": 0.999}, "ewma", "ewma"),  # not surely
        ({"ewma": 1.0, "har": 1.1}, "ewma", "ewma"),  # not at all
        ({"ewma": 1.0, "har": 0.9, "kalman": 0.8}, "ewma", "kalman"),  # the best
        ({"ewma": 1.0, "har": 0.9}, "har", "har"),
        ({"har": 0.9, "kalman": 0.5}, "ewma", "ewma"),  # nothing is known of it
        ({"ewma": 0.0, "har": 0.0}, "ewma", "ewma"),  # no ratio to nothing
    ],
)
def test_the_baseline_to_serve_is_the_configured_one_unless_another_is_surely_better(
    scores: dict[str, float], configured: str, better: str
) -> None:
    assert told(evidence(baselines=scores), configured).better == better


def test_against_a_baseline_that_never_errs_there_is_no_ratio() -> None:
    found = told(evidence(baselines={"ewma": 0.0}))

    assert found.ratio == (None, None, None)
    assert not found.is_better
    assert not found.is_surely_better


def test_from_one_group_alone_nothing_is_sure() -> None:
    found = told(evidence(n_groups=1))

    assert found.ratio.value == pytest.approx(0.8)
    assert (found.ratio.low, found.ratio.high) == (None, None)


def test_more_groups_are_surer() -> None:
    few, many = (told(evidence(n_groups=n, spread=0.2)) for n in (8, 80))

    def reach(found: Measured) -> float:
        return (found.ratio.high or np.nan) - (found.ratio.low or np.nan)

    assert reach(many) < reach(few) / 2


@pytest.mark.parametrize("field", ["seed", "n_draws"])
def test_the_same_evidence_is_judged_alike_unless_it_is_drawn_otherwise(
    field: str,
) -> None:
    one = evidence(spread=0.2)
    other = VerdictConfig.model_validate({field: 777})

    assert measure(one, RULES, "ewma") == measure(one, RULES, "ewma")
    assert measure(one, RULES, "ewma").ratio != measure(one, other, "ewma").ratio


def test_order_and_scale_change_nothing_but_chance() -> None:
    one = evidence(spread=0.2)
    turned = SegmentEvidence(
        one.key,
        one.n[::-1],
        one.closed[::-1],
        one.open[::-1],
        7 * one.score[::-1],
        {name: 7 * sums[::-1] for name, sums in one.baselines.items()},
    )

    here, there = told(one), told(turned)

    assert there.ratio.value == pytest.approx(here.ratio.value)
    assert there.ratio.high == pytest.approx(here.ratio.high, rel=0.02)
    assert there.coverage.error == pytest.approx(here.coverage.error, abs=1e-12)


@pytest.mark.parametrize(
    ("closed", "open_", "error"),
    [(0.95, 0.3, 0.0), (0.75, 0.7, 0.05), (0.95, 0.9, 0.1), (0.8, 0.8, 0.0)],
)
def test_the_error_of_a_coverage_gives_ties_their_due(
    closed: float, open_: float, error: float
) -> None:
    found = told(evidence(closed=closed, open_=open_)).coverage

    assert found.error == pytest.approx(error)
    assert found.least_error <= found.error + 1e-12


def test_ties_on_both_sides_of_the_target_leave_nothing_unsure() -> None:
    found = told(evidence(closed=0.95, open_=0.3, coverage_spread=0.05)).coverage

    assert found.margin == 0


def test_a_coverage_of_few_events_is_known_badly() -> None:
    few, many = (
        told(evidence(n_groups=n, coverage_spread=0.15)).coverage for n in (8, 400)
    )

    assert few.margin > 0.1
    assert many.margin < 0.02
    assert few.least_error == many.least_error == 0
