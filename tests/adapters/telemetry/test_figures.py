"""Metrics are read as figures: sums over labels, and times of lately."""

import pytest
from tests.fakes import FakeClock

from tsfm_runner.adapters.telemetry import MetricFigures, Metrics

ROUTES = ("/tsfm/forecast",)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_a_new_process_has_done_nothing(metrics: Metrics) -> None:
    figures = MetricFigures(metrics, FakeClock())(ROUTES)

    assert figures.requests == {}
    assert figures.request_times.p50_s is None
    assert figures.calls == {}
    assert figures.mean_batch_size is None
    assert not any(figures.cache.values())
    assert figures.n_outcomes == 0


def test_only_requests_for_forecasts_count(metrics: Metrics) -> None:
    metrics.requests.counts["/tsfm/forecast", "ok"] += 3
    metrics.requests.counts["/tsfm/forecast", "failed"] += 1
    metrics.requests.counts["/metrics", "ok"] += 7
    metrics.request_duration.observe(("/tsfm/forecast",), 0.02)
    metrics.request_duration.observe(("/tsfm/stream",), 900.0)

    figures = MetricFigures(metrics, FakeClock())(ROUTES)

    assert figures.requests == {"ok": 3, "failed": 1}
    assert figures.request_times.p95_s == pytest.approx(0.01 + 0.95 * 0.015)


def test_forecasts_are_summed_over_models(metrics: Metrics) -> None:
    metrics.forecasts.counts["tollama", "chronos2", "none"] += 2
    metrics.forecasts.counts["tollama", "moirai", "none"] += 1
    metrics.forecasts.counts["baseline", "ewma", "breaker_open"] += 4
    metrics.crossings.counts["chronos2",] += 5

    figures = MetricFigures(metrics, FakeClock())(ROUTES)

    assert figures.forecasts == {"tollama": 3, "baseline": 4}
    assert figures.fallbacks == {"breaker_open": 4}
    assert figures.n_crossings == 5


def test_calls_are_told_by_runtime_with_the_errors_that_occurred(
    metrics: Metrics,
) -> None:
    metrics.add_runtime("tollama")
    metrics.runtime_errors.counts["tollama", "timeout"] += 2
    for seconds in (0.3, 0.3, 0.3, 7.0):
        metrics.runtime_duration.observe(("tollama", "chronos2"), seconds)

    calls = MetricFigures(metrics, FakeClock())(ROUTES).calls

    assert list(calls) == ["tollama"]
    assert calls["tollama"].n == 4
    assert calls["tollama"].errors == {"timeout": 2}
    assert calls["tollama"].times.p50_s == pytest.approx(0.25 + 0.25 * 2 / 3)


def test_the_size_of_batches_is_their_mean(metrics: Metrics) -> None:
    metrics.batch_size.observe((), 1)
    metrics.batch_size.observe((), 4)

    assert MetricFigures(metrics, FakeClock())(ROUTES).mean_batch_size == 2.5


def test_times_are_those_of_the_last_minutes(metrics: Metrics) -> None:
    clock = FakeClock()
    read = MetricFigures(metrics, clock)
    seen = []
    for takes_s in (0.3, 0.3, 0.02, 0.02, 0.02):
        for _ in range(100):
            metrics.queue_wait.observe((), takes_s)
        seen.append(read(ROUTES).queue_times.p50_s)
        clock.now_s += 200

    assert seen[0] == pytest.approx(0.375)
    assert seen[1] == pytest.approx(0.375)
    assert seen[3] == pytest.approx(0.0175)  # since the second reading, 400 s before
    assert seen[4] == pytest.approx(0.0175)


def test_readings_in_a_row_are_not_all_remembered(metrics: Metrics) -> None:
    clock = FakeClock()
    read = MetricFigures(metrics, clock)
    metrics.queue_wait.observe((), 0.3)
    for _ in range(1_000):
        read(ROUTES)
        clock.now_s += 1.0

    assert read.n_marks <= 33
    assert read(ROUTES).queue_times.p50_s is None
