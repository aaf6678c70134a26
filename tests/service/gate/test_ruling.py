"""PASS, WAIT or ROLLBACK: which readings lead to which, and why."""

from dataclasses import replace

import numpy as np
import pytest
from tests.service.gate.live import START_S, Live, a_reading

from tsfm_runner.config import GateConfig
from tsfm_runner.domain.gating import GateRuling, Stage
from tsfm_runner.errors import ConfigurationError
from tsfm_runner.service.gate.ruling import rule

CONFIG = GateConfig.model_validate(
    {"canary_5": {"window_minutes": 10, "min_forecasts": 100, "min_outcomes": 50}}
)
GOOD = (12.0, 11.0, 10.0)


def good(live: Live, minutes: int, n: float = 20, **grown: float) -> None:
    for _ in range(minutes):
        live.read(n_forecasts=n, outcomes=GOOD, **grown)


def ruled(live: Live, config: GateConfig = CONFIG) -> GateRuling:
    return rule(live.readings, Stage.CANARY_5, config)


def state(ruling: GateRuling, name: str) -> str:
    [found] = [figure.state for figure in ruling.figures if figure.name == name]
    return found


def test_all_limits_held_over_a_full_window_pass() -> None:
    live = Live()
    good(live, 10)

    ruling = ruled(live)

    assert ruling.decision == "PASS"
    assert ruling.reasons == (
        "all limits held for 10.0 minutes and 200 forecasts meant for a model",
    )
    assert {figure.state for figure in ruling.figures} == {"holds"}
    assert (ruling.stage, ruling.time_s) == (Stage.CANARY_5, START_S + 600)
    window = ruling.window
    assert (window.began_at_s, window.seen_s, window.needed_s) == (START_S, 600, 600)
    assert (window.n_readings, window.n_restarts) == (11, 0)
    assert (window.broken_at_s, window.broken) == (None, ())


def test_the_first_reading_waits_for_everything() -> None:
    ruling = ruled(Live())

    assert ruling.decision == "WAIT"
    assert ruling.reasons == (
        "0.0 of 10 minutes were seen",
        "0 of 100 forecasts meant for a model came",
        "0 of 50 outcomes of models' bands came",
    )


def test_a_window_that_is_almost_full_waits_and_does_not_look_full() -> None:
    live = Live()
    good(live, 9)
    live.read(after_s=59, n_forecasts=20, outcomes=GOOD)

    ruling = ruled(live)

    assert (ruling.decision, ruling.reasons) == (
        "WAIT",
        ("9.9 of 10 minutes were seen",),
    )


def test_too_little_traffic_waits_however_long() -> None:
    live = Live()
    good(live, 99, n=1)

    assert ruled(live).reasons == ("99 of 100 forecasts meant for a model came",)
    good(live, 1, n=1)
    assert ruled(live).decision == "PASS"


def test_one_failure_of_three_waits() -> None:
    live = Live()
    live.read(n_forecasts=3, n_fallbacks=1, n_errors=1)

    ruling = ruled(live)

    assert ruling.decision == "WAIT"
    assert state(ruling, "error_rate") == state(ruling, "fallback_rate") == "above"


@pytest.mark.parametrize(
    ("grown", "broken"),
    [
        ({"n_fallbacks": 16}, "fallback_rate"),
        ({"n_errors": 4}, "error_rate"),
        ({"n_fallbacks": 6, "n_invalid": 6}, "invalid_rate"),
        ({"slow": 16}, "p95_ms"),
        ({"breaker_open_s": 20}, "breaker_open_share"),
    ],
)
def test_a_limit_that_is_broken_beyond_doubt_rolls_back(
    grown: dict[str, float], broken: str
) -> None:
    live = Live()
    good(live, 5)
    live.read(n_forecasts=20, **grown)  # type: ignore[arg-type]

    ruling = ruled(live)

    assert ruling.decision == "ROLLBACK"
    assert len(ruling.reasons) == 1
    assert state(ruling, broken) == "broken"


def test_coverage_too_narrow_rolls_back() -> None:
    live = Live()
    live.read(n_forecasts=20, outcomes=(4_000, 1_200, 1_000))

    ruling = ruled(live)

    assert ruling.decision == "ROLLBACK"
    assert state(ruling, "coverage_error") == "broken"


def test_every_limit_that_is_broken_is_a_reason() -> None:
    live = Live()
    live.read(n_forecasts=40, n_fallbacks=40, n_errors=40, breaker_open_s=60)

    assert [one.split(" (")[0] for one in ruled(live).reasons] == [
        "40 of 40 forecast requests failed",
        "40 of 40 forecasts meant for a model were answered by something else",
        "a breaker was open for 60 s; 6 s of the window may",
    ]


def test_a_long_good_past_hides_no_bad_minutes() -> None:
    config = GateConfig.model_validate(
        {"canary_5": {"window_minutes": 600, "min_outcomes": 0}}
    )
    live = Live()
    good(live, 500)
    live.read(n_forecasts=20, n_fallbacks=20)

    ruling = ruled(live, config)

    assert ruling.decision == "ROLLBACK"
    [reason] = ruling.reasons
    assert reason == (
        "20 of 100 forecasts meant for a model were answered by something else "
        "(20.00%) lately; 5.00% may"
    )


def test_time_is_clean_anew_after_a_reading_that_broke_a_limit() -> None:
    live = Live()
    good(live, 10)
    live.read(n_forecasts=20, n_fallbacks=20)
    at_once = ruled(live)
    good(live, 9)
    later = ruled(live)
    good(live, 1)
    at_last = ruled(live)

    assert [one.decision for one in (at_once, later, at_last)] == [
        "ROLLBACK",
        "WAIT",
        "PASS",
    ]
    assert at_once.window.broken == ()
    assert later.window.broken == ("fallback_rate",)
    assert later.window.broken_at_s == later.window.began_at_s == START_S + 11 * 60
    assert state(at_last, "fallback_rate") == "holds"


def test_what_is_above_a_limit_leaves_the_window_with_time() -> None:
    live = Live()
    live.read(n_forecasts=20, n_fallbacks=4, outcomes=GOOD)
    good(live, 2, n=20)
    early = ruled(live)
    good(live, 8)
    later = ruled(live)

    assert state(early, "fallback_rate") == "above"
    assert early.decision == "WAIT"
    assert later.decision == "PASS"
    assert later.window.began_at_s == START_S + 60


def test_a_window_reaches_back_until_it_has_enough() -> None:
    live = Live()
    good(live, 50, n=4)

    ruling = ruled(live)

    assert ruling.decision == "PASS"
    assert ruling.window.seen_s == 25 * 60


def test_a_service_that_begins_anew_again_and_again_waits_until_it_stays() -> None:
    live = Live()
    good(live, 10)
    for _ in range(4):
        live.restart(after_s=20)
        good(live, 1)

    waits = ruled(live)
    good(live, 9)

    assert waits.decision == "WAIT"
    assert waits.reasons == ("the service began anew 4 times; 3 may",)
    assert ruled(live).decision == "PASS"


def test_restarts_are_told_and_only_time_that_was_seen_counts() -> None:
    live = Live()
    good(live, 9)
    live.restart(after_s=300)
    good(live, 1)

    ruling = ruled(live)

    assert ruling.decision == "PASS"
    assert (ruling.window.seen_s, ruling.window.n_restarts) == (600, 1)


def test_readings_at_another_share_are_another_stage() -> None:
    live = Live(a_reading(rollout_percent=25.0))
    good(live, 60)
    live.now = replace(live.now, rollout_percent=5.0)
    good(live, 3)

    assert ruled(live).window.seen_s == 120


@pytest.mark.parametrize("stage", [Stage.CANARY_25, Stage.FULL_100])
def test_a_service_at_another_stage_is_refused(stage: Stage) -> None:
    with pytest.raises(ConfigurationError, match="rollout_percent of the service is 5"):
        rule(Live().readings, stage, CONFIG)


def test_coverage_stops_nothing_where_no_outcomes_are_asked_for() -> None:
    config = GateConfig.model_validate(
        {"canary_5": {"window_minutes": 1, "min_forecasts": 10, "min_outcomes": 0}}
    )
    live = Live()
    live.read(n_forecasts=10)

    ruling = ruled(live, config)

    assert ruling.decision == "PASS"
    assert state(ruling, "coverage_error") == "unknown"


def simulated(rng: np.random.Generator, minutes: int, share: float) -> Live:
    """Return a service that uses a share of each limit, by chance."""
    live = Live()
    for _ in range(minutes):
        n = int(rng.poisson(20))
        hits = rng.binomial(
            n, [0.05 * share, 0.001 * share, 0.005 * share, 0.05 * share]
        )
        slow, errors, invalid, fallbacks = map(float, hits)
        live.read(
            n_forecasts=n,
            slow=slow,
            n_errors=errors,
            n_invalid=invalid,
            n_fallbacks=fallbacks,
            outcomes=GOOD,
        )
    return live


def test_a_service_well_within_its_limits_passes_and_one_beyond_does_not() -> None:
    rng = np.random.default_rng(20260220)
    config = GateConfig.model_validate({"canary_5": {"window_minutes": 240}})

    within = [ruled(simulated(rng, 240, 0.5), config) for _ in range(20)]
    beyond = [ruled(simulated(rng, 240, 2.0), config) for _ in range(20)]

    assert sum(one.window.broken_at_s is None for one in within) == 20
    assert sum(one.decision == "PASS" for one in within) >= 18
    assert sum(one.decision == "PASS" for one in beyond) == 0
