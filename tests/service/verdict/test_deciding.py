"""Where a model is proven, where it stays so, and why it is not."""

from datetime import timedelta
from typing import Any

import pytest
from tests.service.verdict.samples import KEY, NOW, decided, evidence, verdict

from tsfm_runner.config import VerdictConfig
from tsfm_runner.domain.verdict import SegmentVerdict, Verdict, VerdictReason
from tsfm_runner.service.verdict.deciding import Occasion, decide
from tsfm_runner.service.verdict.evidence import SegmentEvidence

OCCASION = Occasion(NOW + timedelta(days=1), "ledger", "ewma")
NOT_PROVEN = decided(is_proven=False)


def decide_one(
    one: SegmentEvidence,
    was: SegmentVerdict | None = None,
    *,
    configured: str = "ewma",
    **rules: Any,  # noqa: ANN401 - settings are any
) -> SegmentVerdict:
    new = decide(
        [one],
        None if was is None else verdict(was),
        VerdictConfig.model_validate({"min_groups": 8} | rules),
        OCCASION._replace(configured=configured),
    )
    [found] = new.segments
    return found


def test_a_model_that_lacks_nothing_is_proven() -> None:
    found = decide_one(evidence())

    assert found.is_proven
    assert found.reason is None
    assert found.serves == "chronos2"
    assert (found.against, found.better_baseline) == ("ewma", "ewma")
    assert found.ratio == pytest.approx(0.8)
    assert found.high is not None
    assert found.low is not None
    assert found.low < 0.8 < found.high < 1
    assert found.closed == pytest.approx(0.8)
    assert found.open == pytest.approx(0.8)
    assert (found.n, found.n_groups) == (1_000, 20)


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ({"n_groups": 7, "per_group": 100}, VerdictReason.TOO_FEW_GROUPS),
        ({"n_groups": 8, "per_group": 24}, VerdictReason.TOO_FEW_OUTCOMES),
        ({"ratio": 1.0, "spread": 0}, VerdictReason.NOT_BETTER),
        ({"ratio": 1.3}, VerdictReason.NOT_BETTER),
        ({"ratio": 0.99, "spread": 0.1}, VerdictReason.NOT_SIGNIFICANT),
        ({"closed": 0.7, "open_": 0.7}, VerdictReason.COVERAGE_OFF),
        ({"closed": 0.95, "open_": 0.9}, VerdictReason.COVERAGE_OFF),
        (
            {"n_groups": 8, "coverage_spread": 0.15},
            VerdictReason.COVERAGE_UNSURE,
        ),
    ],
)
def test_a_model_that_lacks_something_is_not_and_the_reason_says_what(
    lacking: dict[str, Any], reason: VerdictReason
) -> None:
    found = decide_one(evidence(**lacking))

    assert not found.is_proven
    assert found.reason is reason
    assert found.serves == "ewma"


@pytest.mark.parametrize(
    ("setting", "value", "lacking"),
    [
        ("min_groups", 7, {"n_groups": 7, "per_group": 100}),
        ("min_outcomes", 192, {"n_groups": 8, "per_group": 24}),
        ("coverage_tolerance", 0.1, {"closed": 0.7, "open_": 0.7}),
        ("coverage_margin", 0.5, {"n_groups": 8, "coverage_spread": 0.15}),
    ],
)
def test_what_is_enough_is_a_setting(
    setting: str, value: float, lacking: dict[str, Any]
) -> None:
    one = evidence(**lacking)
    rules: dict[str, Any] = {"coverage_release": 0.2, setting: value}

    assert not decide_one(one, coverage_release=0.2).is_proven
    assert decide_one(one, **rules).is_proven


def test_a_small_segment_whose_coverage_is_right_is_not_failed_by_chance() -> None:
    # 5 points off, and known to 9 points: that says nothing against the model.
    one = evidence(n_groups=12, closed=0.75, open_=0.75, coverage_spread=0.12)

    found = decide_one(one)

    assert found.error == pytest.approx(0.05)
    assert found.is_proven


def test_the_same_error_in_a_large_segment_is_no_chance() -> None:
    one = evidence(n_groups=400, closed=0.75, open_=0.75, coverage_spread=0.12)

    assert decide_one(one).reason is VerdictReason.COVERAGE_OFF


def test_a_model_must_beat_the_best_baseline_and_not_only_the_configured_one() -> None:
    one = evidence(ratio=0.9, baselines={"ewma": 1.0, "har": 0.85})

    found = decide_one(one)

    assert found.reason is VerdictReason.NOT_BETTER
    assert found.against == "har"
    assert found.serves == "har"


def test_from_too_little_no_baseline_is_called_better() -> None:
    one = evidence(n_groups=5, baselines={"ewma": 1.0, "har": 0.5})

    assert decide_one(one).better_baseline == "ewma"
    assert decide_one(one, min_groups=5).better_baseline == "har"
    assert decide_one(one, configured="har").better_baseline == "har"


def test_a_proven_model_stays_so_while_it_may_only_be_better_by_chance() -> None:
    one = evidence(ratio=0.99, spread=0.1)

    held, new = decide_one(one, decided()), decide_one(one, NOT_PROVEN)

    assert held.is_proven
    assert held.reason is new.reason is VerdictReason.NOT_SIGNIFICANT
    assert held.ratio == pytest.approx(0.99)
    assert not new.is_proven


def test_a_proven_model_is_let_go_once_it_is_no_better() -> None:
    found = decide_one(evidence(ratio=1.01, spread=0.1), decided())

    assert not found.is_proven
    assert found.reason is VerdictReason.NOT_BETTER


@pytest.mark.parametrize(
    ("coverage", "is_held"), [(0.765, True), (0.745, False), (0.85, False)]
)
def test_a_proven_model_is_let_go_once_its_coverage_is_further_off(
    coverage: float, *, is_held: bool
) -> None:
    one = evidence(n_groups=400, closed=coverage, open_=coverage, coverage_spread=0.01)

    held, new = decide_one(one, decided()), decide_one(one)

    assert held.is_proven is is_held
    assert new.reason is VerdictReason.COVERAGE_OFF
    assert not new.is_proven


def test_how_far_off_a_coverage_may_be_for_a_proven_model_is_a_setting() -> None:
    one = evidence(n_groups=400, closed=0.745, open_=0.745)

    assert not decide_one(one, decided()).is_proven
    assert decide_one(one, decided(), coverage_release=0.07).is_proven


def test_coverage_that_is_known_badly_takes_nothing_from_a_proven_model() -> None:
    one = evidence(n_groups=8, coverage_spread=0.15)

    assert decide_one(one, decided()).is_proven


@pytest.mark.parametrize("is_proven", [True, False])
def test_what_says_nothing_of_the_baseline_that_is_served_changes_nothing(
    *, is_proven: bool
) -> None:
    was = decided(is_proven=is_proven, better_baseline="har", against="har")

    found = [decide_one(evidence(ratio=ratio), was) for ratio in (0.8, 1.2)]
    both = {"ewma": 1.0, "har": 0.7}
    known = decide_one(evidence(ratio=0.8, baselines=both), was)

    assert found == [was, was]
    assert (known.is_proven, known.better_baseline) == (False, "har")


@pytest.mark.parametrize("was", [decided(), NOT_PROVEN])
@pytest.mark.parametrize(
    "little", [{"n_groups": 7, "ratio": 3.0}, {"per_group": 1, "ratio": 0.1}]
)
def test_too_little_evidence_changes_nothing(
    was: SegmentVerdict, little: dict[str, Any]
) -> None:
    assert decide_one(evidence(**little), was) == was


def test_a_model_that_was_let_go_must_be_proven_anew() -> None:
    unsure, sure = evidence(ratio=0.99, spread=0.1), evidence(ratio=0.8)
    let_go = decide_one(evidence(ratio=1.01, spread=0.1), decided())

    still = decide_one(unsure, let_go)
    again = decide_one(sure, still)

    assert [one.is_proven for one in (let_go, still, again)] == [False, False, True]


def test_every_segment_model_and_step_is_decided_by_itself() -> None:
    keys = [
        KEY,
        KEY._replace(segment="another"),
        KEY._replace(step_s=3_600),
        KEY._replace(model_version="2"),
        KEY._replace(model_name="toto"),
    ]
    ratios = [0.8, 1.2, 0.8, 1.2, 0.8]
    found = decide(
        [evidence(key=k, ratio=r) for k, r in zip(keys, ratios, strict=True)],
        None,
        VerdictConfig(),
        OCCASION,
    )

    proven = {one.key for one in found.segments if one.is_proven}
    assert proven == {keys[0], keys[2], keys[4]}
    assert [one.key for one in found.segments] == sorted(keys)
    assert found.models == (
        ("chronos2", "2"),
        ("chronos2", "main"),
        ("toto", "main"),
    )


def test_a_verdict_goes_on_from_the_one_before() -> None:
    elsewhere = decided(key=KEY._replace(segment="another"))
    before = verdict(elsewhere, decided(), version=4)

    new = decide(
        [evidence(ratio=1.2, baselines={"ewma": 1.1, "har": 1.0})],
        before,
        VerdictConfig(),
        OCCASION,
    )

    assert (new.version, new.source) == (5, "ledger")
    assert new.decided_at == OCCASION.decided_at
    assert new.baselines == ("ewma", "har")
    assert new.find(elsewhere.key) == elsewhere
    now = new.find(KEY)
    assert now is not None
    assert not now.is_proven


def test_the_first_verdict_is_number_one() -> None:
    new = decide([], None, VerdictConfig(), OCCASION)

    assert new == Verdict(1, OCCASION.decided_at, "ledger", (), ())
